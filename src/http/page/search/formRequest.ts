import { MARKETPLACES } from '../../../config/formats.ts';
import { isMarketplace, marketplaceOf, siteName } from '../../../product/marketplaces.ts';
import { isObject } from '../../../product/parseRequest.ts';
import type { NormalRequest, SearchRequest } from '../../../product/requestSchema.ts';
import { countText } from '../../../text/values.ts';
import { type FormValues, valuesOf } from '../../auth/login.ts';
import { type Currencies, FIELDS, readField, writeField } from './fields.ts';
import { categoryIdIn, codeIn, kindOf } from './typed.ts';

type Fields = Record<string, unknown>;

/** Of a search alone: listings that are named are shown whatever they are. */
const OF_A_SEARCH = [
  ...['query', 'gtin', 'epid', 'image', 'categoryIds', 'sort', 'facets', 'autoCorrect', 'title', 'seller'],
  ...['excludePickupOnly', 'maxCalls', 'maxItems', 'filters'],
];

/**
 * The request in a posted form. Empty fields are not sent, and values without a certain meaning stay wrong, so that the
 * check names their fields.
 */
export function requestFromForm(values: FormValues, defaultMarketplace: string): SearchRequest {
  const { marketplace = defaultMarketplace, image } = values;
  const query = (values.query ?? '').trim();
  const kind = values.kind || (query === '' ? 'words' : kindOf(query));
  const currencies = currenciesOf(values, defaultMarketplace);
  const request: Fields = {};
  for (const field of FIELDS) {
    const text = values[field.name]?.trim();
    if (text) put(request, field.path.split('.'), readField(field, text, currencies));
  }
  const category = values.category?.trim();
  const aspects = aspectsFrom(valuesOf(values.aspect));
  if (aspects !== undefined) put(request, ['filters', 'aspects'], aspects);
  const written = valuesOf(values.keep).map(keptFrom).reduce<unknown>(merged, request) as Fields;
  complete(written, currencies);
  if (kind === 'listing') {
    const items = [...new Set(query.split(/[\s,]+/))];
    const rest = Object.fromEntries(Object.entries(written).filter(([name]) => !OF_A_SEARCH.includes(name)));
    // An address of another site is more than a field that was left as it is.
    const site = items.map(marketplaceOf).find((id) => id !== undefined) ?? marketplace;
    return { variations: 'all', ...rest, marketplaces: [site], items } as SearchRequest;
  }
  const named =
    query === '' ? {} : kind === 'code' ? { gtin: codeIn(query) } : ({ query } satisfies SearchRequest);
  return {
    ...written,
    ...(image ? { image } : named),
    ...(category && { categoryIds: [categoryIdIn(category.slice(0, 200)) ?? category] }),
    marketplaces: [...new Set([marketplace, ...valuesOf(values.also)])],
    facets: true,
  } as SearchRequest;
}

/** What amounts are in: what the form says, else the marketplace’s currency. */
export function currenciesOf(values: Partial<FormValues>, defaultMarketplace: string): Currencies {
  const { marketplace = defaultMarketplace } = values;
  const own = isMarketplace(marketplace) ? MARKETPLACES[marketplace].currency : 'USD';
  const named = (name: string) => values[name]?.trim().toUpperCase() || own;
  return { price: named('priceCurrency'), costs: named('costsCurrency') };
}

/** Adds what belongs to a value that is set, and takes out what belongs to one that is not. */
function complete(request: Fields, currencies: Currencies): void {
  const { costs } = request;
  const filters = isObject(request.filters) ? request.filters : {};
  const { price, pickup } = filters;
  if (isObject(price)) {
    if (price.min === undefined && price.max === undefined) delete filters.price;
    else price.currency ??= currencies.price;
  }
  if (isObject(pickup)) {
    if (Object.keys(pickup).length === 1 && pickup.unit !== undefined) delete filters.pickup;
    else pickup.unit ??= 'mi';
  }
  if (isObject(costs)) costs.currency ??= currencies.costs;
  if (Object.keys(filters).length === 0) delete request.filters;
}

function put(target: Fields, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  if (!isObject(target[name])) target[name] = {};
  put(target[name] as Fields, rest, value);
}

/** A part of a request that the form has no field for. Text of another form stays, so that the check refuses it. */
function keptFrom(text: string): Fields {
  try {
    const kept: unknown = JSON.parse(text);
    if (isObject(kept)) return kept;
  } catch {}
  return { keep: text.slice(0, 100) };
}

