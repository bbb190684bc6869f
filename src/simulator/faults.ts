import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import {
  type Answer,
  browseError,
  empty,
  invalidToken,
  json,
  oauthError,
  text,
  tooManyRequests,
} from './answers.ts';
import { isBrowse, type LogEntry, type RequestKind } from './log.ts';
import type { Random } from './random.ts';

/** What a fault does, in the order of these parts. Several faults may apply to one request. */
export interface Effect {
  /** Wait before anything else. */
  readonly delayMs?: number;
  /** Ask eBay with these query parameters instead of those that came. */
  readonly ask?: Readonly<Record<string, string>>;
  /** Answer this instead of asking eBay at all. */
  readonly instead?: Answer;
  /** Change the answer. */
  readonly alter?: (answer: Answer) => Answer;
  /** Send it in another way than all at once. */
  readonly deliver?: (response: ServerResponse, answer: Answer) => void;
}

/** What a fault may know of the request that it applies to. */
interface Context {
  readonly kind: RequestKind;
  readonly query: LogEntry['query'];
  readonly random: Random;
  /** Really revokes the token that the request carries, if it carries one. */
  readonly revokeToken: () => void;
}

type Milliseconds = number | readonly [low: number, high: number];
type StatusParameters = { status?: number; errorId?: number; headers?: Answer['headers']; body?: string };
type RetryAfterParameters = { retryAfter?: string | number; retryAfterDateInS?: number };

const HTML = 'text/html; charset=utf-8';
const ELSEWHERE = 'http://elsewhere.invalid/';

