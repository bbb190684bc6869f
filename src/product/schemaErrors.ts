import type { ErrorObject } from 'ajv';
import { didYouMean } from '../config/files.ts';
import { countryHint } from './countries.ts';
import { MAX_IMAGE_LENGTH, SearchRequestSchema } from './requestSchema.ts';
import { violations } from './violations.ts';

/** One error in a caller's input. */
export interface InputError {
  /** `filters.price.min`, `marketplaces.0`; empty for the whole. */
  path: string;
  /** For programs: one of a closed list. */
  code: string;
  /** For people: what is allowed. Echoes at most 64 characters of the value, escaped. */
  message: string;
}

export const UNKNOWN_COUNTRY = 'unknown_country';

/** The schema's errors in tidied input: every field once, in the input's order. */
export function schemaErrors(input: unknown): InputError[] {
  const byPath = new Map<string, InputError>();
  for (const error of violations(SearchRequestSchema, input).map(inputError)) {
    if (!byPath.has(error.path)) byPath.set(error.path, error);
  }
  return [...byPath.values()].slice(0, 100);
}

/** A violation of the schema of a request, or of a part that another schema has under the same path. */
export function inputError(error: ErrorObject): InputError {
  const segments = error.instancePath.split('/').slice(1).map(unescapePointer);
  const path = segments.join('.');
  const { keyword, params, data } = error;
  if (keyword === 'additionalProperties') return unknownField(segments, params.additionalProperty, error);
  if (keyword === 'required') {
    const missing = [...segments, params.missingProperty].join('.');
    return { path: missing, code: 'required', message: 'is required here' };
  }
  const special = path === 'query' ? QUERY_CODES[keyword] : undefined;
  if (special !== undefined) return { path, code: special[0], message: special[1] };

  const { code, allowed } = ruleFor(segments);
  const values: unknown = params.allowedValues;
  if (!Array.isArray(values)) {
    if (code === UNKNOWN_COUNTRY) return { path, code, message: noCountry(data) };
    const message = allowed === undefined ? error.message : `must be ${allowed}`;
    return { path, code, message: `${message}; got ${echo(data)}` };
  }
  const hint = typeof data === 'string' ? didYouMean(data, values) : '';
  return { path, code, message: `must be one of ${values.join(', ')}; got ${echo(data)}${hint}` };
}

/** A country that the schema refuses, or that it takes and that does not exist. */
export function noCountry(value: unknown): string {
  const hint = typeof value === 'string' ? countryHint(value) : '';
  return `must be a two-letter country code of ISO 3166 in capitals, such as US; got ${echo(value)}${hint}`;
}

function ruleFor(segments: string[]): Rule {
  const [, group, aspect] = segments;
  if (segments[0] === 'costs' && aspect === undefined) return costsRule(group);
  if (segments[0] === 'costs') return group === 'exchangeRates' ? EXCHANGE_RATE : costsRule(aspect);
  if (group === 'aspects' && aspect !== undefined) return ASPECT;
  if (group === 'compatibility' && aspect !== undefined) return VEHICLE;
  const field = segments.map((segment) => (/^\d+$/.test(segment) ? '*' : segment)).join('.');
  return RULES[field] ?? { code: field === '' ? 'invalid_payload' : 'invalid_value' };
}

function unknownField(segments: string[], key: string, error: ErrorObject): InputError {
  const shown = key.length <= 64 ? key : `${key.slice(0, 63)}…`;
  const path = [...segments, shown].join('.');
  if (segments.at(-1) === 'aspects') {
    return {
      path,
      code: 'invalid_aspect',
      message: 'an aspect name holds 1 to 100 characters, none of , : | { } [ ] \\',
    };
  }
  if (segments.at(-1) === 'exchangeRates')
    return {
      path,
      code: EXCHANGE_RATE.code,
      message: 'a currency has three letters in capitals, such as USD',
    };
  if (segments.at(-1) === 'compatibility')
    return { path, code: VEHICLE.code, message: `a property of a vehicle holds ${VEHICLE_FORM}` };
  const known = Object.keys(error.parentSchema?.properties ?? {});
  const hint = didYouMean(key, known) || `; known here: ${known.join(', ')}`;
  return { path, code: 'unknown_field', message: `is no field of a search request${hint}` };
}

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A value as an error message may show it: JSON-escaped, control and invisible characters too, at most 64 characters. */
export function echo(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value === 'number') return String(value);
  const json = JSON.stringify(typeof value === 'string' ? value.slice(0, 64) : value) ?? String(value);
  const shown = json.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return shown.length <= 64 ? shown : `${cut(shown, 61)}…"`;
}

/** The beginning of a text, without half of a character at its end. */
export function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/\p{Cs}$/u, '');
}

interface Rule {
  code: string;
  /** Completes "must be …" where the schema's own wording would show a pattern. */
  allowed?: string;
}

const AMOUNT = {
  code: 'price_range',
  allowed: 'a number or decimal string from 0 to 999999999.999, at most three decimals',
};
const COUNTRY = { code: UNKNOWN_COUNTRY };
const POSTAL_CODE = { code: 'invalid_postal_code', allowed: '1 to 10 letters, digits, spaces or hyphens' };
const SELLER = { code: 'invalid_seller', allowed: 'an eBay user name of at most 64 characters' };
const WORD = { code: 'invalid_word', allowed: 'a word or phrase of 1 to 100 characters' };
const ASPECT = {
  code: 'invalid_aspect',
  allowed: 'up to 50 values of 1 to 100 characters, none of { } [ ] \\',
};
const VEHICLE_FORM = '1 to 100 characters, none of , : ; | { } [ ] \\';
const VEHICLE = { code: 'invalid_compatibility', allowed: VEHICLE_FORM };
const NAME = '1 to 40 of the characters a-z, 0-9 and hyphen';
const DATE = {
  code: 'invalid_date',
  allowed: 'a day such as 2026-01-31, or a time in UTC such as 2026-01-31T18:00:00Z',
};
const BIDS = { code: 'bid_count_range', allowed: 'an integer from 0 to 1000000' };
const CATEGORY = { code: 'invalid_category', allowed: 'a category id: up to ten digits, as a string' };

