import { closed } from '../../product/requestSchema.ts';
import { type Schedule, ScheduleSchema } from '../../product/scheduleSchema.ts';
import { Type } from '../../product/type.ts';
import { definitionIn } from '../../queue/schedules/definition.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import { IfMatch, seenIn, tagged } from './ifMatch.ts';
import { ScheduleState, SearchAdded } from './schemas.ts';
import { bodyRequired, type ProducerOf, refuseOtherTenant } from './searches.ts';

const READ: Role[] = ['schedule', 'read'];
const CHANGE: Role[] = ['schedule'];
const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const oneState = { response: { 200: ScheduleState } };

/** Searches that are run again and again. */
export function scheduleRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  const schedulesOf = (request: { caller: Caller | null }) => producerOf(callerOf(request).tenant).schedule;
  const route = <Schema extends object>(access: Role[], summary: string, schema: Schema) =>
    keyed(access, 'schedules', summary, schema);
  return (app) => {
    const addition =
      'Add one; the same again changes nothing. Another one of the same name is refused (409), or replaced with replace=true. ' +
      'With If-Match the present one must still have that ETag (412)';
    const querystring = Type.Object(
      {
        replace: Type.Optional(Type.Boolean({ default: false, description: 'change the one of this name' })),
      },
      closed,
    );
    app.post(
      '/v1/schedules',
      route(CHANGE, addition, { body: ScheduleSchema, querystring, headers: IfMatch, ...oneState }),
      async (request, reply) => {
        const { body } = request;
        if (body === undefined) throw bodyRequired('a schedule');
        refuseOtherTenant((body as Partial<Schedule> | null)?.request, callerOf(request).tenant);
        const seen = seenIn(request.headers);
        const { replace } = request.query;
        const report = await schedulesOf(request).add(body, { replace, seen, via: 'http' });
        return tagged(reply, report, definitionIn(report));
      },
    );

    const all = Type.Object({ schedules: Type.Array(ScheduleState) });
    app.get(
      '/v1/schedules',
      route(READ, 'All of them, by name', { response: { 200: all } }),
      async (request) => ({ schedules: await schedulesOf(request).list() }),
    );

    app.get(
      '/v1/schedules/:name',
      route(READ, 'One, with its last runs; its ETag is of what a caller wrote', { params, ...oneState }),
      async (request, reply) => {
        const report = await schedulesOf(request).get(request.params.name);
        return tagged(reply, report, definitionIn(report));
      },
    );

    app.delete(
      '/v1/schedules/:name',
      route(CHANGE, 'Remove it; a run that is under way continues', {
        params,
        response: { 204: Type.Null() } as object,
      }),
      async (request, reply) => {
        await schedulesOf(request).remove(request.params.name);
        return reply.code(204).send();
      },
    );

    const changes = {
      pause: 'Begin no further run until it is resumed',
      resume: 'Continue in the rhythm it had',
    };
    for (const verb of ['pause', 'resume'] as const)
      app.post(
        `/v1/schedules/:name/${verb}`,
        route(CHANGE, changes[verb], { params, ...oneState }),
        async (request) => {
          const { name } = request.params;
          await schedulesOf(request)[verb](name);
          return schedulesOf(request).get(name);
        },
      );

    app.post(
      '/v1/schedules/:name/run',
      route(CHANGE, 'Run it once now, besides the planned runs', { params, response: { 202: SearchAdded } }),
      async (request, reply) => {
        reply.code(202);
        return schedulesOf(request).runNow(request.params.name);
      },
    );
  };
}