/** Every fault by the name that arms it: its parameters with their defaults, and what it does. */
const FAULTS = {
  /** Any HTTP status, with the endpoint's own error shape or `body` as it is. Below 300 the answer is empty. */
  status: ({ status = 503, errorId, headers = {}, body }: StatusParameters, { kind }) => {
    if (body !== undefined) return { instead: text(status, body, 'application/json', headers) };
    if (status < 300) return { instead: empty(status) };
    // The token endpoint's answer has no other headers than these, not even a content type.
    if (kind === 'token')
      return { instead: { ...oauthError(status, 'server_error', 'armed fault'), headers } };
    const domain = isBrowse(kind) ? 'API_BROWSE' : 'API_ANALYTICS';
    const usual = !isBrowse(kind) ? 105000 : kind.includes('search') ? 12000 : 11000;
    const category = status >= 500 ? 'APPLICATION' : 'REQUEST';
    const message = 'An armed fault answered instead of eBay.';
    const detail = { ...browseError(errorId ?? usual), domain, category, message };
    return { instead: json(status, { errors: [detail] }, headers) };
  },

  /** 401 with errorId 1001. With `revoke` the token that was sent stays refused, else only this call is. */
  'expired-token': ({ revoke = true }: { revoke?: boolean }, { revokeToken }) => {
    if (revoke) revokeToken();
    return { instead: invalidToken() };
  },

  /**
   * 429 with errorId 2001, which the token endpoint also sends in the REST shape. `retryAfter` is the Retry-After header
   * as it is sent: seconds, an HTTP date, garbage, a huge number. `retryAfterDateInS` makes it a date so many seconds ahead.
   */
  'rate-limited': ({ retryAfter, retryAfterDateInS }: RetryAfterParameters) => {
    const value = retryAfterDateInS === undefined ? retryAfter : dateIn(retryAfterDateInS);
    return { instead: tooManyRequests(value === undefined ? {} : { 'retry-after': String(value) }) };
  },

  /** A refusal in the token endpoint's own error shape. `status` is 401 for invalid_client, else 400, by default. */
  'oauth-refusal': ({ error = 'invalid_client', status }: { error?: string; status?: number }) => ({
    instead: oauthError(status ?? (error === 'invalid_client' ? 401 : 400), error, 'armed fault'),
  }),

  /** The usual answer, later. */
  latency: ({ ms = 1000 }: { ms?: Milliseconds }, { random }) => ({ delayMs: drawMs(ms, random) }),

  /** The connection stays open until the client gives up. `body`: the headers come, the body never does. */
  hang: ({ at = 'before' }: { at?: 'before' | 'body' }) => ({
    deliver: (response, answer) => {
      if (at === 'body') sendHead(response, answer).flushHeaders();
    },
  }),

  /** The connection ends with a TCP reset, before any byte of the answer or in the middle of the body. */
  reset: ({ at = 'before' }: { at?: 'before' | 'body' }) => ({
    deliver: (response, answer) => {
      const { socket } = response;
      if (at === 'before') socket?.resetAndDestroy();
      else sendHead(response, answer).write(beginning(answer.body, 0.5), () => socket?.resetAndDestroy());
    },
  }),

  /**
   * The connection closes in an orderly way after `part` of the body: short of its Content-Length, or of its last chunk.
   */
  truncated: ({ part = 0.5, chunked = false }: { part?: number; chunked?: boolean }) => ({
    deliver: (response, answer) => {
      const { socket } = response;
      const head = chunked
        ? response.writeHead(answer.status, { ...answer.headers })
        : sendHead(response, answer);
      head.write(beginning(answer.body, part), () => socket?.end());
    },
  }),

  /** A complete answer whose body is not the JSON that was promised. */
  malformed: ({ shape = 'cut' }: { shape?: keyof typeof MALFORMED }) => ({
    alter: (answer) => withBody(answer, MALFORMED[shape](answer.body.toString())),
  }),

  /** A web page where JSON was expected, such as a captcha; a proxy may call its page application/json. */
  html: ({ status = 200, contentType = HTML }: { status?: number; contentType?: string }) => ({
    instead: text(
      status,
      '<!doctype html><html><head><title>Please verify</title></head><body><h1>One moment</h1></body></html>',
      contentType,
    ),
  }),

  /** The headers come at once, the body slowly. */
  'slow-body': ({ bytesPerSecond = 1 }: { bytesPerSecond?: number }) => ({
    deliver: (response, { status, headers, body }) => {
      const ticksPerSecond = Math.min(20, bytesPerSecond);
      const portion = Math.max(1, Math.round(bytesPerSecond / ticksPerSecond));
      async function* portions() {
        for (let sent = 0; sent < body.length; sent += portion) {
          await sleep(1000 / ticksPerSecond, undefined, { ref: false });
          yield body.subarray(sent, sent + portion);
        }
      }
      sendHead(response, { status, headers, body }).flushHeaders();
      pipeline(portions, response, ignoreHangUp);
    },
  }),

  /** Valid JSON behind an enormous run of spaces; `gzip` compresses it about a thousandfold. */
  'huge-body': ({ bytes = 64 * 1024 * 1024, gzip = false }: { bytes?: number; gzip?: boolean }) => ({
    deliver: (response, { status, headers, body }) => {
      function* blocks() {
        for (let sent = 0; sent < bytes; sent += BLOCK.length) yield BLOCK;
        yield body;
      }
      response.writeHead(status, { ...headers, ...(gzip && { 'content-encoding': 'gzip' }) });
      pipeline([Readable.from(blocks()), ...(gzip ? [createGzip()] : []), response], ignoreHangUp);
    },
  }),

  /** Other top-level fields: the odd token answers (`{"expires_in": "3600"}`), a lying `next`, a wrong `total`. */
  fields: ({ set = {}, omit = [] }: { set?: Item; omit?: string[] }) => ({
    alter: (answer) => {
      const omitted = Object.fromEntries(omit.map((name) => [name, undefined]));
      return withBody(answer, JSON.stringify({ ...parsed(answer), ...set, ...omitted }));
    },
  }),

  /** A search page without its last `missing` items (default: half of them), while `next` goes on. */
  'short-page': ({ missing }: { missing?: number }) => ({
    alter: withPage((page, items) => {
      const kept = Math.max(0, items.length - (missing ?? Math.ceil(items.length / 2)));
      return page.next === undefined ? page : { ...page, itemSummaries: items.slice(0, kept) };
    }),
  }),

  /** A search page that shows the items of the page `back` pages before it, under the offset that was asked for. */
  'repeat-page': ({ back = 1 }: { back?: number }, { query }) => {
    const { limit, offset } = pageOf(query);
    return {
      ask: { offset: String(Math.max(0, offset - back * limit)) },
      alter: withPage((page) => ({
        ...page,
        offset,
        href: linked(page.href, { offset }),
        prev: offset > 0 ? linked(page.href, { offset: Math.max(0, offset - limit) }) : undefined,
        next: offset + limit < Number(page.total) ? linked(page.href, { offset: offset + limit }) : undefined,
      })),
    };
  },

  /** A search page that contradicts itself: a `total` and no items, or a `next` that leads back to the first page. */
  contradiction: ({ shape = 'no-items' }: { shape?: 'no-items' | 'back' }) => ({
    alter: withPage((page) =>
      shape === 'back'
        ? { ...page, next: linked(page.href, { offset: 0 }) }
        : { ...page, itemSummaries: undefined },
    ),
  }),

  /** A search page cut to `limit` items, as if no more had been asked for: its `limit` and `next` say so. */
  'lower-limit': ({ limit = 50 }: { limit?: number }, { query }) => ({
    alter: withPage((page, items) => {
      const { limit: asked, offset } = pageOf(query);
      if (limit >= asked) return page;
      const goesOn = page.next !== undefined || items.length > limit;
      return {
        ...page,
        limit,
        href: linked(page.href, { limit }),
        next: goesOn ? linked(page.href, { limit, offset: offset + limit }) : undefined,
        itemSummaries: items.slice(0, limit),
      };
    }),
  }),

  /** A search page with another `total` each time, up to `by` (a share) above or below the true one. */
  'drifting-total': ({ by = 0.1 }: { by?: number }, { random }) => ({
    alter: withPage((page) => {
      return { ...page, total: Math.round(Number(page.total) * (1 + by * (2 * random() - 1))) };
    }),
  }),

  /** The first `items` of a search page (default: one for each shape) take the shapes in turn. */
  'odd-items': ({ shapes = ODD_SHAPES, items = shapes.length }: { shapes?: OddShape[]; items?: number }) => ({
    alter: withPage((page, all) => ({
      ...page,
      itemSummaries: all.map((item, index) => {
        const shape = shapes[index % shapes.length];
        return index < items && shape !== undefined ? ODD_ITEMS[shape](item) : item;
      }),
    })),
  }),

  /** A redirect, which must never carry a token to another host. */
  redirect: ({ location = ELSEWHERE, status = 302 }: { location?: string; status?: number }) => ({
    instead: text(status, '', 'text/plain', { location }),
  }),

  /** The usual answer with a Date header `aheadS` seconds ahead of this machine's clock; below 0: behind. */
  clock: ({ aheadS = 60 }: { aheadS?: number }) => ({
    alter: (answer) => ({ ...answer, headers: { ...answer.headers, date: dateIn(aheadS) } }),
  }),
} satisfies Record<string, (parameters: never, context: Context) => Effect>;

