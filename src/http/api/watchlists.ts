import type { FastifyReply } from 'fastify';
import { isObject } from '../../product/parseRequest.ts';
import { closed } from '../../product/requestSchema.ts';
import { Type } from '../../product/type.ts';
import { MAX_COLUMN_NAME, MAX_WATCHED, WatchlistSchema } from '../../product/watchlistSchema.ts';
import { importWith, upsertList, type WatchlistChanges } from '../../queue/watch/watchlists/upsert.ts';
import {
  type ImportEntry,
  type ImportSource,
  optionsIn,
  WATCH_STATES,
  type WatchedEntry,
} from '../../queue/watch/watchlists/watchlists.ts';
import { allEntries, watchedCsv } from '../../text/watchlists.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import { problem, unsupportedMediaType } from '../problem.ts';
import { acceptCsv, CsvBody } from './body.ts';
import { IfMatch, seenIn, tagged } from './ifMatch.ts';
import { ImportDone, WatchedPageSchema, WatchlistState } from './schemas.ts';
import { bodyRequired, type ProducerOf } from './searches.ts';

const READ: Role[] = ['schedule', 'read'];
const CHANGE: Role[] = ['schedule'];

/** Of an import, bytes: 20,000 addresses with 300 bytes of own columns each. */
const IMPORT_LIMIT = 8 * 1024 * 1024;

const { name: _name, ...OPTIONS } = WatchlistSchema.properties;
const Entry = Type.Union([
  Type.String({ description: 'id of a listing or an item, or the address of its page' }),
  Type.Object(
    { item: Type.String() },
    {
      additionalProperties: true,
      description: 'the same with your own columns, such as {"item": "110587654321", "sku": "HUB-7"}',
    },
  ),
]);
const Entries = Type.Array(Entry, { maxItems: MAX_WATCHED, description: 'the listings' });
const List = Type.Object({ ...WatchlistSchema.properties, entries: Type.Optional(Entries) }, closed);
const Content = Type.Object({ ...OPTIONS, entries: Entries }, closed);
const Changes = Type.Object(OPTIONS, { ...closed, description: 'null: back to its default' });
const Listings = Type.Object({ entries: Entries }, closed);

const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }));
const ImportQuery = Type.Object(
  {
    skipWrong: flag('import what is right and leave out what is wrong; else nothing is stored then'),
    dryRun: flag('say what the import would do, and store nothing'),
    column: Type.Optional(
      Type.String({
        maxLength: MAX_COLUMN_NAME,
        description: 'of csv: name of the column with the listings',
      }),
    ),
  },
  closed,
);
const PageQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...WATCH_STATES], { description: 'only listings in this state' })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'listings of one page' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: '`next` of the page before' })),
    format: Type.Optional(
      Type.Enum(['json', 'csv'], { default: 'json', description: 'csv: all listings at once' }),
    ),
  },
  closed,
);

const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) });
const oneState = { response: { 200: WatchlistState } };
const done = { querystring: ImportQuery, response: { 200: ImportDone } };

