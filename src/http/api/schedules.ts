import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { type Schedule, ScheduleSchema } from '../../product/scheduleSchema.ts';
import type { Schedules } from '../../queue/schedules/schedules.ts';
import { type Access, callerOf, type Routes } from '../access.ts';
import { notFound } from '../problem.ts';
import { ScheduleState, SearchAdded } from './schemas.ts';
import { bodyRequired, namesAnother, type ProducerOf } from './searches.ts';

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const READ = { access: ['schedule', 'read'] } satisfies { access: Access };
const CHANGE = { access: ['schedule'] } satisfies { access: Access };

/** Searches that are run again and again. */
export function scheduleRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  const schedulesOf = (request: Pick<FastifyRequest, 'caller'>) =>
    producerOf(callerOf(request).tenant).schedule;
  return (app) => {
    const route = (summary: string, response: object) => ({
      tags: ['schedules'],
      summary,
      params: Name,
      response,
    });

    app.post(
      '/v1/schedules',
      {
        config: CHANGE,
        schema: {
          tags: ['schedules'],
          summary: 'Add one, or change the one of this name; the same again changes nothing',
          body: ScheduleSchema,
          response: { 200: ScheduleState },
        },
      },
      async (request) => {
        const { body } = request;
        if (body === undefined) throw bodyRequired('a schedule');
        const wanted = (body as Partial<Schedule> | null)?.request;
        if (namesAnother(wanted, callerOf(request).tenant)) throw notFound();
        return schedulesOf(request).add(body);
      },
    );

    app.get(
      '/v1/schedules',
      {
        config: READ,
        schema: {
          tags: ['schedules'],
          summary: 'All of them, by name',
          response: { 200: Type.Object({ schedules: Type.Array(ScheduleState) }) },
        },
      },
      async (request) => ({ schedules: await schedulesOf(request).list() }),
    );

    app.get(
      '/v1/schedules/:name',
      { config: READ, schema: route('One, with its last runs', { 200: ScheduleState }) },
      async (request) => schedulesOf(request).get(request.params.name),
    );

    app.delete(
      '/v1/schedules/:name',
      {
        config: CHANGE,
        schema: route('Remove it; a run that is under way continues', { 204: Type.Null() }),
      },
      async (request, reply) => {
        await schedulesOf(request).remove(request.params.name);
        return reply.code(204).send();
      },
    );

    const change = (verb: string, summary: string, act: (schedules: Schedules, name: string) => unknown) =>
      app.post(
        `/v1/schedules/:name/${verb}`,
        { config: CHANGE, schema: route(summary, { 200: ScheduleState }) },
        async (request) => {
          const { name } = request.params as { name: string };
          await act(schedulesOf(request), name);
          return schedulesOf(request).get(name);
        },
      );
    change('pause', 'Begin no further run until it is resumed', (schedules, name) => schedules.pause(name));
    change('resume', 'Continue in the rhythm it had', (schedules, name) => schedules.resume(name));

    app.post(
      '/v1/schedules/:name/run',
      { config: CHANGE, schema: route('Run it once now, besides the planned runs', { 202: SearchAdded }) },
      async (request, reply) => {
        reply.code(202);
        return schedulesOf(request).runNow(request.params.name);
      },
    );
  };
}
