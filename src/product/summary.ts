import type { Static } from 'typebox';
import { MARKETPLACE_IDS } from './marketplaces.ts';
import { closed, type NormalRequest } from './requestSchema.ts';
import { Type } from './type.ts';

const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });
const instant = (description: string) => Type.String({ format: 'date-time', description });

/** `failed` is the outcome of a job that failed; the others are return values of jobs. */
export const OUTCOMES = [
  'complete',
  'none-found',
  'filtered-out',
  'partial',
  'degraded',
  'cancelled',
  'skipped',
  'failed',
] as const;

/** Why a search that ran to its end asked for no further page. */
export const STOPPED_BY = ['wanted', 'end', 'window', 'max-calls', 'known'] as const;
export type StoppedBy = (typeof STOPPED_BY)[number];

const OutcomeSchema = Type.Enum([...OUTCOMES], {
  description:
    'complete: the wanted number, or all of the listing, is there; none-found: the listing is empty, or eBay ' +
    'has none of the items of the request; filtered-out: no item of the listing fits; partial: pages or items failed, or the search stopped before the end of the listing (stoppedBy); ' +
    'degraded: nothing is there and the request asked not to fail; skipped: the run before was still busy',
});

const CountsSchema = Type.Object(
  {
    found: count(
      'what eBay claims, an indicator only (0 where it claims nothing); with items as many as collected',
    ),
    collected: count('items in the answers that are there'),
    products: count('products delivered'),
    duplicates: count('items that an earlier page or marketplace already held'),
    filteredOut: count("items that the request's own conditions dropped"),
    filteredOutBy: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
        description:
          'why, reason → n, each item by its first reason: title, seller-rating, seller-rating-unknown (the seller has no ' +
          'such figure), pickup-only, margin, margin-unknown (an amount or an exchange rate is missing); absent when nothing was dropped',
      }),
    ),
    rejected: Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
      description:
        'items that could not be read, reason → n: not-an-object, no-item-id, no-title, no-price and bad-price (of fixed ' +
        'price, without a readable price above zero)',
    }),
  },
  closed,
);

const WarningSchema = Type.Object(
  {
    errorId: Type.Union([Type.Integer(), Type.Null()], {
      description: "eBay's number of the warning (null: eBay names none)",
    }),
    message: Type.String({ description: "eBay's text" }),
    parameters: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ description: 'the part of the request' }),
            value: Type.String({ description: 'what eBay says of it' }),
          },
          closed,
        ),
        { description: 'what the warning is about' },
      ),
    ),
  },
  { ...closed, description: 'a part of the request that eBay ignored, or that many items could not be read' },
);

const MissingSchema = Type.Object(
  {
    marketplace: Type.Enum(MARKETPLACE_IDS, { description: 'the site whose call failed' }),
    page: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description:
        'the page that failed, counted from 1 on that site; nothing after it is in the result (null: it is an item)',
    }),
    itemId: Type.Optional(
      Type.String({
        description:
          'the product whose details failed; the item or listing that the request names; with variations: all, the listing ' +
          'whose variations failed',
      }),
    ),
    code: Type.String({ description: 'one of the closed failure codes' }),
    message: Type.String({ description: 'what failed, and what to do' }),
  },
  closed,
);

const FailureSchema = Type.Object(
  {
    code: Type.String({ description: 'one of the closed failure codes' }),
    message: Type.String({ description: 'what failed, and what to do' }),
    page: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'the page that failed, counted from 1 on its site (null: it is an item)',
    }),
    retryable: Type.Boolean({ description: 'whether the same request may succeed later' }),
  },
  closed,
);

const matches = Type.Integer({
  minimum: 0,
  description: "eBay's own figure: how many listings of the whole search have it, collected or not",
});

const FacetsSchema = Type.Object(
  {
    marketplace: Type.Enum(MARKETPLACE_IDS, { description: 'the site that these values are of' }),
    dominantCategoryId: Type.Union([Type.String(), Type.Null()], {
      description:
        'the category of most of the listings, which the aspects belong to: filters.aspects needs it as the only one of ' +
        'categoryIds (null: eBay names none)',
    }),
    categories: Type.Array(
      Type.Object(
        {
          id: Type.String({ description: 'for categoryIds' }),
          name: Type.Union([Type.String(), Type.Null()], {
            description: 'in the language of the site (null: eBay names none)',
          }),
          count: matches,
        },
        closed,
      ),
      { description: 'the categories of the listings, at most 50' },
    ),
    aspects: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'for filters.aspects' }),
          values: Type.Array(
            Type.Object(
              {
                value: Type.String({
                  description:
                    'for filters.aspects: {name: [value]}; ! stands for listings without this aspect',
                }),
                text: Type.Optional(
                  Type.String({ description: 'what eBay calls it, where a request needs another value' }),
                ),
                count: matches,
              },
              closed,
            ),
            { description: 'at most 50, those with most listings' },
          ),
        },
        closed,
      ),
      {
        description:
          'the aspects of dominantCategoryId, at most 20; names and values that a request cannot hold are left out',
      },
    ),
    conditions: Type.Array(
      Type.Object(
        {
          id: Type.String({ description: 'for filters.conditionIds' }),
          name: Type.Union([Type.String(), Type.Null()], {
            description: 'in the language of the site (null: eBay names none)',
          }),
          count: matches,
        },
        closed,
      ),
      { description: 'the conditions of the listings' },
    ),
    buyingOptions: Type.Array(
      Type.Object(
        { name: Type.String({ description: 'for filters.buyingOptions' }), count: matches },
        closed,
      ),
      { description: 'the ways to buy' },
    ),
  },
  closed,
);

