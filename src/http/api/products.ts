import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { csvHeader, csvLine } from '../../product/csv.ts';
import { compare, type Money, money } from '../../product/money.ts';
import { type Product, ProductSchema } from '../../product/product.ts';
import { callerOf, type Routes } from '../access.ts';
import { problem } from '../problem.ts';
import { SearchId } from './schemas.ts';
import type { ProducerOf } from './searches.ts';

const closed = { additionalProperties: false };
const list = (values: string, description: string) =>
  Type.Optional(Type.String({ pattern: `^(${values})(,(${values}))*$`, maxLength: 200, description }));
const amount = (description: string) =>
  Type.Optional(Type.String({ pattern: '^[0-9]{1,12}(\\.[0-9]{1,3})?$', description }));

const Query = Type.Object(
  {
    format: Type.Optional(
      Type.Enum(['json', 'ndjson', 'csv'], { description: 'instead of Accept; default: json' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'products of one page; default: 200 as json, all of them in one stream otherwise',
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: '`next` of the previous page' })),
    sort: Type.Optional(
      Type.Enum(['total', '-total'], {
        description: 'by delivered price, unknown ones last; default: eBay’s order',
      }),
    ),
    minTotal: amount('least delivered price; needs currency'),
    maxTotal: amount('highest delivered price; needs currency'),
    currency: Type.Optional(
      Type.String({ pattern: '^[A-Z]{3}$', description: 'only products whose delivered price is in it' }),
    ),
    conditionId: list('[0-9]{4}', 'only these, separated by commas, such as 1000,3000'),
    mark: list(
      'new|price-dropped|price-rose|same',
      'only these, separated by commas; for searches with a track',
    ),
  },
  closed,
);

const TYPES = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
} as const;
type Format = keyof typeof TYPES;

/** Products of a JSON page. */
const PAGE = 200;

/** What a search has found: page by page, or all of it as a stream that is as fast as its reader. */
export function productRoutes({ producerOf }: { producerOf: ProducerOf }): Routes {
  return (app) => {
    app.get(
      '/v1/searches/:id/products',
      {
        config: { access: ['read'] },
        schema: {
          tags: ['searches'],
          summary: 'What it has found, also while it still runs',
          params: SearchId,
          querystring: Query,
          response: {
            200: Type.Object({
              products: Type.Array(ProductSchema),
              next: Type.Union([Type.String(), Type.Null()], { description: 'cursor of the next page' }),
            }),
          },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { limit, cursor, format = accepted(request), ...choice } = request.query;
        const question = { id, ...choice };
        const skip = skipOf(question, cursor);
        const fits = filterOf(choice);
        const producer = producerOf(callerOf(request).tenant);
        const read = () => producer.productParts(id);
        // A missing search answers 404; once a stream has begun it could only break off.
        await producer.get(id);
        const parts =
          choice.sort === undefined
            ? inListOrder(read, fits, skip)
            : inPriceOrder(read, fits, { skip, falling: choice.sort === '-total' });
        reply.header('content-type', TYPES[format]).header('vary', 'accept');
        if (format !== 'json' && limit === undefined) return stream(reply, lines(parts, format));
        const size = limit ?? PAGE;
        const products = await take(parts, size + 1);
        const next = products.length > size ? cursorOf(question, skip + size) : null;
        if (next !== null) reply.header('link', `<${nextUrl(id, request.query, next)}>; rel="next"`);
        const page = products.slice(0, size);
        return format === 'json' ? { products: page, next } : stream(reply, lines([page], format));
      },
    );
  };
}

/** Media types in the order of preference. */
const FORMATS: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
};

/** @throws Problem 406 */
function accepted(request: FastifyRequest): Format {
  const format = FORMATS[String(request.accepts().type(Object.keys(FORMATS)))];
  if (format !== undefined) return format;
  throw problem(406, 'not_acceptable', 'there are application/json, application/x-ndjson and text/csv');
}

async function* lines(parts: AsyncIterable<Product[]> | Iterable<Product[]>, format: 'ndjson' | 'csv') {
  if (format === 'csv') yield `${csvHeader()}\r\n`;
  for await (const part of parts)
    yield part
      .map((product) => (format === 'csv' ? `${csvLine(product)}\r\n` : `${JSON.stringify(product)}\n`))
      .join('');
}

/** Reads on only as the socket takes it, and ends when the reader disconnects. */
function stream(reply: FastifyReply, text: AsyncIterable<string>): FastifyReply {
  return reply.send(Readable.from(text, { objectMode: true, highWaterMark: 1 }));
}

async function take(parts: AsyncIterable<Product[]>, most: number): Promise<Product[]> {
  const taken: Product[] = [];
  for await (const part of parts) {
    taken.push(...part.slice(0, most - taken.length));
    if (taken.length === most) break;
  }
  return taken;
}

function nextUrl(id: string, query: object, cursor: string): string {
  const parameters = new URLSearchParams({ ...(query as Record<string, string>), cursor });
  return `/v1/searches/${encodeURIComponent(id)}/products?${parameters}`;
}

