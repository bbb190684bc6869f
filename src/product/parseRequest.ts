import { createHash } from 'node:crypto';
import { didYouMean } from '../config/files.ts';
import type { Costs } from './costs.ts';
import { instantOf } from './instant.ts';
import { tidyItems } from './itemReference.ts';
import { costsErrors } from './landed.ts';
import { isMarketplace, MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import { pictureName, tidyPicture } from './picture.ts';
import { ruleErrors } from './requestRules.ts';
import {
  DEFAULT_DETAILS_MAX_AGE,
  DEFAULT_MAX_ITEMS,
  type NormalRequest,
  type SearchRequest,
} from './requestSchema.ts';
import { cut, echo, type InputError, schemaErrors } from './schemaErrors.ts';

export type ParsedRequest = { ok: true; request: NormalRequest } | { ok: false; errors: InputError[] };

/** What a request gets that does not say it itself. */
export interface RequestDefaults {
  /** For a request without marketplaces. */
  marketplace: string;
  /** For a request without costs; as they are written in a setting, which `checkCosts` has checked. Empty: none. */
  costs?: unknown;
  /** The tenant's, where it is known; without one a request may name no `reference`. */
  affiliateCampaignId?: string | undefined;
}

/**
 * Reads a search request from any value, such as parsed JSON or the data of a job that another program added. It never
 * throws on input and returns all errors at once. Its own result parses to itself.
 *
 * @param defaults configured values
 * @throws RangeError when the default marketplace is none that can be searched
 */
export function parseSearchRequest(input: unknown, defaults: RequestDefaults): ParsedRequest {
  const marketplace = checkedMarketplace(defaults.marketplace);
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  if (!isObject(tidied.value)) {
    const message = `a search request is a JSON object; got ${echo(tidied.value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const written = tidyFields(withCosts(tidied.value, defaults.costs));
  const fieldErrors = schemaErrors(written);
  const has = (path: string) => lookUp(written, path.split('.')) !== undefined;
  const errors = [...fieldErrors, ...ruleErrors(without(written, fieldErrors), has, marketplace)];
  if (defaults.affiliateCampaignId === '' && has('reference')) errors.push(NO_CAMPAIGN);
  if (errors.length > 0)
    return {
      ok: false,
      errors: errors.map((error) => withOrigin(error, tidied.value as Fields, defaults.costs)),
    };
  return { ok: true, request: withDefaults(written as SearchRequest, marketplace) };
}

const NO_CAMPAIGN: InputError = {
  path: 'reference',
  code: 'affiliate_off',
  message: 'is for affiliate links: set EBAY_AFFILIATE_CAMPAIGN_ID, or affiliateCampaignId of the tenant',
};

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
    // The type of a written request does not express that amounts are decimal strings by now.
    filters: (written.filters ?? {}) as NormalRequest['filters'],
  } as NormalRequest;
}

/** Costs that a request names replace those of the tenant as a whole: two halves would not be of one currency. */
function withCosts(input: Fields, costs: unknown): Fields {
  return isObject(costs) && !Object.hasOwn(input, 'costs') ? { ...input, costs } : input;
}

/** Codes of what is missing in costs. */
const MISSING = new Set(['required', 'resale_required', 'exchange_rate']);

/** An error in costs says whose they are where the caller may not know. @param costs those of the tenant */
function withOrigin(error: InputError, input: Fields, costs: unknown): InputError {
  const { path, code, message } = error;
  if (!`${path}.`.startsWith('costs.') || !isObject(costs)) return error;
  if (!Object.hasOwn(input, 'costs'))
    return { ...error, message: `${message}; the request has no costs, so those of the tenant hold` };
  if (!MISSING.has(code) || path.startsWith('costs.exchangeRates.')) return error;
  return { ...error, message: `${message}; costs of a request replace those of the tenant as a whole` };
}

/**
 * What is wrong with costs that stand alone, as in a setting. Paths begin with `costs`.
 * @param currencies of the marketplaces where they hold
 */
export function checkCosts(costs: unknown, currencies: readonly string[] = []): InputError[] {
  const tidied = tidyJson({ costs });
  if (!tidied.ok) return tidied.errors;
  const written = tidyFields(tidied.value as Fields);
  const errors = schemaErrors(written);
  return errors.length > 0 ? errors : costsErrors(written.costs as Costs, currencies);
}

function checkedMarketplace(id: string): MarketplaceId {
  if (isMarketplace(id)) return id;
  const hint = didYouMean(id, MARKETPLACE_IDS);
  throw new RangeError(`${echo(id)} is no marketplace that can be searched${hint}`);
}

/** The input without the fields that have errors. */
function without(input: Fields, errors: readonly InputError[]): SearchRequest {
  const request: Record<string, unknown> = { ...input };
  if (isObject(request.filters)) request.filters = { ...request.filters };
  for (const { path } of errors) {
    const [field = '', filter] = path.split('.');
    if (field !== 'filters' || filter === undefined) delete request[field];
    else if (isObject(request.filters)) delete request.filters[filter];
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
 * One form for values that mean the same: white space in texts becomes single spaces, and prices become decimal strings
 * without trailing zeros (`10.50`, 10.5 → `10.5`). A value that is not of its field's type stays as it is.
 */
function tidyFields(request: Fields): Fields {
  return mapFields(request, {
    query: tidyText,
    items: tidyItems,
    image: tidyPicture,
    title: (title) => mapFields(title, { include: tidyWords, exclude: tidyWords }),
    filters: (filters) =>
      mapFields(filters, {
        price: (price) => mapFields(price, { min: tidyAmount, max: tidyAmount }),
        itemStartDate: tidyPeriod,
        itemEndDate: tidyPeriod,
        aspects: tidyAspects,
      }),
    costs: (costs) => mapFields(costs, COST_FIGURES),
  });
}

function tidyPeriod(period: unknown): unknown {
  const instant = (isEnd: boolean) => (value: unknown) =>
    typeof value === 'string' && value.length <= 24 ? (instantOf(value, isEnd) ?? value) : value;
  return mapFields(period, { from: instant(false), to: instant(true) });
}

const FEE = { percent: tidyAmount, fixed: tidyAmount };

/** The figures in costs, each with its tidy form. */
const COST_FIGURES: Readonly<Record<string, (value: unknown) => unknown>> = {
  ...Object.fromEntries(
    [
      'dutyPercent',
      'importTaxPercent',
      'handling',
      'resalePrice',
      'markupPercent',
      'minMarginPercent',
      'minMarginAmount',
    ].map((name) => [name, tidyAmount]),
  ),
  resaleTax: (tax) => mapFields(tax, { percent: tidyAmount }),
  marketplaceFee: (fee) => mapFields(fee, FEE),
  paymentFee: (fee) => mapFields(fee, FEE),
  exchangeRates: (rates) =>
    isObject(rates)
      ? Object.fromEntries(Object.entries(rates).map(([code, rate]) => [code, tidyAmount(rate)]))
      : rates,
};

function mapFields(value: unknown, changes: Record<string, (value: unknown) => unknown>): Fields {
  if (!isObject(value)) return value as Fields;
  const changed = Object.entries(changes).filter(([key]) => Object.hasOwn(value, key));
  return { ...value, ...Object.fromEntries(changed.map(([key, change]) => [key, change(value[key])])) };
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

/** The schema refuses text that is no decimal number, `1e-7` and `NaN` included. */
function tidyAmount(value: unknown): unknown {
  if (typeof value !== 'number' && typeof value !== 'string') return value;
  const figure = String(value);
  // Longer than any amount, and the pattern below would take quadratic time over it.
  if (figure.length > 32) return figure;
  return figure.replace(/^(\d+)(?:\.(\d*?)0*)?$/, (_, whole: string, fraction: string | undefined) =>
    fraction === undefined || fraction === '' ? whole : `${whole}.${fraction}`,
  );
}

/** A request is four levels deep. Deep nesting is an attack on recursive code. */
const MAX_DEPTH = 32;
/** More than any valid request holds: 600 words and names, 1,000 aspect values, a few dozen fields. */
const MAX_NODES = 5_000;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A copy of JSON data that is safe to read: Unicode text in NFC, no keys that reach an object's prototype, no NUL, other
 * control characters or half of a surrogate pair, bounded in depth and size. Never throws.
 */
export function tidyJson(input: unknown): { ok: true; value: unknown } | { ok: false; errors: InputError[] } {
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
    if (depth > MAX_DEPTH) return void refuse(path, 'too_deep', `nests deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      return value
        .slice(0, MAX_NODES)
        .map((entry, index) => copy(entry, join(path, String(index)), depth + 1));
    }
    const fields = new Map<string, unknown>();
    for (const key of Object.keys(value)) {
      if (nodes > MAX_NODES) break;
      const field = (value as Fields)[key];
      // JSON would leave it out.
      if (field === undefined) continue;
      if (FORBIDDEN_KEYS.has(key)) refuse(join(path, key), 'forbidden_key', `a key may not be named ${key}`);
      else if (!isText(key))
        refuse(path, 'invalid_text', 'has a key with a control character or half of a surrogate pair');
      else fields.set(key.normalize('NFC'), copy(field, join(path, key), depth + 1));
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
  const short = key.length <= 64 ? key : `${cut(key, 63)}…`;
  const shown = short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�');
  return path === '' ? shown : `${path}.${shown}`;
}

/** Tabs and line ends are white space, which `tidyFields` replaces. Other control characters are refused. */
function isText(text: string): boolean {
  return !/[\p{Cs}]|(?![\t\n\r])\p{Cc}/u.test(text);
}

/** Fields that decide how a search runs, not what it finds. */
const ABOUT_THE_RUN = new Set(['v', 'priority', 'onFailure', 'maxAge']);

/** Lists whose order matters: results follow it, and the first marketplaces get the remainder of a division. */
const ORDERED = new Set(['marketplaces']);

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * The part of a request that decides its result, in one form: keys and set-like lists sorted, switches that are off and
 * empty groups left out, title words in lower case.
 */
export function normalForm(request: NormalRequest): { [key: string]: Json } {
  const { title, variations, image, detailsMaxAge = DEFAULT_DETAILS_MAX_AGE, ...others } = request;
  const asksItems = request.details !== 'none' || request.items !== undefined || variations === 'all';
  const rest = {
    ...others,
    ...(variations === 'all' && { variations }),
    ...(image !== undefined && { image: pictureName(image) }),
    ...(asksItems && detailsMaxAge !== DEFAULT_DETAILS_MAX_AGE && { detailsMaxAge }),
  };
  const lower = (words: string[] = []) => [...new Set(words.map((word) => word.toLowerCase()))];
  const same = { ...rest, title: { include: lower(title?.include), exclude: lower(title?.exclude) } };
  const entries = Object.entries(same).filter(([key]) => !ABOUT_THE_RUN.has(key));
  return (normal(Object.fromEntries(entries)) ?? {}) as { [key: string]: Json };
}

/**
 * SHA-256 (hex) of the normal form: the same for requests of one tenant with the same meaning.
 * @param campaignId whose affiliate links the products carry; empty: none
 */
export function requestHash(request: NormalRequest, campaignId = ''): string {
  return createHash('sha256')
    .update(JSON.stringify(normalForm(request)))
    .update(campaignId)
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
