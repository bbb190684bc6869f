import { MARKETPLACES } from '../config/marketplaces.ts';
import type { InputError } from './inputErrors.ts';
import { MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import { DEFAULT_MAX_ITEMS, MAX_QUERY_LENGTH, type SearchRequest } from './requestSchema.ts';

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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