const CURRENCY = {
  code: 'invalid_currency',
  allowed: 'a three-letter currency code in capitals, such as USD',
};
const EXCHANGE_RATE = {
  code: 'exchange_rate',
  allowed: 'a number or decimal string above 0, at most eight decimals',
};
const PERCENT = {
  code: 'percent_range',
  allowed: 'a number or decimal string from 0 to 1000 (per cent), at most four decimals',
};

/** The rule of a field of costs, or of one of their fees. */
function costsRule(name = ''): Rule {
  if (/percent$/i.test(name)) return PERCENT;
  if (['handling', 'resalePrice', 'minMarginAmount', 'fixed'].includes(name)) return AMOUNT;
  return name === 'currency' ? CURRENCY : { code: 'invalid_value' };
}

/** Field (array positions as `*`) → code and text of an error there. A field that is not in it has `invalid_value`. */
const RULES: Readonly<Record<string, Rule>> = {
  v: { code: 'unknown_payload_version', allowed: '1' },
  query: { code: 'invalid_query', allowed: 'text of 1 to 100 characters' },
  categoryIds: {
    code: 'invalid_category',
    allowed: 'a list of one category id (eBay takes one a request at present)',
  },
  'categoryIds.*': CATEGORY,
  items: { code: 'items_range', allowed: 'a list of 1 to 200 different items' },
  'items.*': {
    code: 'invalid_item',
    allowed: 'an item id or the address of an item, at most 2048 characters',
  },
  gtin: { code: 'invalid_gtin', allowed: 'a UPC, EAN or ISBN: 8, 10, 12, 13 or 14 digits, as a string' },
  epid: { code: 'invalid_epid', allowed: 'a product number of eBay: up to 20 digits, as a string' },
  image: {
    code: 'invalid_image',
    allowed: `the Base64 of a picture, at most ${MAX_IMAGE_LENGTH} characters (750 kB)`,
  },
  reference: {
    code: 'invalid_reference',
    allowed: '1 to 256 letters, digits, underscores, points or hyphens',
  },
  detailsMaxAge: { code: 'max_age_range', allowed: 'an integer from 0 to 21600 (seconds)' },
  marketplaces: { code: 'marketplaces_range', allowed: 'a list of 1 to 5 different marketplaces' },
  'marketplaces.*': { code: 'unknown_marketplace' },
  maxItems: { code: 'max_items_range', allowed: 'an integer from 1 to 10000' },
  sort: { code: 'unknown_sort' },
  'filters.price.min': AMOUNT,
  'filters.price.max': AMOUNT,
  'filters.price.currency': CURRENCY,
  'filters.conditionIds.*': {
    code: 'invalid_condition_id',
    allowed: 'a condition id: four digits, as a string',
  },
  'filters.deliveryCountry': COUNTRY,
  'filters.itemLocationCountry': COUNTRY,
  'filters.pickup.country': COUNTRY,
  'filters.pickup.postalCode': POSTAL_CODE,
  'filters.pickup.radius': { code: 'radius_range', allowed: 'an integer from 1 to 500' },
  'filters.itemStartDate.from': DATE,
  'filters.itemStartDate.to': DATE,
  'filters.itemEndDate.from': DATE,
  'filters.itemEndDate.to': DATE,
  'filters.bidCount.min': BIDS,
  'filters.bidCount.max': BIDS,
  'filters.excludeCategoryIds': { code: 'invalid_category', allowed: 'a list of 1 to 50 category ids' },
  'filters.excludeCategoryIds.*': CATEGORY,
  'filters.charityIds': { code: 'charities_range', allowed: 'a list of 1 to 20 different charities' },
  'filters.charityIds.*': { code: 'invalid_charity', allowed: 'the registration number of a charity' },
  'filters.deliveryPostalCode': POSTAL_CODE,
  'filters.sellers': { code: 'sellers_range', allowed: 'a list of 1 to 250 different names' },
  'filters.sellers.*': SELLER,
  'filters.excludeSellers': { code: 'sellers_range', allowed: 'a list of 1 to 250 different names' },
  'filters.excludeSellers.*': SELLER,
  'shipTo.country': COUNTRY,
  'shipTo.postalCode': POSTAL_CODE,
  'title.include.*': WORD,
  'title.exclude.*': WORD,
  'seller.minFeedbackPercentage': { code: 'feedback_range', allowed: 'a number from 0 to 100' },
  'seller.minFeedbackScore': { code: 'feedback_range', allowed: 'an integer from 0' },
  maxAge: { code: 'max_age_range', allowed: 'an integer from 0 to 86400 (seconds)' },
  priority: { code: 'unknown_priority' },
  track: { code: 'invalid_track', allowed: NAME },
  tenant: { code: 'invalid_tenant', allowed: NAME },
};

const QUERY_CODES: Readonly<Record<string, [code: string, message: string]>> = {
  minLength: ['q_required', 'must hold 1 to 100 characters that are not spaces'],
  maxLength: ['q_too_long', 'must hold at most 100 characters (eBay cuts the rest silently)'],
  pattern: ['q_wildcard', 'must not hold *, which eBay does not allow'],
};
