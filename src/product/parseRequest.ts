import { createHash } from 'node:crypto';
import { closestWord } from '../config/files.ts';
import { MARKETPLACES } from '../config/formats.ts';
import { isMarketplace, MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import {
  DEFAULT_MAX_ITEMS,
  MAX_QUERY_LENGTH,
  type NormalRequest,
  type SearchRequest,
} from './requestSchema.ts';
import { echo, type InputError, schemaErrors } from './schemaErrors.ts';

export type ParsedRequest = { ok: true; request: NormalRequest } | { ok: false; errors: InputError[] };

/**
 * Reads a search request from any value, such as parsed JSON or the data of a job that someone else added. It never
 * throws on input: everything wrong with it comes back at once. A request that came out of it reads as itself again.
 *
 * @param defaults.marketplace searched when the request names none; a configured value.
 * @throws RangeError when that default is no marketplace that can be searched.
 */
export function parseSearchRequest(input: unknown, defaults: { marketplace: string }): ParsedRequest {
  const marketplace = checkedMarketplace(defaults.marketplace);
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  if (!isObject(tidied.value)) {
    const message = `a search request is a JSON object; got ${echo(tidied.value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const written = tidyFields(tidied.value);
  const alone = schemaErrors(written);
  const errors = [...alone, ...ruleErrors(written, alone, marketplace)];
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, request: withDefaults(written as SearchRequest, marketplace) };
}

function withDefaults(written: SearchRequest, marketplace: MarketplaceId): NormalRequest {
  return {
    maxItems: DEFAULT_MAX_ITEMS,
    marketplaces: [marketplace],
    details: 'none',
    maxAge: 0,
    onFailure: 'fail',
    priority: 'interactive',
    tenant: 'default',
    ...written,
    v: 1,
    // Amounts are decimal strings by now, which the type of a written request does not say.
    filters: (written.filters ?? {}) as NormalRequest['filters'],
  };
}

function checkedMarketplace(id: string): MarketplaceId {
  if (isMarketplace(id)) return id;
  const meant = closestWord(id, MARKETPLACE_IDS);
  throw new RangeError(
    `${echo(id)} is no marketplace that can be searched${meant ? `; did you mean ${meant}?` : ''}`,
  );
}

/** A rule about fields together. It sees only fields that are valid by themselves, and which ones the caller wrote. */
type Rule = (
  request: SearchRequest,
  wrote: (path: string) => boolean,
  marketplaces: readonly MarketplaceId[],
) => InputError | undefined;

const RULES: readonly Rule[] = [
  (_, wrote) =>
    wrote('query') || wrote('categoryIds')
      ? undefined
      : { path: 'query', code: 'q_required', message: 'a search needs query or categoryIds' },

  // eBay's limit may count UTF-16 units, of which some characters have two.
  ({ query = '' }) =>
    query.length <= MAX_QUERY_LENGTH
      ? undefined
      : {
          path: 'query',
          code: 'q_too_long',
          message: `must hold at most ${MAX_QUERY_LENGTH} characters; rare ones count twice`,
        },

  // eBay's error 12516.
  ({ query, filters }, wrote) =>
    filters?.searchInDescription && (query ?? '').length < 2 && (query !== undefined || !wrote('query'))
      ? {
          path: 'filters.searchInDescription',
          code: 'q_too_short',
          message: 'needs a query of at least two characters',
        }
      : undefined,

  ({ filters }) => {
    const { min, max } = filters?.price ?? {};
    if (filters?.price !== undefined && min === undefined && max === undefined) {
      return { path: 'filters.price', code: 'price_range', message: 'needs min or max or both' };
    }
    if (min === undefined || max === undefined || Number(min) <= Number(max)) return undefined;
    return { path: 'filters.price.min', code: 'price_range', message: 'must not be above filters.price.max' };
  },

  // eBay's error 12011.
  ({ filters }, wrote) =>
    filters?.deliveryPostalCode !== undefined && !wrote('filters.deliveryCountry')
      ? {
          path: 'filters.deliveryPostalCode',
          code: 'delivery_country_required',
          message: 'needs filters.deliveryCountry',
        }
      : undefined,

  // Whether eBay would join or intersect the two is documented nowhere.
  ({ filters }) =>
    filters?.conditions !== undefined && filters.conditionIds !== undefined
      ? {
          path: 'filters.conditions',
          code: 'conditions_conflict',
          message: 'give conditions or conditionIds, not both',
        }
      : undefined,

  // eBay would ignore the filter with a warning (12014): a call spent on what was not asked for.
  ({ filters }, _, marketplaces) => {
    const without = marketplaces.filter((id) => !MARKETPLACES[id].accountTypes);
    if (filters?.sellerAccountTypes === undefined || without.length === 0) return undefined;
    const having = MARKETPLACE_IDS.filter((id) => MARKETPLACES[id].accountTypes);
    const message = `eBay knows it only on ${having.join(', ')}, not on ${without.join(', ')}`;
    return { path: 'filters.sellerAccountTypes', code: 'seller_account_types_unsupported', message };
  },

  ({ filters }, wrote) =>
    filters?.aspects !== undefined && !wrote('categoryIds')
      ? {
          path: 'filters.aspects',
          code: 'aspect_category_required',
          message: 'needs one category id in categoryIds',
        }
      : undefined,

  ({ maxItems = DEFAULT_MAX_ITEMS }, _, marketplaces) =>
    maxItems >= marketplaces.length
      ? undefined
      : {
          path: 'maxItems',
          code: 'max_items_range',
          message: 'must allow at least one item for each marketplace',
        },

  ({ track }) =>
    track === 'default'
      ? { path: 'track', code: 'invalid_track', message: 'the name default is reserved' }
      : undefined,
];

/**
 * What is wrong between the fields of tidied input whose fields alone have the errors `known`: fields with errors of
 * their own are left out of it, so that one mistake is told once.
 */
export function ruleErrors(
  input: object,
  known: readonly InputError[],
  marketplace: MarketplaceId,
): InputError[] {
  const request = without(input, known);
  const wrote = (path: string) => lookUp(input, path.split('.')) !== undefined;
  const marketplaces = wrote('marketplaces') ? (request.marketplaces ?? []) : [marketplace];
  return RULES.flatMap((rule) => rule(request, wrote, marketplaces) ?? []);
}

function without(input: object, errors: readonly InputError[]): SearchRequest {
  const request: Record<string, unknown> = { ...input };
  if (isObject(request.filters)) request.filters = { ...request.filters };
  for (const { path } of errors) {
    const [first = '', second = ''] = path.split('.');
    const filters = request.filters;
    if (first === 'filters' && isObject(filters)) delete filters[second];
    if (first !== 'filters' || second === '') delete request[first];
  }
  return request as SearchRequest;
}

function lookUp(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
}

type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The request with the forms that mean the same made one: white space in its texts is single spaces, and prices are
 * decimal strings without idle zeros (`10.50`, 10.5 → `10.5`). What is not of its field's type stays as it is.
 */
export function tidyFields(request: Fields): Fields {
  return mapFields(request, {
    query: tidyText,
    title: (title) => mapFields(title, { include: tidyWords, exclude: tidyWords }),
    filters: (filters) =>
      mapFields(filters, {
        price: (price) => mapFields(price, { min: tidyAmount, max: tidyAmount }),
        aspects: tidyAspects,
      }),
  });
}

function mapFields(value: unknown, changes: Record<string, (value: unknown) => unknown>): Fields {
  if (!isObject(value)) return value as Fields;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      Object.hasOwn(changes, key) ? changes[key]?.(field) : field,
    ]),
  );
}

function tidyText(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : value;
}

function tidyWords(value: unknown): unknown {
  return Array.isArray(value) ? value.map(tidyText) : value;
}

function tidyAspects(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, values]) => [tidyText(name), tidyWords(values)]),
  );
}

/** Text that is no decimal number, `1e-7` and `NaN` included, is left for the schema to refuse. */
function tidyAmount(value: unknown): unknown {
  if (typeof value !== 'number' && typeof value !== 'string') return value;
  const figure = String(value);
  // Longer than any amount, and the pattern below would take quadratic time over it.
  if (figure.length > 32) return figure;
  return figure.replace(/^(\d+)(?:\.(\d*?)0*)?$/, (_, whole: string, fraction: string | undefined) =>
    fraction === undefined || fraction === '' ? whole : `${whole}.${fraction}`,
  );
}

/** A request is four levels deep; what nests deeper is an attack on recursive code. */
const MAX_DEPTH = 32;
/** More than any valid request holds: 600 words and names, 1,000 aspect values, a few dozen fields. */
const MAX_NODES = 5_000;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

type Tidied = { ok: true; value: unknown } | { ok: false; errors: InputError[] };

/**
 * A copy of JSON data that is safe to read: Unicode text in NFC, no keys that reach an object's prototype, no text that
 * is not text (NUL, other control characters, half of a surrogate pair), bounded in depth and size. Never throws.
 */
export function tidyJson(input: unknown): Tidied {
  const errors: InputError[] = [];
  let nodes = 0;
  const refuse = (path: string, code: string, message: string) => {
    if (errors.length < 100) errors.push({ path, code, message });
  };

  const copy = (value: unknown, path: string, depth: number): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES) return undefined;
    if (typeof value === 'string') {
      if (!isText(value))
        refuse(path, 'invalid_text', 'holds a control character or half of a surrogate pair');
      return value.normalize('NFC');
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) {
      refuse(path, 'too_deep', `nests deeper than ${MAX_DEPTH} levels`);
      return undefined;
    }
    if (Array.isArray(value)) {
      return value
        .slice(0, MAX_NODES)
        .map((entry, index) => copy(entry, join(path, String(index)), depth + 1));
    }
    const fields = new Map<string, unknown>();
    for (const key of Object.keys(value)) {
      if (nodes > MAX_NODES) break;
      // What JSON would leave out.
      if ((value as Record<string, unknown>)[key] === undefined) continue;
      if (FORBIDDEN_KEYS.has(key)) refuse(join(path, key), 'forbidden_key', `a key may not be named ${key}`);
      else if (!isText(key))
        refuse(path, 'invalid_text', 'has a key with a control character or half of a surrogate pair');
      else
        fields.set(
          key.normalize('NFC'),
          copy((value as Record<string, unknown>)[key], join(path, key), depth + 1),
        );
    }
    return Object.fromEntries(fields);
  };

  const value = copy(input, '', 1);
  if (nodes > MAX_NODES) {
    errors.unshift({ path: '', code: 'too_large', message: `holds more than ${MAX_NODES} values` });
  }
  return errors.length === 0 ? { ok: true, value } : { ok: false, errors };
}

function join(path: string, key: string): string {
  const short = key.length <= 64 ? key : `${key.slice(0, 63)}…`;
  const shown = short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�');
  return path === '' ? shown : `${path}.${shown}`;
}

/** Tabs and line ends are white space, which is tidied later; all other control characters have no place in a request. */
function isText(text: string): boolean {
  return !/[\p{Cs}]|(?![\t\n\r])\p{Cc}/u.test(text);
}

/** Fields that say how a search is run, not what it finds. */
const ABOUT_THE_RUN = new Set(['v', 'priority', 'onFailure', 'maxAge']);

/** Lists whose order matters: marketplaces come out in theirs, and the first ones take what a division leaves over. */
const ORDERED = new Set(['marketplaces']);

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * The part of a request that decides its result, in one form for all ways to write it: keys and set-like lists sorted,
 * switches that are off and empty groups left out, title words in lower case.
 */
export function normalForm(request: NormalRequest): { [key: string]: Json } {
  const { title, ...rest } = request;
  const lower = (words: string[] = []) => [...new Set(words.map((word) => word.toLowerCase()))];
  const same = { ...rest, title: { include: lower(title?.include), exclude: lower(title?.exclude) } };
  const entries = Object.entries(same).filter(([key]) => !ABOUT_THE_RUN.has(key));
  return (normal(Object.fromEntries(entries)) ?? {}) as { [key: string]: Json };
}

/** SHA-256 (hex) of the normal form: the same for requests of one tenant that ask for the same. */
export function requestHash(request: NormalRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(normalForm(request)))
    .digest('hex');
}

function normal(value: unknown, name = ''): Json | undefined {
  if (value === undefined || value === false) return undefined;
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    return ORDERED.has(name) ? value : value.toSorted();
  }
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries = Object.entries(value)
    .map(([key, field]) => [key, normal(field, key)] as const)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as { [key: string]: Json });
}
