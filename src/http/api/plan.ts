import { PlanReportSchema } from '../../product/planReport.ts';
import { closed } from '../../product/requestSchema.ts';
import { ScheduleSchema } from '../../product/scheduleSchema.ts';
import { Type } from '../../product/type.ts';
import { MAX_WATCHED, WatchlistSchema } from '../../product/watchlistSchema.ts';
import type { PlanOptions } from '../../queue/producer.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import { problem } from '../problem.ts';
import { bodyRequired, type ProducerOf, refuseOtherTenant } from './searches.ts';

const READ: Role[] = ['read', 'schedule'];
/** Of a list of schedules, bytes. */
const BODY_LIMIT = 1024 * 1024;

const calls = Type.Integer({
  minimum: 1,
  maximum: 1_000_000,
  description: 'another daily limit: what it would bring',
});
const Watchlist = Type.Object(
  {
    ...WatchlistSchema.properties,
    listings: Type.Integer({ minimum: 1, maximum: MAX_WATCHED, description: 'how many it would have' }),
  },
  closed,
);
const One = Type.Union([ScheduleSchema, Watchlist]);
const Body = Type.Object(
  {
    calls: Type.Optional(calls),
    add: Type.Union([One, Type.Array(One, { minItems: 1, maxItems: 1000 })], {
      description: 'schedules, or watchlists by their number of listings, that do not exist yet',
    }),
  },
  closed,
);

/** What schedules and watchlists cost a day and how soon they see a change, and what changes of it would bring. */
export function planRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  return (app) => {
    app.get(
      '/v1/plan',
      keyed(READ, 'schedules', 'Calls a day, expected and measured delay of each schedule and watchlist', {
        querystring: Type.Object({ calls: Type.Optional(calls) }, closed),
        response: { 200: PlanReportSchema },
      }),
      (request) => producerOf(callerOf(request).tenant).plan(request.query),
    );

    app.post(
      '/v1/plan',
      {
        ...keyed(READ, 'schedules', 'The same, and what new ones would cost; nothing is added', {
          body: Body,
          response: { 200: PlanReportSchema },
        }),
        bodyLimit: BODY_LIMIT,
      },
      async (request) => {
        const body = request.body as unknown;
        if (typeof body !== 'object' || body === null || Array.isArray(body))
          throw bodyRequired('an object with `add`');
        const { add, calls, ...others } = body as Record<string, unknown>;
        const [unknown] = Object.keys(others);
        if (unknown !== undefined)
          throw problem(400, 'unknown_field', 'is no field here; known: add, calls', {
            path: unknown.slice(0, 64),
          });
        const { tenant } = callerOf(request);
        for (const each of Array.isArray(add) ? add : [add]) refuseOtherTenant(each?.request, tenant);
        return producerOf(tenant).plan({ add, calls } as PlanOptions);
      },
    );
  };
}
