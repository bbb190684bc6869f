import type { TSchema } from 'typebox';
import { OUTCOMES } from '../../product/summary.ts';
import { Type } from '../../product/type.ts';
import { CALLER_KINDS } from '../../queue/caller.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import {
  type ListedSearch,
  LONGEST_FILTER,
  MOST_LISTED,
  SEARCH_STATES,
  type SearchListQuery,
  STATE_FILTERS,
} from '../../queue/searchList.ts';
import { type App, callerOf, keyed } from '../access.ts';
import { SearchState } from './schemas.ts';

const nullable = <Schema extends TSchema>(schema: Schema, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const instant = (description: string) => Type.String({ format: 'date-time', description });
const filter = (description: string) =>
  Type.Optional(Type.String({ maxLength: LONGEST_FILTER, description }));

const Query = Type.Object(
  {
    state: Type.Optional(
      Type.Enum([...STATE_FILTERS], { description: 'only those in this state; under-way: not done' }),
    ),
    outcome: Type.Optional(Type.Enum([...OUTCOMES], { description: 'only those that ended so' })),
    text: filter('only those with all of these words in their title, or with this id'),
    caller: filter(
      'only those that it asked for: id or name of an API key, name of a schedule or a watchlist, or http, page, cli, mcp, ' +
        'schedule, watchlist, library, unknown',
    ),
    since: filter(
      'only those added within this time (30m, 2h, 3d) or after this time with its offset, or day in UTC',
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MOST_LISTED, default: 50, description: 'searches of one part' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 400, description: '`next` of the part before' })),
  },
  { additionalProperties: false },
);

const Listed = Type.Object({
  searchId: Type.String(),
  state: Type.Enum([...SEARCH_STATES]),
  outcome: nullable(Type.Enum([...OUTCOMES]), 'null until it has ended'),
  title: nullable(Type.String(), 'what it looks for, in words; null where its job cannot be read'),
  marketplaces: Type.Array(Type.String()),
  priority: Type.Enum(['interactive', 'scheduled', 'backfill'], { description: 'its class' }),
  addedAt: instant('when it was added; of a planned run, when it became due'),
  startedAt: nullable(instant(''), 'when its present run began'),
  finishedAt: nullable(instant(''), ''),
  age: Type.Integer({ description: 'seconds since it was added' }),
  caller: Type.Object(
    {
      kind: Type.Enum([...CALLER_KINDS], {
        description:
          'library: a program with this package, or release 0.2; unknown: a program with plain BullMQ',
      }),
      key: nullable(Type.String(), 'of http, page and mcp: the id of the API key'),
      name: nullable(Type.String(), 'of the key, the schedule or the watchlist'),
    },
    { description: 'who asked for it' },
  ),
  calls: nullable(Type.Integer(), 'calls to eBay; until it has ended, as its pages are there'),
  products: nullable(Type.Integer(), 'the same of its products'),
  progress: SearchState.properties.progress,
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() }), 'of one that failed'),
  missing: Type.Integer({ description: 'parts of its result that failed; a retry calls for them' }),
});

const Part = Type.Object({
  searches: Type.Array(Listed, { description: 'newest first' }),
  next: nullable(
    Type.String(),
    'cursor of the next part; null: there is none. A filtered part looks at 1,000 searches at most, so it may be short',
  ),
});

/** The list of a tenant's searches. */
export function searchListRoute(app: App, producerOf: (tenant: string) => SearchProducer): void {
  app.get(
    '/v1/searches',
    keyed(['read'], 'searches', 'All of them, newest first, with filters', {
      querystring: Query,
      response: { 200: Part },
    }),
    async (request, reply) => {
      const { searches, next } = await producerOf(callerOf(request).tenant).list(request.query);
      if (next !== null) reply.header('link', `<${nextAddress(request.query, next)}>; rel="next"`);
      return { searches: searches.map(({ request: _, ...listed }): ListedSearch => listed), next };
    },
  );
}

function nextAddress(query: SearchListQuery, cursor: string): string {
  const address = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, cursor }))
    if (value !== undefined) address.set(name, String(value));
  return `/v1/searches?${address}`;
}