/** Lists are joined; of two other values the first stays. */
function merged(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return [...new Set([...one, ...other])];
  if (!isObject(one) || !isObject(other)) return one ?? other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  const own = (value: Fields, name: string) => (Object.hasOwn(value, name) ? value[name] : undefined);
  return Object.fromEntries([...names].map((name) => [name, merged(own(one, name), own(other, name))]));
}

/** Of `Color:Red` texts; names have no colon. */
function aspectsFrom(texts: readonly string[]): Record<string, string[]> | undefined {
  const byName = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf(':');
    const name = text.slice(0, at);
    byName.set(name, [...(byName.get(name) ?? []), text.slice(at + 1)]);
  }
  return byName.size === 0 ? undefined : Object.fromEntries(byName);
}

/** What a request says of its run and its form, not of what is searched; a changed search has its own. */
const NOT_OF_THE_FORM = ['v', 'tenant', 'priority', 'track', 'facets', 'query', 'gtin', 'items', 'image'];
const DEFAULTS: Readonly<Record<string, unknown>> = { maxAge: 0, onFailure: 'fail', details: 'none' };

/**
 * A request as the form has it. What no field of the form can say is in `keep`, a part a line, so that the same request
 * comes back. Pictures are named by their search.
 * @param searchId of a search by picture
 */
export function valuesFrom(request: NormalRequest, searchId?: string): FormValues {
  const { query, gtin, items, marketplaces, categoryIds, image, details } = request;
  const [marketplace = '', ...also] = marketplaces;
  const rest: Fields = Object.fromEntries(
    Object.entries(structuredClone(request)).filter(
      ([name, value]) => !NOT_OF_THE_FORM.includes(name) && value !== DEFAULTS[name] && value !== false,
    ),
  );
  // Details of what is new need the track.
  if (details === 'new') delete rest.details;
  for (const name of ['marketplaces', 'categoryIds']) delete rest[name];
  // Unless the form says otherwise a listing is shown with all its variations, and a product of a search alone.
  if (rest.variations === (items === undefined ? 'none' : 'all')) delete rest.variations;
  else if (items !== undefined) rest.variations = 'none';
  const own = currenciesOf({ marketplace }, '').price;
  const currencies = { price: request.filters.price?.currency ?? own, costs: request.costs?.currency ?? own };
  const values: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = take(rest, field.path.split('.'), false);
    if (value === undefined) continue;
    const text = writeField(field, value, currencies);
    if (text === undefined && value !== false) continue;
    take(rest, field.path.split('.'), true);
    if (text !== undefined) values[field.name] = text;
  }
  if (values.priceCurrency === own) delete values.priceCurrency;
  if (values.pickupUnit === 'mi') delete values.pickupUnit;
  const aspects = take(rest, ['filters', 'aspects'], true) ?? {};
  const entries = Object.entries({
    ...values,
    query: query ?? gtin ?? items?.join(' '),
    marketplace,
    also: also.join('\n'),
    kind: kindToSay(request),
    category: categoryIds?.[0],
    imageOf: image === undefined ? undefined : searchId,
    aspect: Object.entries(aspects)
      .flatMap(([name, each]) => (each as string[]).map((value) => `${name}:${value}`))
      .join('\n'),
    keep: piecesOf(rest)
      .map((piece) => JSON.stringify(piece))
      .join('\n'),
  });
  return Object.fromEntries(entries.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

/** How what stands in the form is to be taken where it looks like something else. */
function kindToSay({ query, gtin, items }: NormalRequest): string | undefined {
  const [kind, text] =
    items !== undefined
      ? ['listing', items.join(' ')]
      : gtin !== undefined
        ? ['code', gtin]
        : ['words', query];
  return text === undefined || kindOf(text) === kind ? undefined : kind;
}

/** The value at a path. @param removes whether it is taken out */
function take(target: unknown, [name = '', ...rest]: readonly string[], removes: boolean): unknown {
  if (!isObject(target) || !Object.hasOwn(target, name)) return undefined;
  if (rest.length > 0) return take(target[name], rest, removes);
  const { [name]: value } = target;
  if (removes) delete target[name];
  return value;
}

/** Each value in a request as a request of its own. */
function piecesOf(value: unknown): unknown[] {
  if (!isObject(value)) return [value];
  return Object.entries(value).flatMap(([name, part]) =>
    part === undefined || part === false ? [] : piecesOf(part).map((piece) => ({ [name]: piece })),
  );
}

/** How what was typed was understood; undefined for words. */
export function understoodText({ items, gtin, marketplaces = [] }: SearchRequest): string | undefined {
  if (items !== undefined)
    return `understood as ${countText(items.length, 'listing')} of ${marketplaces.map(siteName)}, with all variations`;
  return gtin === undefined ? undefined : 'understood as a product code';
}