/** What a search job returns. Products are read apart from it, by `searchId`. */
export const SearchSummarySchema = Type.Object(
  {
    searchId: Type.String({ description: "the job's id" }),
    outcome: OutcomeSchema,
    counts: CountsSchema,
    stoppedBy: Type.Union([Type.Enum([...STOPPED_BY]), Type.Null()], {
      description:
        'why no further page was asked for: wanted (the wanted number is there), end (the listing ended), window (eBay shows ' +
        'no item behind the first 10,000), max-calls (maxCalls was reached), known (newest first, the track knows the rest); ' +
        'with items: end; null: a page or an item of the request failed, or the search was cancelled or skipped',
    }),
    lookedAt: count(
      'different items that were looked at, of counts.found: two variations of a listing are two, and those that could ' +
        'not be read count as often as they came',
    ),
    calls: count('calls to eBay that this search made, in all of its runs'),
    callsLeft: Type.Optional(
      Type.Union([count(), Type.Null()], {
        description:
          'calls that were left today when it ended: of the tightest budget that its calls are charged to (API key, schedule, ' +
          'tenant), else of what its class may use of the day (null: it made no call)',
      }),
    ),
    pages: count('pages that its products come from; 0 with items'),
    missing: Type.Array(MissingSchema, {
      description:
        'the marketplaces whose pages ended early, the products without their details and the items of the request that ' +
        'failed, and why',
    }),
    gone: Type.Array(Type.String(), {
      description:
        'item ids: with details, products that eBay no longer had when asked; with items, those of the request (the number ' +
        'of the listing where it names no item); with track, those of the last search that saw the whole listing which this one, seeing it whole too, did not find',
    }),
    trackNote: Type.Optional(
      Type.String({
        description: 'with track: why nothing was compared although the name had been used before',
      }),
    ),
    facets: Type.Optional(
      Type.Array(FacetsSchema, {
        description:
          'with facets: what narrows the search, an entry for each marketplace whose first page says it; the counts are ' +
          "eBay's claims",
      }),
    ),
    correctedQuery: Type.Optional(
      Type.String({
        description:
          'with autoCorrect: what eBay searched for in place of the query; absent when it corrected nothing',
      }),
    ),
    warnings: Type.Array(WarningSchema, {
      description: 'what eBay ignored in the request, each once, and that many items could not be read',
    }),
    error: Type.Union([FailureSchema, Type.Null()], {
      description: 'the first failure (null: nothing failed)',
    }),
    startedAt: instant('when the run began, UTC'),
    finishedAt: instant('when it was summed up, UTC'),
    expiresAt: Type.Union([instant('UTC'), Type.Null()], {
      description: 'when the earliest answer is deleted, UTC (null: there is none)',
    }),
  },
  { ...closed, title: 'Search summary' },
);

export type Outcome = (typeof OUTCOMES)[number];
export type SearchSummary = Static<typeof SearchSummarySchema>;
export type SearchCounts = Static<typeof CountsSchema>;
export type SearchWarning = Static<typeof WarningSchema>;
/** What narrows a search on one marketplace. */
export type SearchFacets = Static<typeof FacetsSchema>;
export type MissingPart = Static<typeof MissingSchema>;
export type SummaryError = Static<typeof FailureSchema>;

/** What the outcome of a search depends on. */
export interface Ending {
  /** Stored pages, or of a request with items the answers that say what became of a listing. */
  pages: number;
  /** Entries of the summary's `missing`. */
  missing: number;
  cancelled: boolean;
  /** Null where a page failed or the search was cancelled. */
  stoppedBy: StoppedBy | null;
  onFailure: NormalRequest['onFailure'];
  counts: Pick<SearchCounts, 'collected' | 'products'>;
}

/**
 * The outcome of a search, from its evidence:
 *
 * | evidence                                                     | outcome      |
 * |--------------------------------------------------------------|--------------|
 * | it was cancelled                                             | cancelled    |
 * | no page was answered, or none of the items of a request      | failed, or degraded where the request asks for it |
 * | a page or an item failed                                     | partial      |
 * | it stopped before the end of the listing, at its bound, eBay's window or what a track knows | partial |
 * | the wanted number, or the whole listing, is delivered        | complete     |
 * | the whole listing was looked at, and no item fits            | filtered-out |
 * | the whole listing was looked at, and it is empty             | none-found   |
 * | eBay has none of the items of a request any more             | none-found   |
 *
 * An outage never looks like "no products".
 */
export function outcomeOf({
  pages,
  missing,
  cancelled,
  stoppedBy,
  onFailure,
  counts,
}: Ending): Exclude<Outcome, 'skipped'> {
  if (cancelled) return 'cancelled';
  if (pages === 0) return onFailure === 'degrade' ? 'degraded' : 'failed';
  if (missing > 0 || (stoppedBy !== 'wanted' && stoppedBy !== 'end')) return 'partial';
  if (counts.products > 0) return 'complete';
  return counts.collected > 0 ? 'filtered-out' : 'none-found';
}
