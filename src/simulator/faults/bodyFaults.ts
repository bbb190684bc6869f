import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import type { Answer } from '../errors.ts';
import type { Fault } from './fault.ts';

export type Malformation =
  | 'cut'
  | 'empty'
  | 'garbage'
  | 'null'
  | 'array'
  | 'number'
  | 'bom'
  | 'duplicate-keys';

export interface MalformedParameters {
  /** Default `cut`: JSON that stops in the middle although the length is right. */
  readonly shape?: Malformation;
}

const BODIES: Record<Malformation, (body: string) => string> = {
  cut: (body) => body.slice(0, Math.floor(body.length / 2)),
  empty: () => '',
  garbage: () => '{"total": 12, "itemSummaries": [{"itemId": "v1|1|0", "price": {"value":: }',
  null: () => 'null',
  array: () => '[]',
  number: () => '42',
  bom: (body) => `\uFEFF${body}`,
  'duplicate-keys': (body) => body.replace(/\}$/, ',"total":0,"limit":0}'),
};

/** A complete answer whose body is not the JSON that was promised. */
export const malformed: Fault<MalformedParameters> = ({ shape = 'cut' }) => ({
  alter: (answer): Answer => ({ ...answer, body: Buffer.from(BODIES[shape](answer.body.toString())) }),
});

export type Oddity =
  | 'no-id'
  | 'no-title'
  | 'no-price'
  | 'no-seller'
  | 'nan-price'
  | 'number-price'
  | 'negative-price'
  | 'null-item'
  | 'null-fields'
  | 'string-item'
  | 'bad-url';

export interface OddItemsParameters {
  /** Taken in turn. Default: all of them. */
  readonly shapes?: readonly Oddity[];
  /** Items of the page that are bent, from the first on. Default: one for each shape. */
  readonly items?: number;
}

type Item = Record<string, unknown>;

const SHAPES: Record<Oddity, (item: Item) => unknown> = {
  'no-id': ({ itemId: _, ...rest }) => rest,
  'no-title': ({ title: _, ...rest }) => rest,
  'no-price': ({ price: _, ...rest }) => rest,
  'no-seller': ({ seller: _, ...rest }) => rest,
  'nan-price': (item) => ({ ...item, price: { value: 'NaN', currency: 'USD' } }),
  'number-price': (item) => ({ ...item, price: { value: 12.5, currency: 'USD' } }),
  'negative-price': (item) => ({ ...item, price: { value: '-3.00', currency: 'USD' } }),
  'null-item': () => null,
  'null-fields': (item) => ({
    ...item,
    title: null,
    image: null,
    shippingOptions: null,
    buyingOptions: null,
  }),
  'string-item': () => 'v1|000000000000|0',
  'bad-url': (item) => ({ ...item, itemWebUrl: 'javascript:alert(1)', image: { imageUrl: 'not a url' } }),
};

/** Some items of a search page are not what the document promises. */
export const oddItems: Fault<OddItemsParameters> = ({ shapes = Object.keys(SHAPES) as Oddity[], items }) => ({
  alter: (answer) => {
    const page = JSON.parse(answer.body.toString() || '{}') as { itemSummaries?: Item[] };
    if (!Array.isArray(page.itemSummaries)) return answer;
    const bent = page.itemSummaries.map((item, at) => {
      const shape = shapes[at % shapes.length];
      return at < (items ?? shapes.length) && shape !== undefined ? SHAPES[shape](item) : item;
    });
    return { ...answer, body: Buffer.from(JSON.stringify({ ...page, itemSummaries: bent })) };
  },
});

export interface FieldsParameters {
  /** Top-level fields to overwrite, e.g. `{"expires_in": "3600"}` or `{"total": -1}`. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Top-level fields to leave out, e.g. `["expires_in"]`. */
  readonly omit?: readonly string[];
}

/** A JSON answer with other top-level fields: the odd token answers, a lying `next`, a wrong `total`. */
export const fields: Fault<FieldsParameters> = ({ set = {}, omit = [] }) => ({
  alter: (answer) => {
    const parsed: unknown = JSON.parse(answer.body.toString() || '{}');
    const bent = Object.entries({ ...(parsed as object), ...set }).filter(([name]) => !omit.includes(name));
    return { ...answer, body: Buffer.from(JSON.stringify(Object.fromEntries(bent))) };
  },
});

export interface HugeBodyParameters {
  /** Decoded size in bytes. Default 64 MiB. */
  readonly bytes?: number;
  /** Sent compressed about a thousandfold. */
  readonly gzip?: boolean;
}

const BLOCK = Buffer.alloc(65_536, 0x20);

/** Valid JSON behind an enormous run of spaces. */
export const hugeBody: Fault<HugeBodyParameters> = ({ bytes = 64 * 1024 * 1024, gzip = false }) => ({
  deliver: (response, answer) => {
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(gzip && { 'content-encoding': 'gzip' }),
    });
    void pour(response, answer, bytes, gzip);
  },
});

async function pour(response: ServerResponse, answer: Answer, bytes: number, gzip: boolean): Promise<void> {
  const target = gzip ? createGzip() : response;
  if (target !== response) target.pipe(response);
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  try {
    for (let sent = 0; sent < bytes && !closed.signal.aborted; sent += BLOCK.length) {
      if (!target.write(BLOCK)) await once(target, 'drain', { signal: closed.signal });
    }
    target.end(answer.body);
  } catch {
    // The client has had enough, which is what this fault is for.
    target.destroy();
  }
}