type Choice = Pick<Type.Static<typeof Query>, 'minTotal' | 'maxTotal' | 'currency' | 'conditionId' | 'mark'>;

/** Reads the parts of a list from its beginning; may be called more than once. */
type ReadParts = () => AsyncIterable<Product[]>;

/** Products of a sorted list that are in memory at once; each further batch reads the whole list once more. */
const BATCH = 1000;

/** @throws Problem 400 */
function filterOf({ minTotal, maxTotal, currency, conditionId, mark }: Choice) {
  const [min, max] = [bound('minTotal', minTotal, currency), bound('maxTotal', maxTotal, currency)];
  if (min !== undefined && max !== undefined && (compare(min, max) ?? 0) > 0)
    throw problem(400, 'price_range', 'minTotal is more than maxTotal', { path: 'minTotal' });
  const conditions = conditionId === undefined ? undefined : new Set(conditionId.split(','));
  const marks = mark === undefined ? undefined : new Set(mark.split(','));
  return (product: Product): boolean =>
    (conditions === undefined || (product.conditionId !== null && conditions.has(product.conditionId))) &&
    (marks === undefined || (product.mark !== undefined && marks.has(product.mark))) &&
    (min === undefined || atLeast(product.total, min)) &&
    (max === undefined || (product.total !== null && (compare(product.total, max) ?? 1) <= 0)) &&
    (currency === undefined || product.total?.currency === currency);
}

/** An unknown total, or one in another currency, is in no range. */
function atLeast(total: Money | null, min: Money): boolean {
  return total !== null && (compare(total, min) ?? -1) >= 0;
}

function bound(path: string, value: string | undefined, currency: string | undefined): Money | undefined {
  if (value === undefined) return undefined;
  if (currency === undefined)
    throw problem(400, 'currency_required', 'a price needs its currency beside it, such as currency=USD', {
      path: 'currency',
    });
  const amount = money(value, currency);
  if (amount === null)
    throw problem(400, 'price_range', 'must be an amount such as 12.50, with the decimals of its currency', {
      path,
    });
  return amount;
}

/** What fits, in eBay's order without the first `skip`: one part at a time. */
async function* inListOrder(
  read: ReadParts,
  fits: (product: Product) => boolean,
  skip: number,
): AsyncGenerator<Product[]> {
  let left = skip;
  for await (const part of read()) {
    const fitting = part.filter(fits);
    const wanted = fitting.slice(left);
    left = Math.max(0, left - fitting.length);
    if (wanted.length > 0) yield wanted;
  }
}

interface Place {
  /** Index in the list. */
  at: number;
  total: Money | null;
}

/**
 * The same by delivered price, unknown ones last, each currency by itself. In memory are the prices of all and the
 * products of one batch: the list is read once for the prices and once for each batch.
 */
async function* inPriceOrder(
  read: ReadParts,
  fits: (product: Product) => boolean,
  { skip, falling }: { skip: number; falling: boolean },
): AsyncGenerator<Product[]> {
  const places: Place[] = [];
  for await (const part of inListOrder(read, fits, 0))
    for (const { total } of part) places.push({ at: places.length, total });
  const order = places.sort(byPrice(falling ? -1 : 1)).slice(skip);
  for (let from = 0; from < order.length; from += BATCH) {
    const batch = order.slice(from, from + BATCH);
    const found = await pick(read, fits, new Set(batch.map(({ at }) => at)));
    yield batch.flatMap(({ at }) => found.get(at) ?? []);
  }
}

async function pick(read: ReadParts, fits: (product: Product) => boolean, wanted: ReadonlySet<number>) {
  const found = new Map<number, Product>();
  let at = 0;
  for await (const part of inListOrder(read, fits, 0))
    for (const product of part) {
      if (wanted.has(at)) found.set(at, product);
      at += 1;
    }
  return found;
}

function byPrice(direction: 1 | -1) {
  return (a: Place, b: Place): number => {
    if (a.total === null || b.total === null)
      return Number(a.total === null) - Number(b.total === null) || a.at - b.at;
    const difference = compare(a.total, b.total);
    if (difference === null) return a.total.currency < b.total.currency ? -1 : 1;
    return direction * difference || a.at - b.at;
  };
}

/** Where the next page of a list begins; valid with the same search, sort and filters only. */
function cursorOf(question: object, skip: number): string {
  return Buffer.from(`${skip}.${fingerprint(question)}`).toString('base64url');
}

/** @throws Problem 400 for a cursor of another question */
function skipOf(question: object, cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const [, skip, print] = /^(\d{1,6})\.([\w-]{11})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (skip !== undefined && print === fingerprint(question)) return Number(skip);
  throw problem(400, 'invalid_cursor', 'take `next` of the previous page, with the same sort and filters', {
    path: 'cursor',
  });
}

function fingerprint(question: object): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 11);
}
