import type { Command } from 'commander';
import { MARKETPLACES } from '../config/formats.ts';
import { isMarketplace } from '../product/marketplaces.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import { UsageError } from './exit.ts';

type Values = Record<string, unknown>;

/** Each option may be given several times, and takes several values separated by commas where `list` says so. */
const list = (value: string, before: string[] = []) => [
  ...before,
  ...value.split(',').map((each) => each.trim()),
];
const each = (value: string, before: string[] = []) => [...before, value];

/** The request's fields as options. What a value may be is the request schema's business, in one place for all callers. */
export function addRequestFlags(command: Command): Command {
  return command
    .option('--category <id>', 'eBay category; instead of or beside the query', list)
    .option('--marketplace <id>', 'site to search, such as EBAY_DE; may be repeated', list)
    .option('--max-items <n>', 'products wanted at most (200)', number)
    .option('--sort <order>', 'price, -price, newlyListed or endingSoonest; else Best Match')
    .option('--price-min <amount>', 'lowest item price')
    .option('--price-max <amount>', 'highest item price')
    .option('--currency <code>', 'of the prices above; else the marketplace’s')
    .option('--condition <word>', 'NEW, USED or UNSPECIFIED; may be repeated', list)
    .option('--condition-id <id>', 'eBay’s condition id, such as 3000; may be repeated', list)
    .option(
      '--buying-option <word>',
      'FIXED_PRICE, AUCTION, BEST_OFFER, CLASSIFIED_AD; may be repeated',
      list,
    )
    .option('--delivery-country <code>', 'only what ships there')
    .option('--delivery-postal-code <code>', 'only what ships there')
    .option('--located-in <country>', 'only what is there')
    .option('--free-shipping', 'only free shipping')
    .option('--returns-accepted', 'only what can be returned')
    .option('--seller <name>', 'only this seller; may be repeated', list)
    .option('--exclude-seller <name>', 'not this seller; may be repeated', list)
    .option('--seller-account-type <type>', 'BUSINESS or INDIVIDUAL', list)
    .option('--search-in-description', 'search descriptions too')
    .option('--aspect <name=value>', 'item aspect, such as Color=Red; may be repeated', each)
    .option('--ship-to <place>', 'US or US:19406: prices shipping to there')
    .option('--title-include <word>', 'must be in the title; may be repeated', each)
    .option('--title-exclude <word>', 'must not be in the title; may be repeated', each)
    .option('--min-feedback-percentage <n>', 'of the seller', number)
    .option('--min-feedback-score <n>', 'of the seller', number)
    .option('--details', 'full details: one more call for each product')
    .option('--track <name>', 'mark what is new since the last search of this name')
    .option('--max-age <seconds>', 'take an identical search that young', number)
    .option('--on-failure <way>', 'fail or degrade')
    .option('--priority <class>', 'interactive, scheduled or backfill')
    .option('--tenant <name>', 'whose credential and limits');
}

/** Text that is no number stays text, for the schema to refuse by the field's name. */
function number(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The request that the options make. Unchecked: whether it is a good one is for the producer to say. */
export function requestFrom(
  query: string | undefined,
  flags: Values,
  defaults: { marketplace: string },
): SearchRequest {
  const marketplaces = flags.marketplace as string[] | undefined;
  const request = {
    query,
    categoryIds: flags.category,
    marketplaces,
    maxItems: flags.maxItems,
    sort: flags.sort,
    filters: group({
      price: priceRange(flags, marketplaces ?? [defaults.marketplace]),
      conditions: flags.condition,
      conditionIds: flags.conditionId,
      buyingOptions: flags.buyingOption,
      deliveryCountry: flags.deliveryCountry,
      deliveryPostalCode: flags.deliveryPostalCode,
      itemLocationCountry: flags.locatedIn,
      freeShipping: flags.freeShipping,
      returnsAccepted: flags.returnsAccepted,
      sellers: flags.seller,
      excludeSellers: flags.excludeSeller,
      sellerAccountTypes: flags.sellerAccountType,
      searchInDescription: flags.searchInDescription,
      aspects: aspects(flags.aspect as string[] | undefined),
    }),
    shipTo: place(flags.shipTo as string | undefined),
    title: group({ include: flags.titleInclude, exclude: flags.titleExclude }),
    seller: group({
      minFeedbackPercentage: flags.minFeedbackPercentage,
      minFeedbackScore: flags.minFeedbackScore,
    }),
    details: flags.details === true ? 'full' : undefined,
    track: flags.track,
    maxAge: flags.maxAge,
    onFailure: flags.onFailure,
    priority: flags.priority,
    tenant: flags.tenant,
  };
  return (group(request) ?? {}) as SearchRequest;
}

/** The fields that are there; undefined for none. */
function group(fields: Values): Values | undefined {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}

/** eBay needs a currency beside a price; where all marketplaces have the same one, it need not be typed. */
function priceRange({ priceMin: min, priceMax: max, currency }: Values, marketplaces: string[]) {
  if (min === undefined && max === undefined) {
    if (currency !== undefined)
      throw new UsageError('--currency says nothing without --price-min or --price-max');
    return undefined;
  }
  const usual = new Set(
    marketplaces.map((id) => (isMarketplace(id) ? MARKETPLACES[id].currency : undefined)),
  );
  return group({ min, max, currency: currency ?? (usual.size === 1 ? [...usual][0] : undefined) });
}

function aspects(pairs: string[] = []): Record<string, string[]> | undefined {
  const found = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1)
      throw new UsageError(`--aspect must be NAME=VALUE, such as Color=Red; got ${JSON.stringify(pair)}`);
    const name = pair.slice(0, equals);
    found.set(name, [...(found.get(name) ?? []), pair.slice(equals + 1)]);
  }
  return found.size === 0 ? undefined : Object.fromEntries(found);
}

/** `US` or `US:19406`. */
function place(text: string | undefined): Values | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon === -1) return { country: text };
  return { country: text.slice(0, colon), postalCode: text.slice(colon + 1) };
}