export const FAULT_NAMES = Object.keys(FAULTS);

const BLOCK = Buffer.alloc(65_536, 0x20);
/** That the client hangs up is the purpose of a slow or huge body. */
const ignoreHangUp = () => undefined;

const MALFORMED = {
  cut: (body: string) => body.slice(0, Math.floor(body.length / 2)),
  empty: () => '',
  garbage: () => '{"total": 12, "itemSummaries": [{"itemId": "v1|1|0", "price": {"value":: }',
  null: () => 'null',
  array: () => '[]',
  number: () => '42',
  bom: (body: string) => `\uFEFF${body}`,
  'duplicate-keys': (body: string) => body.replace(/\}$/, ',"total":0,"limit":0}'),
};

type Item = Record<string, unknown>;
type OddShape = keyof typeof ODD_ITEMS;

/** JSON leaves out what is undefined. */
const withFields = (fields: Item) => (item: Item) => ({ ...item, ...fields });

const ODD_ITEMS = {
  'no-id': withFields({ itemId: undefined }),
  'no-title': withFields({ title: undefined }),
  'no-price': withFields({ price: undefined }),
  'no-seller': withFields({ seller: undefined }),
  'nan-price': withFields({ price: { value: 'NaN', currency: 'USD' } }),
  'number-price': withFields({ price: { value: 12.5, currency: 'USD' } }),
  'negative-price': withFields({ price: { value: '-3.00', currency: 'USD' } }),
  'null-item': () => null,
  'null-fields': withFields({ title: null, image: null, shippingOptions: null, buyingOptions: null }),
  'string-item': () => 'v1|000000000000|0',
  'bad-url': withFields({ itemWebUrl: 'javascript:alert(1)', image: { imageUrl: 'not a url' } }),
};

const ODD_SHAPES = Object.keys(ODD_ITEMS) as OddShape[];

export function sendWhole(response: ServerResponse, answer: Answer): void {
  sendHead(response, answer).end(answer.body);
}

/** Status line and headers of the answer, as if it were sent whole. */
function sendHead(response: ServerResponse, { status, headers, body }: Answer): ServerResponse {
  return response.writeHead(status, { ...headers, 'content-length': body.length });
}

