import { type Alert, AlertSchema } from '../../product/alertSchema.ts';
import { Type } from '../../product/type.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import { AlertState } from './schemas.ts';
import { bodyRequired, type ProducerOf } from './searches.ts';

const READ: Role[] = ['schedule', 'read'];
const CHANGE: Role[] = ['schedule'];
const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const oneState = { response: { 200: AlertState } };

/** What is worth a message, and to which channels it is sent. */
export function alertRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  const alertsOf = (request: { caller: Caller | null }) => producerOf(callerOf(request).tenant).alerts;
  const route = <Schema extends object>(access: Role[], summary: string, schema: Schema) =>
    keyed(access, 'alerts', summary, schema);
  return (app) => {
    app.post(
      '/v1/alerts',
      route(CHANGE, 'Make an alert, or replace the one of this name', { body: AlertSchema, ...oneState }),
      async (request) => {
        if (request.body === undefined) throw bodyRequired('an alert');
        return alertsOf(request).put(request.body as Alert);
      },
    );

    const all = Type.Object({ alerts: Type.Array(AlertState) });
    app.get(
      '/v1/alerts',
      route(READ, 'All alerts, by name', { response: { 200: all } }),
      async (request) => ({ alerts: await alertsOf(request).list() }),
    );

    app.get('/v1/alerts/:name', route(READ, 'One alert', { params, ...oneState }), async (request) =>
      alertsOf(request).get(request.params.name),
    );

    app.delete(
      '/v1/alerts/:name',
      route(CHANGE, 'Remove it with what it knows and what waits', {
        params,
        response: { 204: Type.Null() } as object,
      }),
      async (request, reply) => {
        await alertsOf(request).remove(request.params.name);
        return reply.code(204).send();
      },
    );

    const changes = {
      pause: 'Compare and send nothing until it is resumed',
      resume: 'Compare and send again',
    };
    for (const verb of ['pause', 'resume'] as const)
      app.post(
        `/v1/alerts/:name/${verb}`,
        route(CHANGE, changes[verb], { params, ...oneState }),
        async (request) => {
          const { name } = request.params;
          await alertsOf(request)[verb](name);
          return alertsOf(request).get(name);
        },
      );
  };
}