/** Named sets of listings that are watched. */
export function watchlistRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  const listsOf = (request: { caller: Caller | null }) => producerOf(callerOf(request).tenant).watchlists;
  const route = <Schema extends object>(access: Role[], summary: string, schema: Schema) =>
    keyed(access, 'watchlists', summary, schema);
  const importing = <Schema extends object>(summary: string, schema: Schema) => ({
    ...route(CHANGE, summary, { ...schema, ...done }),
    bodyLimit: IMPORT_LIMIT,
  });
  return (app) => {
    acceptCsv(app);
    app.post(
      '/v1/watchlists',
      importing('Make a list, or change the options named; listings are added', { body: List }),
      async (request) => {
        const { entries = [], ...watchlist } = fieldsOf(request.body);
        return importWith(
          listsOf(request),
          watchlist as WatchlistChanges,
          sourceOf(entries, request.query),
          request.query,
        );
      },
    );

    app.get(
      '/v1/watchlists',
      route(READ, 'All lists, by name', {
        response: { 200: Type.Object({ watchlists: Type.Array(WatchlistState) }) },
      }),
      async (request) => ({ watchlists: await listsOf(request).list() }),
    );

    app.get(
      '/v1/watchlists/:name',
      route(
        READ,
        'One list: how many listings are in which state, and what it costs; its ETag is of its options',
        {
          params,
          ...oneState,
        },
      ),
      async (request, reply) => {
        const report = await listsOf(request).get(request.params.name);
        return tagged(reply, report, optionsIn(report));
      },
    );

    app.patch(
      '/v1/watchlists/:name',
      route(
        CHANGE,
        'Change the options named; the others, and the listings, stay. With If-Match they must still have that ETag (412)',
        {
          params,
          body: Changes,
          headers: IfMatch,
          ...oneState,
        },
      ),
      async (request, reply) => {
        const { name } = request.params;
        const changes = withoutName(fieldsOf(request.body));
        const options = { mustExist: true, seen: seenIn(request.headers) };
        const report = await upsertList(listsOf(request), { ...changes, name }, options);
        return tagged(reply, report, optionsIn(report));
      },
    );

    app.delete(
      '/v1/watchlists/:name',
      route(CHANGE, 'Remove the list, its listings and what was seen of them', {
        params,
        response: { 204: Type.Null() } as object,
      }),
      async (request, reply) => {
        await listsOf(request).remove(request.params.name);
        return reply.code(204).send();
      },
    );

    const pauses = { pause: 'Begin no further look until it is resumed', resume: 'Look at it again' };
    for (const verb of ['pause', 'resume'] as const)
      app.post(
        `/v1/watchlists/:name/${verb}`,
        route(CHANGE, pauses[verb], { params, ...oneState }),
        async (request) => {
          const { name } = request.params;
          await listsOf(request)[verb](name);
          return listsOf(request).get(name);
        },
      );

    app.get(
      '/v1/watchlists/:name/entries',
      route(READ, 'Its listings, with what was last seen of each', {
        params,
        querystring: PageQuery,
        response: { 200: WatchedPageSchema },
      }),
      async (request, reply) => {
        const { name } = request.params;
        const { state, limit, cursor: after, format } = request.query;
        const lists = listsOf(request);
        if (format === 'csv') {
          const all: WatchedEntry[] = [];
          for await (const part of allEntries((page) => lists.entries(name, { ...page, state })))
            all.push(...part);
          reply.header('content-disposition', `attachment; filename="watchlist-${name}.csv"`);
          const csv: FastifyReply = reply.type('text/csv; charset=utf-8; header=present');
          return csv.send(watchedCsv(all));
        }
        const page = await lists.entries(name, { after, limit, state });
        if (page.next !== null) {
          const parameters = new URLSearchParams({
            ...(request.query as Record<string, string>),
            cursor: page.next,
          });
          reply.header('link', `</v1/watchlists/${name}/entries?${parameters}>; rel="next"`);
        }
        return page;
      },
    );

    app.put(
      '/v1/watchlists/:name',
      importing('Give the list these listings and no others; JSON may name options too', {
        params,
        body: Content,
      }),
      async (request) => {
        const { body, query } = request;
        const { name } = request.params;
        const fields = body instanceof CsvBody ? { entries: body } : fieldsOf(body);
        const { entries, ...changes } = withoutName(fields);
        const options = { ...query, mode: 'replace' as const };
        return importWith(listsOf(request), { ...changes, name }, sourceOf(entries, query), options);
      },
    );

    const changes = {
      entries: ['add', 'Add listings; those that are there get the columns that are sent'],
      'entries/remove': ['remove', 'Remove the listings named'],
    } as const;
    for (const [path, [mode, summary]] of Object.entries(changes))
      app.post(
        `/v1/watchlists/:name/${path}`,
        importing(summary, { params, body: Listings }),
        async (request) => {
          const { body, query } = request;
          const { name } = request.params;
          const lists = listsOf(request);
          // An import would make a list that is not there.
          await lists.get(name);
          const { entries, ...others } = body instanceof CsvBody ? { entries: body } : fieldsOf(body);
          refuseFields(others);
          return lists.import(name, sourceOf(entries, query), { ...query, mode });
        },
      );
  };
}

/** The fields of a JSON object. @throws Problem for another body */
function fieldsOf(body: unknown): Record<string, unknown> {
  if (body === undefined) throw bodyRequired('listings or options');
  if (body instanceof CsvBody) throw unsupportedMediaType();
  if (isObject(body)) return body;
  throw problem(400, 'invalid_payload', 'send a JSON object, such as {"entries": ["110587654321"]}');
}

/** Options of the list that the path names. @throws Problem where they hold a name too */
function withoutName<Fields extends Record<string, unknown>>(fields: Fields): Fields {
  if (!Object.hasOwn(fields, 'name')) return fields;
  throw problem(400, 'unknown_field', 'a list keeps its name', { path: 'name' });
}

/** @throws Problem */
function refuseFields(fields: object): void {
  const [path] = Object.keys(fields);
  if (path === undefined) return;
  throw problem(400, 'unknown_field', 'is no field here; only entries', { path: path.slice(0, 64) });
}

/** @throws Problem where there is neither CSV nor a list */
function sourceOf(entries: unknown, { column }: { column?: string | undefined } = {}): ImportSource {
  if (entries instanceof CsvBody) return { csv: entries.text, ...(column !== undefined && { column }) };
  if (column !== undefined) throw problem(400, 'column_needs_csv', 'is for csv only', { path: 'column' });
  if (Array.isArray(entries)) return { entries: entries as ImportEntry[] };
  throw problem(400, 'required', 'must be a list of listings', { path: 'entries' });
}
