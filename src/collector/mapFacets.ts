import type {
  WireAspectDistribution,
  WireAspectValueDistribution,
  WireBuyingOptionDistribution,
  WireCategoryDistribution,
  WireConditionDistribution,
  WireRefinement,
} from '../ebay/wire.ts';
import { ASPECT_NAME, ASPECT_TEXT } from '../product/requestSchema.ts';
import type { SearchFacets } from '../product/summary.ts';
import { fields, identifier, list, naturalNumber, text } from './untrusted.ts';

/** What one page says of the whole search; its marketplace is the page's own. */
export type PageFacets = Omit<SearchFacets, 'marketplace'>;

/** As many names and values as a request may hold in `filters.aspects`. eBay names far fewer aspects in a search. */
const MAX_ASPECTS = 20;
const MAX_VALUES = 50;
/** Far more than eBay shows on its own page, so that no answer makes a summary large. */
const MAX_CATEGORIES = 50;
const MAX_CONDITIONS = 20;
/** Entries of one list that are read at all. */
const MAX_READ = 1000;

const NAME = new RegExp(ASPECT_NAME);
const VALUE = new RegExp(ASPECT_TEXT);
const CATEGORY = /^\d{1,10}$/;
const CONDITION = /^\d{4}$/;
const BUYING_OPTION = /^(FIXED_PRICE|AUCTION|BEST_OFFER|CLASSIFIED_AD)$/;

/**
 * eBay's `refinement` as values that a request can hold; null where the page has none. Takes any JSON and never throws.
 * What no request could name is left out: it would narrow nothing.
 */
export function mapFacets(json: unknown): PageFacets | null {
  const refinement: { [Name in keyof WireRefinement]?: unknown } | null = fields(json);
  if (refinement === null) return null;
  return {
    dominantCategoryId: matching(refinement.dominantCategoryId, CATEGORY),
    categories: counted(refinement.categoryDistributions, MAX_CATEGORIES, (entry) => {
      const id = matching(entry.categoryId, CATEGORY);
      return id && { id, name: text(entry.categoryName, 100) };
    }),
    aspects: mapAspects(refinement.aspectDistributions),
    conditions: counted(refinement.conditionDistributions, MAX_CONDITIONS, (entry) => {
      const id = matching(entry.conditionId, CONDITION);
      return id && { id, name: text(entry.condition, 100) };
    }),
    buyingOptions: counted(refinement.buyingOptionDistributions, MAX_VALUES, (entry) => {
      const name = matching(entry.buyingOption, BUYING_OPTION);
      return name && { name };
    }),
  };
}

function mapAspects(json: unknown): PageFacets['aspects'] {
  const aspects = list(json)
    .slice(0, MAX_READ)
    .flatMap((entry) => {
      const aspect: { [Name in keyof WireAspectDistribution]?: unknown } | null = fields(entry);
      const name = matching(aspect?.localizedAspectName, NAME);
      if (aspect === null || name === null) return [];
      const values = counted(aspect.aspectValueDistributions, MAX_VALUES, aspectValue);
      return values.length === 0 ? [] : [{ name, values }];
    });
  return firstOfEach(aspects, ({ name }) => name).slice(0, MAX_ASPECTS);
}

/** eBay calls listings without the aspect "Not Specified", in the language of the site, and asks for them as `!`. */
function aspectValue({ localizedAspectValue, refinementHref }: Entry) {
  const value = text(localizedAspectValue, MAX_TEXT);
  if (value === null) return null;
  if (asksForNone(refinementHref)) return { value: '!', text: value };
  return VALUE.test(value) ? { value } : null;
}

/** One more than a request may hold: a longer text matches no listing when it is cut, so it is left out. */
const MAX_TEXT = 101;

function asksForNone(href: unknown): boolean {
  return typeof href === 'string' && /(?::|%3A)(?:\{|%7B)(?:!|%21)(?:\}|%7D)(?:&|$)/i.test(href);
}

/** Any of eBay's counted values, before it was looked at. */
type Entry = {
  [Name in keyof (WireAspectValueDistribution &
    WireCategoryDistribution &
    WireConditionDistribution &
    WireBuyingOptionDistribution)]?: unknown;
};

/** The readable entries that have a count, each value once; of too many those with the highest counts, in eBay's order. */
function counted<Value extends { id?: string; name?: string | null; value?: string }>(
  json: unknown,
  most: number,
  read: (entry: Entry) => Value | null | '',
): Array<Value & { count: number }> {
  const entries = list(json)
    .slice(0, MAX_READ)
    .flatMap((entry) => {
      const object: Entry | null = fields(entry);
      const count = naturalNumber(object?.matchCount);
      const value = object && read(object);
      return value && count !== null ? [{ ...value, count }] : [];
    });
  const unique = firstOfEach(entries, ({ id, value, name }) => id ?? value ?? name);
  if (unique.length <= most) return unique;
  const highest = new Set(unique.toSorted((a, b) => b.count - a.count).slice(0, most));
  return unique.filter((entry) => highest.has(entry));
}

function matching(value: unknown, pattern: RegExp): string | null {
  const found = pattern === NAME ? text(value, MAX_TEXT) : identifier(value, MAX_TEXT);
  return found !== null && pattern.test(found) ? found : null;
}

function firstOfEach<Entry>(entries: readonly Entry[], key: (entry: Entry) => unknown): Entry[] {
  const seen = new Set<unknown>();
  return entries.filter((entry) => !seen.has(key(entry)) && seen.add(key(entry)));
}