export function drawMs(ms: Milliseconds, random: Random): number {
  return typeof ms === 'number' ? ms : ms[0] + random() * (ms[1] - ms[0]);
}

function dateIn(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}

function beginning(body: Buffer, share: number): Buffer {
  return body.subarray(0, Math.floor(body.length * share));
}

function parsed(answer: Answer): object {
  return JSON.parse(answer.body.toString() || '{}') as object;
}

/** Changes a search page; any other answer stays as it is. */
function withPage(change: (page: Item, items: Item[]) => object) {
  return (answer: Answer): Answer => {
    const page = parsed(answer) as Item;
    if (!Array.isArray(page.itemSummaries)) return answer;
    return withBody(answer, JSON.stringify(change(page, page.itemSummaries)));
  };
}

/** The page that a search asks for. */
function pageOf({ limit = '50', offset = '0' }: LogEntry['query']) {
  return { limit: Number(limit), offset: Number(offset) };
}

/** The address with other query parameters. */
function linked(href: unknown, parameters: Readonly<Record<string, number>>): string {
  const url = new URL(String(href));
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return url.href;
}

function withBody(answer: Answer, body: string): Answer {
  return { ...answer, body: Buffer.from(body) };
}

type Faults = typeof FAULTS;

/** A fault's name together with its own parameters. */
export type FaultChoice = {
  [Name in keyof Faults]: { readonly fault: Name } & Readonly<Parameters<Faults[Name]>[0]>;
}[keyof Faults];

/** Which requests a fault applies to; a field that is absent does not matter. */
interface Target {
  /** Default: every call of the Browse API. */
  readonly endpoint?: RequestKind;
  readonly marketplace?: string;
  readonly q?: string;
  readonly offset?: number;
  /** A client id. */
  readonly credential?: string;
}

/** A fault and when it applies. With neither `count` nor `share`: every time until it is cleared. */
export type FaultSpec = FaultChoice & {
  readonly on?: Target;
  /** Skips this many matching requests first. */
  readonly skip?: number;
  /** Applies this many times, then is gone. */
  readonly count?: number;
  /** Applies to this share of the matching requests, 0 to 1, by the simulator's seeded dice. */
  readonly share?: number;
};

/** The faults that are armed, and the decision which of them apply to a request. */
export function createFaults(random: Random) {
  let all: { readonly id: number; readonly spec: FaultSpec; seen: number; struck: number }[] = [];
  let ids = 0;
  return {
    /** Arms a fault; its id disarms it. */
    arm(spec: FaultSpec): number {
      if (!Object.hasOwn(FAULTS, spec.fault)) throw new Error(`no fault is called ${spec.fault}`);
      ids += 1;
      all.push({ id: ids, spec, seen: 0, struck: 0 });
      return ids;
    },

    /** Disarms one fault, or all. */
    clear(id?: number): void {
      all = id === undefined ? [] : all.filter((fault) => fault.id !== id);
    },

    /** `struck` counts the requests that a fault has applied to. */
    armed: () => all.map(({ id, spec, struck }) => ({ id, spec, struck })),

    /** The effects on a request, in the order in which their faults were armed. Its log entry names them. */
    effects(entry: LogEntry, revokeToken: () => void): Effect[] {
      const applying = all.filter((fault) => {
        const { on = {}, skip = 0, share } = fault.spec;
        if (!matches(on, entry)) return false;
        fault.seen += 1;
        if (fault.seen <= skip || (share !== undefined && random() >= share)) return false;
        fault.struck += 1;
        return true;
      });
      all = all.filter(({ spec, struck }) => spec.count === undefined || struck < spec.count);
      if (applying.length > 0) entry.fault = applying.map(({ spec }) => spec.fault).join('+');
      return applying.map(({ spec }) => {
        const effectOf = FAULTS[spec.fault] as (spec: FaultSpec, context: Context) => Effect;
        return effectOf(spec, { kind: entry.kind, query: entry.query, random, revokeToken });
      });
    },
  };
}

function matches({ endpoint, marketplace, q, offset, credential }: Target, entry: LogEntry): boolean {
  const { kind, query } = entry;
  return (
    (endpoint === undefined ? isBrowse(kind) : endpoint === kind) &&
    (marketplace === undefined || marketplace === (entry.marketplace ?? 'EBAY_US')) &&
    (q === undefined || q === query.q) &&
    (offset === undefined || String(offset) === (query.offset ?? '0')) &&
    (credential === undefined || credential === entry.credential)
  );
}
