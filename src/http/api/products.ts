import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import {
  type CsvWriter,
  csvColumns,
  csvForm,
  csvWriter,
  SEPARATORS,
  type SeparatorName,
} from '../../product/csv.ts';
import { byFigure, type CostBounds, type CostFigure, costFigure, withinCosts } from '../../product/landed.ts';
import { compare, type Money, money } from '../../product/money.ts';
import { byTotal, type WithTotal } from '../../product/order.ts';
import { type Product, ProductSchema } from '../../product/product.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { Type } from '../../product/type.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { HeldAnswers } from '../heldAnswers.ts';
import { Problem, problem } from '../problem.ts';
import { SearchId } from './schemas.ts';
import type { ProducerOf } from './searches.ts';

const text = (pattern: string, description: string) =>
  Type.Optional(Type.String({ pattern: `^${pattern}$`, maxLength: 200, description }));
const list = (values: string, description: string) => text(`(${values})(,(${values}))*`, description);
const AMOUNT = '[0-9]{1,12}(\\.[0-9]{1,3})?';
const SIGNED = `-?${AMOUNT}`;
const FORMAT = { description: 'instead of Accept; default: json' };
const LIMIT = { description: 'products of one page; default: 200 as json, otherwise all in one stream' };
const SORT = {
  description:
    'by delivered price, or by a figure of a search with costs; `-`: highest first; unknown ones last; default: eBay’s order',
};
const ORDERS = ['total', 'landed', 'margin', 'marginPercent'].flatMap((figure) => [figure, `-${figure}`]);
const COLUMNS = { description: 'of csv, separated by commas, such as title,total,url; default: all of them' };
const EXCEL = {
  description:
    '`1`: csv for Excel, in UTF-8 with a byte order mark, ids as text, numbers as in the language asked for',
};
const SEPARATOR = { description: 'of csv; default: comma, for Excel the one of the language asked for' };
const MARKS = 'new|price-dropped|price-rose|same';

const Query = Type.Object(
  {
    format: Type.Optional(Type.Enum(['json', 'ndjson', 'csv'], FORMAT)),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, ...LIMIT })),
    cursor: Type.Optional(Type.String({ maxLength: 100, description: '`next` of the previous page' })),
    sort: Type.Optional(Type.Enum(ORDERS, SORT)),
    minTotal: text(AMOUNT, 'least delivered price; needs currency'),
    maxTotal: text(AMOUNT, 'highest delivered price; needs currency'),
    currency: text('[A-Z]{3}', 'only products whose delivered price is in it'),
    maxLanded: text(AMOUNT, 'highest landed cost, in the currency of the costs'),
    minMargin: text(SIGNED, 'least margin, in the currency of the costs; may be negative'),
    minMarginPercent: text(SIGNED, 'least margin in per cent; may be negative'),
    conditionId: list('[0-9]{4}', 'only these, separated by commas, such as 1000,3000'),
    columns: Type.Optional(Type.String({ maxLength: 2000, ...COLUMNS })),
    excel: Type.Optional(Type.Enum(['0', '1'], EXCEL)),
    separator: Type.Optional(Type.Enum(Object.keys(SEPARATORS) as SeparatorName[], SEPARATOR)),
    mark: list(MARKS, 'only these, separated by commas; for searches with a track'),
  },
  { additionalProperties: false },
);
const Page = Type.Object({
  products: Type.Array(ProductSchema),
  next: Type.Union([Type.String(), Type.Null()], { description: 'cursor of the next page' }),
});

type Format = 'json' | 'ndjson' | 'csv';

/** Products of a JSON page. */
const PAGE = 200;

interface ProductOptions {
  producerOf: ProducerOf;
  held: HeldAnswers;
}

