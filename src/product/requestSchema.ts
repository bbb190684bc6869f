import Type from 'typebox';
import { closed, country, postalCode } from './fieldTypes.ts';
import { FilterSchema } from './filterSchema.ts';
import { MARKETPLACE_IDS } from './marketplaces.ts';

/** eBay cuts a longer `q` silently, so it is refused here. */
export const MAX_QUERY_LENGTH = 100;
/** At most so many items of one query can be reached (12029). */
export const MAX_ITEMS = 10_000;
export const DEFAULT_MAX_ITEMS = 200;

const words = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
    minItems: 1,
    maxItems: 50,
    uniqueItems: true,
    description,
  });

const name = (description: string) => Type.String({ pattern: '^[a-z0-9-]{1,40}$', description });

/** A search request, version 1: the one definition behind validation, types, OpenAPI and the published JSON Schema. */
export const SearchRequestSchema = Type.Object(
  {
    v: Type.Optional(Type.Literal(1, { description: 'version of this format; 1 when absent' })),
    query: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_QUERY_LENGTH,
        pattern: '^[^*]*$',
        description: 'keywords: a space means AND, (a, b) means OR; query or categoryIds or both',
      }),
    ),
    categoryIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9]{1,10}$' }), {
        minItems: 1,
        maxItems: 1,
        description: 'category ids of the marketplace; eBay takes one a request at present (12030)',
      }),
    ),
    marketplaces: Type.Optional(
      Type.Array(Type.Enum(MARKETPLACE_IDS), {
        minItems: 1,
        maxItems: 5,
        uniqueItems: true,
        description: 'sites to search, each with an equal share of maxItems; default: the configured one',
      }),
    ),
    maxItems: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_ITEMS,
        default: DEFAULT_MAX_ITEMS,
        description: 'products wanted at most, over all marketplaces',
      }),
    ),
    sort: Type.Optional(
      Type.Enum(['price', '-price', 'newlyListed', 'endingSoonest'], {
        description: 'price includes shipping; none: Best Match',
      }),
    ),
    filters: Type.Optional(FilterSchema),
    shipTo: Type.Optional(
      Type.Object(
        {
          country: country("the buyer's country"),
          postalCode: Type.Optional(postalCode("the buyer's postal code")),
        },
        { ...closed, description: 'where to, so that eBay prices calculated shipping; filters nothing' },
      ),
    ),
    title: Type.Optional(
      Type.Object(
        {
          include: Type.Optional(words('every one of these must be in the title')),
          exclude: Type.Optional(words('none of these may be in the title')),
        },
        { ...closed, description: "whole words or phrases, case ignored, applied here after eBay's answer" },
      ),
    ),
    seller: Type.Optional(
      Type.Object(
        {
          minFeedbackPercentage: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
          minFeedbackScore: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e9 })),
        },
        {
          ...closed,
          description: "applied here after eBay's answer; a seller without the figure does not pass",
        },
      ),
    ),
    details: Type.Optional(
      Type.Enum(['none', 'full'], { default: 'none', description: 'full: one more call for each product' }),
    ),
    track: Type.Optional(name('marks what is new since the last search of this name; `default` is reserved')),
    maxAge: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400,
        default: 0,
        description: 'seconds: an identical search finished within it answers at once',
      }),
    ),
    onFailure: Type.Optional(
      Type.Enum(['fail', 'degrade'], {
        default: 'fail',
        description: 'with nothing collected: fail the job, or finish it as `degraded`',
      }),
    ),
    priority: Type.Optional(Type.Enum(['interactive', 'scheduled', 'backfill'], { default: 'interactive' })),
    tenant: Type.Optional(name('whose credential and limits; default: `default`')),
  },
  { ...closed, title: 'Search request, version 1', description: 'needs query or categoryIds' },
);

/** A search request as a caller writes it. */
export type SearchRequest = Type.Static<typeof SearchRequestSchema>;

export type Priority = NonNullable<SearchRequest['priority']>;
export type SearchFilters = NonNullable<SearchRequest['filters']>;

/** A price range whose amounts are canonical decimal strings (`10`, `12.5`). */
export interface PriceRange {
  min?: string;
  max?: string;
  currency: string;
}

export type NormalFilters = Omit<SearchFilters, 'price'> & { price?: PriceRange };

/** A valid request, its text in NFC and its defaults filled in. It is itself a valid `SearchRequest`. */
export type NormalRequest = Omit<SearchRequest, 'filters'> &
  Required<
    Pick<
      SearchRequest,
      'v' | 'marketplaces' | 'maxItems' | 'details' | 'maxAge' | 'onFailure' | 'priority' | 'tenant'
    >
  > & {
    filters: NormalFilters;
  };
