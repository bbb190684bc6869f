import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { csvHeader, csvLine } from '../product/csv.ts';
import { type Product, ProductSchema } from '../product/product.ts';
import type { Caller } from './authenticator.ts';
import { cursorOf, skipOf } from './cursor.ts';
import { problem } from './problem.ts';
import { filterOf, inListOrder, inPriceOrder } from './productOrder.ts';
import { type ProducerOf, SearchId } from './searchRoutes.ts';
import type { Section } from './section.ts';

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
    cursor: Type.Optional(Type.String({ maxLength: 100, description: '`next` of the page before' })),
    sort: Type.Optional(
      Type.Enum(['total', '-total'], {
        description: 'by delivered price, unknown ones last; default: eBay’s order',
      }),
    ),
    minTotal: amount('least delivered price; needs currency'),
    maxTotal: amount('highest delivered price; needs currency'),
    currency: Type.Optional(
      Type.String({ pattern: '^[A-Z]{3}$', description: 'only what is delivered for a price in it' }),
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

const PAGE = 200;

/** What a search has found: page by page, or all of it as a stream that goes as fast as its reader. */
export function productRoutes({ producerOf }: { producerOf: ProducerOf }): Section {
  const url = '/v1/searches/:id/products';
  return {
    rules: [{ method: 'GET', url, access: ['read'] }],
    register(app) {
      app.get(
        url,
        {
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
        async ({ params: { id }, query, caller, headers }, reply) => {
          const { limit, cursor, format: named, ...wish } = query;
          const format = named ?? accepted(headers.accept);
          const question = { id, ...wish };
          const skip = skipOf(question, cursor);
          const fits = filterOf(wish);
          const producer = producerOf((caller as Caller).tenant);
          const read = () => producer.productParts(id);
          // What does not exist is told before a stream begins.
          await producer.get(id);
          const parts =
            wish.sort === undefined
              ? inListOrder(read, fits, skip)
              : inPriceOrder(read, fits, { skip, falling: wish.sort === '-total' });
          reply.header('content-type', TYPES[format]).header('vary', 'accept');
          if (format !== 'json' && limit === undefined) return stream(reply, lines(parts, format));
          const size = limit ?? PAGE;
          const products = await take(parts, size + 1);
          const next = products.length > size ? cursorOf(question, skip + size) : null;
          if (next !== null) reply.header('link', `<${nextUrl(id, query, next)}>; rel="next"`);
          const page = products.slice(0, size);
          if (format === 'json') return { products: page, next };
          return stream(reply, lines([page], format));
        },
      );
    },
  };
}

/** @throws Problem 406 where nothing that is accepted can be given */
export function accepted(accept = '*/*'): Format {
  const wanted = accept
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim().toLowerCase()))
    .map(([type = '', ...parameters]) => ({ type, weight: weightOf(parameters) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight);
  for (const { type } of wanted) {
    const format = FORMATS[type];
    if (format !== undefined) return format;
  }
  throw problem(406, 'not_acceptable', 'there are application/json, application/x-ndjson and text/csv');
}

const FORMATS: Readonly<Record<string, Format>> = {
  '*/*': 'json',
  'application/*': 'json',
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
  'text/*': 'csv',
};

function weightOf(parameters: string[]): number {
  const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
  return weight === undefined ? 1 : Number(weight) || 0;
}

async function* lines(parts: AsyncIterable<Product[]> | Iterable<Product[]>, format: 'ndjson' | 'csv') {
  if (format === 'csv') yield `${csvHeader()}\r\n`;
  for await (const part of parts)
    yield part
      .map((product) => (format === 'csv' ? `${csvLine(product)}\r\n` : `${JSON.stringify(product)}\n`))
      .join('');
}

/** Read on only as the socket takes it; a reader that goes away ends it. */
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
  const parameters = new URLSearchParams(
    Object.entries({ ...query, cursor }).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return `/v1/searches/${encodeURIComponent(id)}/products?${parameters}`;
}