/** What a search has found: page by page, or all of it as a stream that is as fast as its reader. */
export function productRoutes({ producerOf, held }: ProductOptions): Routes {
  return (app) => {
    app.get(
      '/v1/searches/:id/products',
      keyed(['read'], 'searches', 'What it has found, also while it still runs', {
        params: SearchId,
        querystring: Query,
        response: { 200: Page },
      }),
      async (request, reply) => {
        const { id } = request.params;
        const { limit, cursor, columns, excel, separator, format: named, ...choice } = request.query;
        const format = named ?? (excel === '1' ? 'csv' : accepted(request));
        const csv = csvOf(format, { columns, excel: excel === '1', separator, locale: languageOf(request) });
        const question = { id, ...choice };
        const skip = skipOf(question, cursor);
        const fits = filterOf(choice);
        const producer = producerOf(callerOf(request).tenant);
        const read = (from: number) => inListOrder(producer.productParts(id), fits, from);
        // A missing search answers 404; once a stream has begun it could only break off.
        await producer.get(id);
        await requireCosts(choice, () => producer.request(id));
        const { sort } = choice;
        const parts = sort ? inOrder(() => read(0), skip, orderOf(sort)) : read(skip);
        const ending = format !== 'json' && limit === undefined ? held.hold(request, reply) : undefined;
        reply.type(TYPES[format]).header('vary', excel === '1' ? 'accept, accept-language' : 'accept');
        if (csv) reply.header('content-disposition', `attachment; filename="${fileName(id)}.csv"`);
        if (ending) return stream(reply, lines(parts, csv), ending);
        const size = limit ?? PAGE;
        const products = await take(parts, size + 1);
        const next = products.length > size ? cursorOf(question, skip + size) : null;
        if (next !== null) reply.header('link', `<${nextUrl(id, request.query, next)}>; rel="next"`);
        const page = products.slice(0, size);
        return format === 'json' ? { products: page, next } : stream(reply, lines([page], csv));
      },
    );
  };
}

const TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
};
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

/** The language that a caller prefers, such as `de-DE`. */
export function languageOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return headers['accept-language']?.split(/[,;]/)[0]?.trim();
}

/** What is asked of csv alone, and the caller's language. */
interface CsvChoice {
  columns: string | undefined;
  excel: boolean;
  separator: SeparatorName | undefined;
  locale: string | undefined;
}

/** Undefined for another format than csv. @throws Problem 400 */
function csvOf(format: Format, { columns, ...form }: CsvChoice): CsvWriter | undefined {
  if (format !== 'csv') {
    const name = columns !== undefined ? 'columns' : form.excel ? 'excel' : form.separator && 'separator';
    if (name === undefined) return undefined;
    throw wrong(name, `${name}_need${name === 'columns' ? '' : 's'}_csv`, 'is for csv only');
  }
  const chosen = csvColumns(columns);
  if (chosen.ok) return csvWriter(chosen.columns, csvForm(form));
  throw wrong('columns', 'unknown_column', chosen.message);
}

/** An id may hold signs that no file name takes. */
function fileName(id: string): string {
  return `search-${id.replace(/[^\w.-]+/g, '-').slice(0, 100)}`;
}

/** @param csv undefined for NDJSON */
async function* lines(parts: AsyncIterable<Product[]> | Iterable<Product[]>, csv: CsvWriter | undefined) {
  if (csv) yield `${csv.header}\r\n`;
  for await (const part of parts)
    yield part.map((product) => (csv ? `${csv.line(product)}\r\n` : `${JSON.stringify(product)}\n`)).join('');
}

