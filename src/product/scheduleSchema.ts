import type { Static } from 'typebox';
import { closed, SearchRequestSchema } from './requestSchema.ts';
import { Type } from './type.ts';

const instant = (description: string) => Type.String({ format: 'date-time', description });

/** A search that is run again and again, as a caller writes it. */
export const ScheduleSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9-]{1,60}$', description: 'stands for the schedule everywhere' }),
    cron: Type.Optional(
      Type.String({
        maxLength: 200,
        description:
          'minute hour day month weekday, or a nickname such as @daily, on the clocks of `tz`. Where they skip a fixed ' +
          'time, it runs at the end of the gap; where they show it twice, it runs once. One of cron, every and auto',
      }),
    ),
    tz: Type.Optional(
      Type.String({ default: 'UTC', description: 'IANA time zone of `cron`, such as Europe/Berlin' }),
    ),
    every: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        description: 'seconds between two runs, counted from the first; at least SCHEDULE_MIN_INTERVAL',
      }),
    ),
    auto: Type.Optional(
      Type.Object(
        {
          atLeastEvery: Type.Optional(
            Type.Number({
              exclusiveMinimum: 0,
              maximum: 31_536_000,
              default: 86_400,
              description: 'longest time between the beginnings of two runs, seconds: it is kept first',
            }),
          ),
          atMostEvery: Type.Optional(
            Type.Number({
              exclusiveMinimum: 0,
              maximum: 31_536_000,
              description:
                'shortest time between two runs, seconds; default and least: SCHEDULE_MIN_INTERVAL',
            }),
          ),
          value: Type.Optional(
            Type.Number({
              exclusiveMinimum: 0,
              maximum: 1000,
              default: 1,
              description: 'what one change is worth, compared with those of other schedules and watchlists',
            }),
          ),
        },
        {
          ...closed,
          description:
            'the planner runs it when a run is worth most: it learns how often something changes. Needs a request with `track`',
        },
      ),
    ),
    start: Type.Optional(instant('no run before; where `every` counts from; default: now')),
    end: Type.Optional(instant('no run after')),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'runs altogether; then it is done' }),
    ),
    dailyCalls: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'most calls to eBay a day' }),
    ),
    request: {
      ...SearchRequestSchema,
      description: 'what to search; its priority is `scheduled` by default',
    },
  },
  { ...closed, title: 'Schedule', description: 'needs cron, every or auto' },
);

/** A schedule as a caller writes it. */
export type Schedule = Static<typeof ScheduleSchema>;

export const SCHEDULE_NAME = /^[a-z0-9-]{1,60}$/;
