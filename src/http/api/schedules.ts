import Type from 'typebox';
import { type Schedule, ScheduleSchema } from '../../product/scheduleSchema.ts';
import type { Schedules } from '../../queue/schedules/schedules.ts';
import type { Caller } from '../auth/authenticator.ts';
import { notFound } from '../problem.ts';
import type { Section } from '../section.ts';
import { ScheduleStanding, SearchAdded } from './schemas.ts';
import { bodyRequired, namesAnother, type ProducerOf } from './searches.ts';

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const tags = ['schedules'];

/** Searches that are run again and again. */
export function scheduleRoutes({ producerOf }: { producerOf: ProducerOf }): Section {
  return {
    rules: [
      { method: 'POST', url: '/v1/schedules', access: ['schedule'] },
      { method: 'GET', url: '/v1/schedules', access: ['schedule', 'read'] },
      { method: 'GET', url: '/v1/schedules/:name', access: ['schedule', 'read'] },
      { method: 'DELETE', url: '/v1/schedules/:name', access: ['schedule'] },
      ...CHANGES.map(({ verb }) => ({
        method: 'POST',
        url: `/v1/schedules/:name/${verb}`,
        access: ['schedule'] as const,
      })),
    ],
    register(app) {
      const schedules = (caller: Caller | null) => producerOf((caller as Caller).tenant).schedule;

      app.post(
        '/v1/schedules',
        {
          schema: {
            tags,
            summary: 'Add one, or change the one of this name; the same again changes nothing',
            body: ScheduleSchema,
            response: { 200: ScheduleStanding },
          },
        },
        async ({ body, caller }) => {
          if (body === undefined) throw bodyRequired('a schedule');
          if (namesAnother((body as Partial<Schedule> | null)?.request, (caller as Caller).tenant))
            throw notFound();
          return schedules(caller).add(body as Schedule);
        },
      );

      app.get(
        '/v1/schedules',
        {
          schema: {
            tags,
            summary: 'All of them, by name',
            response: { 200: Type.Object({ schedules: Type.Array(ScheduleStanding) }) },
          },
        },
        async ({ caller }) => ({ schedules: await schedules(caller).list() }),
      );

      app.get(
        '/v1/schedules/:name',
        { schema: { tags, summary: 'How it stands', params: Name, response: { 200: ScheduleStanding } } },
        async ({ params, caller }) => schedules(caller).get(params.name),
      );

      app.delete(
        '/v1/schedules/:name',
        {
          schema: {
            tags,
            summary: 'Forget it; a run that is under way goes on',
            params: Name,
            response: { 204: Type.Null() },
          },
        },
        async ({ params, caller }, reply) => {
          await schedules(caller).remove(params.name);
          return reply.code(204).send(null);
        },
      );

      for (const { verb, summary, status, answer, change } of CHANGES)
        app.post(
          `/v1/schedules/:name/${verb}`,
          { schema: { tags, summary, params: Name, response: { [status]: answer } } },
          async ({ params, caller }, reply) => {
            reply.code(status);
            return change(schedules(caller), (params as { name: string }).name);
          },
        );
    },
  };
}

const CHANGES = [
  {
    verb: 'pause',
    summary: 'Begin no further run until it is resumed',
    status: 200,
    answer: ScheduleStanding,
    change: async (schedules: Schedules, name: string) => {
      await schedules.pause(name);
      return schedules.get(name);
    },
  },
  {
    verb: 'resume',
    summary: 'Go on in the rhythm it had',
    status: 200,
    answer: ScheduleStanding,
    change: async (schedules: Schedules, name: string) => {
      await schedules.resume(name);
      return schedules.get(name);
    },
  },
  {
    verb: 'run',
    summary: 'Run it once now, besides the planned runs',
    status: 202,
    answer: SearchAdded,
    change: (schedules: Schedules, name: string) => schedules.runNow(name),
  },
];