/** Reads on only as the socket takes it, and breaks off when the reader disconnects or its key ends. */
function stream(reply: FastifyReply, text: AsyncIterable<string>, ending?: AbortSignal): FastifyReply {
  const body = Readable.from(text, { objectMode: true, highWaterMark: 1 });
  // It is finished where only the server closes.
  ending?.addEventListener('abort', () => ending.reason instanceof Problem && body.destroy(ending.reason));
  return reply.send(body);
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

type Choice = Pick<
  Static<typeof Query>,
  'sort' | 'minTotal' | 'maxTotal' | 'currency' | 'conditionId' | 'mark' | keyof CostBounds
>;

/**
 * Without the figures that it is about, a bound would leave nothing and an order would change nothing.
 * @param read gives undefined for a request that cannot be read, and has no products
 * @throws Problem 400
 */
async function requireCosts(
  { sort, maxLanded, minMargin, minMarginPercent }: Choice,
  read: () => Promise<NormalRequest | undefined>,
): Promise<void> {
  const landed = { sort: sort?.endsWith('landed') || undefined, maxLanded };
  const margin = { sort: sort?.includes('margin') || undefined, minMargin, minMarginPercent };
  if ([...Object.values(landed), ...Object.values(margin)].every((value) => value === undefined)) return;
  const request = await read();
  if (request === undefined) return;
  const { costs } = request;
  const hasMargin = costs?.resalePrice !== undefined || costs?.markupPercent !== undefined;
  const refuse = (path: string, needs: string): never => {
    throw wrong(path, 'costs_required', `is for searches whose request has ${needs}`);
  };
  for (const [path, value] of Object.entries(landed))
    if (value !== undefined && costs === undefined) refuse(path, 'costs');
  for (const [path, value] of Object.entries(margin))
    if (value !== undefined && !hasMargin) refuse(path, 'costs.resalePrice or costs.markupPercent');
}

/** An unknown amount, or a total in another currency, is in no range. @throws Problem 400 */
function filterOf({ minTotal, maxTotal, currency, conditionId, mark, ...bounds }: Choice) {
  const [min, max] = [bound('minTotal', minTotal, currency), bound('maxTotal', maxTotal, currency)];
  if (min && max && (compare(min, max) ?? 0) > 0)
    throw wrong('minTotal', 'price_range', 'minTotal is more than maxTotal');
  const [conditions, marks] = [conditionId?.split(','), mark?.split(',')];
  const keepsBounds = withinCosts(bounds);
  return (product: Product): boolean => {
    const { total } = product;
    return (
      (conditions?.includes(product.conditionId ?? '') ?? true) &&
      (marks?.includes(product.mark ?? '') ?? true) &&
      (min === undefined || (total !== null && (compare(total, min) ?? -1) >= 0)) &&
      (max === undefined || (total !== null && (compare(total, max) ?? 1) <= 0)) &&
      (currency === undefined || total?.currency === currency) &&
      keepsBounds(product)
    );
  };
}

function bound(path: string, value: string | undefined, currency: string | undefined): Money | undefined {
  if (value === undefined) return undefined;
  if (currency === undefined)
    throw wrong(
      'currency',
      'currency_required',
      'a price needs its currency beside it, such as currency=USD',
    );
  const amount = money(value, currency);
  if (amount !== null) return amount;
  throw wrong(path, 'price_range', 'must be an amount such as 12.50, with the decimals of its currency');
}

/** What fits, in eBay's order without the first `skip`: one part at a time. */
async function* inListOrder(
  parts: AsyncIterable<Product[]>,
  fits: (product: Product) => boolean,
  skip: number,
): AsyncGenerator<Product[]> {
  let left = skip;
  for await (const part of parts) {
    const fitting = part.filter(fits);
    const wanted = fitting.slice(left);
    left = Math.max(0, left - fitting.length);
    if (wanted.length > 0) yield wanted;
  }
}

/** Products of a sorted list that are in memory at once; each further batch reads the whole list once more. */
const BATCH = 1000;

/** What products are sorted by, and how. */
interface Order<Key> {
  key(product: Product): Key;
  compare(one: Key, other: Key): number;
}

/** @param sort of `ORDERS` */
function orderOf(sort: string): Order<unknown> {
  const falling = sort.startsWith('-');
  const figure = sort.replace('-', '');
  const order =
    figure === 'total'
      ? ({ key: ({ total }) => ({ total }), compare: byTotal({ falling }) } satisfies Order<WithTotal>)
      : ({
          key: (product) => costFigure(product, figure as CostFigure),
          compare: byFigure({ falling }),
        } satisfies Order<string | number | null>);
  return order as Order<unknown>;
}

/** Sorted, without the first `skip`. In memory are the keys of all and the products of one batch. */
async function* inOrder(
  read: () => AsyncIterable<Product[]>,
  skip: number,
  { key, compare }: Order<unknown>,
): AsyncGenerator<Product[]> {
  const keys: unknown[] = [];
  for await (const part of read()) keys.push(...part.map(key));
  const order = keys.map((own, at) => ({ own, at })).sort((one, other) => compare(one.own, other.own));
  for (let from = skip; from < order.length; from += BATCH) {
    const places = new Map(order.slice(from, from + BATCH).map(({ at }, place) => [at, place]));
    const batch: Product[] = [];
    let at = 0;
    for await (const part of read())
      for (const product of part) {
        const place = places.get(at++);
        if (place !== undefined) batch[place] = product;
      }
    // Without the places of products that are no longer there.
    yield batch.flat();
  }
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
  throw wrong('cursor', 'invalid_cursor', 'take `next` of the previous page, with the same sort and filters');
}

function wrong(path: string, code: string, message: string): Problem {
  return problem(400, code, message, { path });
}

function fingerprint(question: object): string {
  return hash('sha256', JSON.stringify(question), 'base64url').slice(0, 11);
}
