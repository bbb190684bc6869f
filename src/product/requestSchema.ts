import type { Static } from 'typebox';
import { type Costs, CostsSchema } from './costs.ts';
import { MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import { Type } from './type.ts';

/** An object schema that refuses unknown keys. */
export const closed = { additionalProperties: false };
export const country = (description: string) => Type.String({ pattern: '^[A-Z]{2}$', description });
export const postalCode = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 -]{0,9}$', description });

/** eBay refuses more names in one filter (12032). */
export const MAX_SELLERS = 250;

const flag = (description: string) => Type.Boolean({ description });

// None of the characters that structure eBay's filter grammar.
const sellerName = Type.String({ pattern: '^[^\\s,:{}\\[\\]|\\\\]{1,64}$' });
const sellerNames = (description: string) =>
  Type.Array(sellerName, { minItems: 1, maxItems: MAX_SELLERS, uniqueItems: true, description });

const amount = (description: string) =>
  Type.Union(
    [
      Type.Number({ minimum: 0, maximum: 999_999_999.999 }),
      Type.String({ pattern: '^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,3})?$' }),
    ],
    { description: `${description}, a JSON number or a decimal string, at most three decimals` },
  );

const instant = (description: string) =>
  Type.String({
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,3})?)?Z)?$',
    description,
  });

/** A day alone is its first moment in `from`, and its last in `to`. */
const period = (description: string) =>
  Type.Object(
    {
      from: Type.Optional(instant('UTC, such as 2026-01-31T18:00:00Z; a day alone means its beginning')),
      to: Type.Optional(instant('UTC, such as 2026-01-31T18:00:00Z; a day alone means its end')),
    },
    { ...closed, description: `${description}; from or to or both` },
  );

const Price = Type.Object(
  {
    min: Type.Optional(amount('lowest price')),
    max: Type.Optional(amount('highest price')),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217; eBay needs it beside a price' }),
  },
  { ...closed, description: 'item price without shipping; min or max or both' },
);

const oneOf = <Value extends string>(values: Value[], description: string) =>
  Type.Array(Type.Enum(values), { minItems: 1, maxItems: values.length, uniqueItems: true, description });

/** Sites of eBay with something that others lack; each list is from the page or the document of the API that names it. */
export const OFFERED = {
  image: ['EBAY_US', 'EBAY_DE', 'EBAY_GB', 'EBAY_AU'],
  autoCorrect: [
    ...['EBAY_US', 'EBAY_AT', 'EBAY_AU', 'EBAY_CA', 'EBAY_CH', 'EBAY_DE'],
    ...['EBAY_ES', 'EBAY_FR', 'EBAY_GB', 'EBAY_IE', 'EBAY_IT'],
  ],
  charityIds: ['EBAY_US', 'EBAY_GB'],
  ebayPlus: ['EBAY_DE', 'EBAY_AT', 'EBAY_AU'],
} as const satisfies Record<string, readonly MarketplaceId[]>;

/** eBay refuses more charities in one request (12025). */
const MAX_CHARITIES = 20;

// Braces, pipes and colons are grammar in aspect_filter; only the pipe has a documented escape.
export const ASPECT_TEXT = '^[^{}\\[\\]\\\\\\u0000-\\u001f]{1,100}$';
export const ASPECT_NAME = '^[^,:|{}\\[\\]\\\\\\u0000-\\u001f]{1,100}$';

// Colons and semicolons are grammar in compatibility_filter.
const VEHICLE_TEXT = '^[^,:;|{}\\[\\]\\\\\\u0000-\\u001f]{1,100}$';

/** The filters that eBay itself applies. */
export const FilterSchema = Type.Object(
  {
    price: Type.Optional(Price),
    conditions: Type.Optional(
      oneOf(
        ['NEW', 'USED', 'UNSPECIFIED'],
        "eBay's broad conditions: NEW holds the ids 1000 (new), 1500 (open box) and 1750 (new with defects); for one of " +
          'them alone take conditionIds; not together with conditionIds',
      ),
    ),
    conditionIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9]{4}$' }), {
        minItems: 1,
        maxItems: 20,
        uniqueItems: true,
        description: "eBay's condition ids, the same in all languages, such as 1000 (new) or 3000 (used)",
      }),
    ),
    buyingOptions: Type.Optional(
      oneOf(
        ['FIXED_PRICE', 'AUCTION', 'BEST_OFFER', 'CLASSIFIED_AD'],
        'without it eBay answers only listings that offer FIXED_PRICE',
      ),
    ),
    deliveryCountry: Type.Optional(country('only what ships to this country')),
    deliveryPostalCode: Type.Optional(postalCode('needs deliveryCountry')),
    deliveryOptions: Type.Optional(
      oneOf(
        ['SHIP_TO_HOME', 'SELLER_ARRANGED_LOCAL_PICKUP'],
        'only what is handed over in one of these ways',
      ),
    ),
    pickup: Type.Optional(
      Type.Object(
        {
          country: country('of the place'),
          postalCode: postalCode('of the place'),
          radius: Type.Integer({ minimum: 1, maximum: 500, description: 'how far from the place' }),
          unit: Type.Enum(['mi', 'km'], { description: 'of the radius: miles or kilometres' }),
        },
        { ...closed, description: 'only what can be picked up near a place; the order distance needs it' },
      ),
    ),
    itemLocationCountry: Type.Optional(
      country('only what is located in this country; not together with itemLocationRegion'),
    ),
    itemLocationRegion: Type.Optional(
      Type.Enum(
        [
          ...['WORLDWIDE', 'NORTH_AMERICA', 'EUROPEAN_UNION', 'CONTINENTAL_EUROPE', 'UK_AND_IRELAND'],
          ...['BORDER_COUNTRIES', 'ASIA'],
        ],
        {
          description:
            'only what is located in this region; a site knows some of them and refuses the others (12518); not together ' +
            'with itemLocationCountry',
        },
      ),
    ),
    itemStartDate: Type.Optional(period('only listings that began in this time')),
    itemEndDate: Type.Optional(period('only listings that end in this time')),
    bidCount: Type.Optional(
      Type.Object(
        {
          min: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e6, description: 'fewest bids' })),
          max: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e6, description: 'most bids' })),
        },
        {
          ...closed,
          description: 'only auctions with so many bids; min or max or both; needs AUCTION in buyingOptions',
        },
      ),
    ),
    excludeCategoryIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9]{1,10}$' }), {
        minItems: 1,
        maxItems: 50,
        uniqueItems: true,
        description: 'nothing of these categories',
      }),
    ),
    paymentMethods: Type.Optional(
      oneOf(['CREDIT_CARD', 'PAYPAL'], 'only what can be paid in one of these ways'),
    ),
    qualifiedPrograms: Type.Optional(
      oneOf(
        ['AUTHENTICITY_GUARANTEE', 'AUTHENTICITY_VERIFICATION', 'EBAY_PLUS', 'EBAY_REFURBISHED'],
        'only what is in one of these programmes of eBay; AUTHENTICITY_GUARANTEE needs deliveryCountry and ' +
          'deliveryPostalCode; EBAY_PLUS is on EBAY_DE, EBAY_AT and EBAY_AU; a site that lacks another one refuses it (12512)',
      ),
    ),
    charityOnly: Type.Optional(flag('true: only what is sold for charity')),
    charityIds: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9-]{1,20}$' }), {
        minItems: 1,
        maxItems: MAX_CHARITIES,
        uniqueItems: true,
        description:
          'only what is sold for these charities: their tax numbers (EIN) on EBAY_US, registration numbers on EBAY_GB; ' +
          'elsewhere eBay refuses it',
      }),
    ),
    priorityListing: Type.Optional(flag('true: only what its seller promotes; without sort')),
    freeShipping: Type.Optional(flag('true: only free shipping')),
    returnsAccepted: Type.Optional(flag('true: only what can be returned')),
    sellers: Type.Optional(sellerNames('only these sellers')),
    excludeSellers: Type.Optional(sellerNames('none of these sellers')),
    sellerAccountTypes: Type.Optional(
      oneOf(['BUSINESS', 'INDIVIDUAL'], 'only on AT BE CH DE ES FR GB IE IT PL; eBay ignores it elsewhere'),
    ),
    searchInDescription: Type.Optional(
      flag('true: also search descriptions; the query needs two characters'),
    ),
    aspects: Type.Optional(
      Type.Record(
        Type.String({ pattern: ASPECT_NAME }),
        Type.Array(Type.String({ pattern: ASPECT_TEXT }), { minItems: 1, maxItems: 50, uniqueItems: true }),
        {
          ...closed,
          minProperties: 1,
          maxProperties: 20,
          description: 'item aspects, such as {"Color": ["Red", "Blue"]}; needs a category id',
        },
      ),
    ),
    compatibility: Type.Optional(
      Type.Record(Type.String({ pattern: VEHICLE_TEXT }), Type.String({ pattern: VEHICLE_TEXT }), {
        ...closed,
        minProperties: 1,
        maxProperties: 20,
        description:
          'the vehicle that parts must fit, such as {"Year": "2018", "Make": "BMW"}; needs a query and the id of a category ' +
          'of parts',
      }),
    ),
  },
  {
    ...closed,
    description: "filters that eBay applies; one that it ignores comes back in the summary's warnings",
  },
);

/** eBay cuts a longer `q` silently, so it is refused here. */
export const MAX_QUERY_LENGTH = 100;
/** Listings that one request may name. */
export const MAX_LISTINGS = 200;
/** Characters of Base64: a picture of 750 kB. eBay names no limit; its own pictures for search are far smaller. */
export const MAX_IMAGE_LENGTH = 1_000_000;
/** Seconds. */
export const DEFAULT_DETAILS_MAX_AGE = 3600;
/** At most so many items of one query can be reached (12029). */
export const MAX_ITEMS = 10_000;
export const DEFAULT_MAX_ITEMS = 200;
/** A fifth of eBay's 5,000 calls a day, and as many as the windows of five marketplaces have pages four times over. */
export const MAX_CALLS = 1000;

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
        description:
          'keywords: a space means AND, (a, b) means OR; query or categoryIds or both, unless items, gtin, epid or image say ' +
          'what is looked for',
      }),
    ),
    items: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), {
        minItems: 1,
        maxItems: MAX_LISTINGS,
        uniqueItems: true,
        description:
          'listings instead of a query, one call each, asked for on the marketplace of the request: item ids ' +
          '(v1|110587654321|0), ids of listings (110587654321) or addresses of their pages on any site of eBay, of which ' +
          'only the ids count',
      }),
    ),
    gtin: Type.Optional(
      Type.String({
        pattern: '^([0-9]{8}|[0-9]{9}[0-9X]|[0-9]{12,14})$',
        description:
          'offers of the product with this UPC, EAN or ISBN, instead of a query; epid may stand beside it',
      }),
    ),
    epid: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,20}$',
        description:
          "offers of the product with this number in eBay's catalogue, instead of a query; gtin may stand beside it",
      }),
    ),
    image: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_IMAGE_LENGTH,
        pattern: '^[A-Za-z0-9+/]+={0,2}$',
        description:
          'a picture, Base64: what looks like it, instead of a query; on EBAY_US, EBAY_DE, EBAY_GB and EBAY_AU',
      }),
    ),
    variations: Type.Optional(
      Type.Enum(['none', 'all'], {
        default: 'none',
        description:
          'all: one more call for each listing with variations, and a product with details for each variation in place of ' +
          'the one that a search shows; maxItems counts listings then',
      }),
    ),
    facets: Type.Optional(
      Type.Boolean({
        description:
          'true: the summary says which aspects, categories, conditions and buying options there are, with counts; no ' +
          'further call',
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
    maxCalls: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_CALLS,
        description:
          'pages asked for at most, over all marketplaces, at least one for each; calls that eBay fails and calls for details ' +
          'come on top; default: five times the fewest that maxItems can take',
      }),
    ),
    sort: Type.Optional(
      Type.Enum(['price', '-price', 'newlyListed', 'endingSoonest', 'distance'], {
        description: 'price includes shipping; distance needs filters.pickup; none: Best Match',
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
          minFeedbackPercentage: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: 100,
              description:
                'sellers without recent feedback have no percentage; the summary counts them apart',
            }),
          ),
          minFeedbackScore: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e9 })),
        },
        {
          ...closed,
          description: "applied here after eBay's answer; a seller without the figure does not pass",
        },
      ),
    ),
    excludePickupOnly: Type.Optional(
      Type.Boolean({
        description:
          "true: leaves out what can only be picked up, judged here by eBay's search answer; a page then asks for 200 items",
      }),
    ),
    details: Type.Optional(
      Type.Enum(['none', 'full', 'new'], {
        default: 'none',
        description:
          'full: one more call for each product, unless its answer is known (detailsMaxAge); new: with track, only for ' +
          'products that are new or changed since its last search, and others have details only where their answer is known',
      }),
    ),
    detailsMaxAge: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 21_600,
        default: DEFAULT_DETAILS_MAX_AGE,
        description:
          "seconds: an answer for an item that is this young is used again; at most the six hours that eBay's licence allows",
      }),
    ),
    language: Type.Optional(
      Type.Enum(['nl-BE', 'fr-BE', 'en-CA', 'fr-CA'], {
        description: 'of the answers, on EBAY_BE and EBAY_CA, which have two languages',
      }),
    ),
    autoCorrect: Type.Optional(
      Type.Boolean({
        description:
          'true: eBay may correct the spelling of the query; the summary says how; not on BE, HK, NL, PL and SG',
      }),
    ),
    reference: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,256}$',
        description: "the caller's own word in affiliate links; needs EBAY_AFFILIATE_CAMPAIGN_ID",
      }),
    ),
    costs: Type.Optional(CostsSchema),
    track: Type.Optional(name('marks what is new since the last search of this name; `default` is reserved')),
    maxAge: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400,
        default: 0,
        description:
          'seconds: an identical search finished within it answers at once, and pages of this age of the same listing are used again',
      }),
    ),
    onFailure: Type.Optional(
      Type.Enum(['fail', 'degrade'], {
        default: 'fail',
        description: 'with nothing collected: fail the job, or finish it as `degraded`',
      }),
    ),
    strictFilters: Type.Optional(
      Type.Boolean({
        description:
          'true: a search of which eBay ignores a part fails with filter-ignored; default: a warning says so',
      }),
    ),
    priority: Type.Optional(Type.Enum(['interactive', 'scheduled', 'backfill'], { default: 'interactive' })),
    tenant: Type.Optional(name('whose credential and limits; default: `default`')),
  },
  {
    ...closed,
    title: 'Search request, version 1',
    description: 'needs query or categoryIds, or items, gtin, epid or image in their place',
  },
);

/** A search request as a caller writes it. */
export type SearchRequest = Static<typeof SearchRequestSchema>;

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
export type NormalRequest = Omit<SearchRequest, 'filters' | 'costs'> &
  Required<
    Pick<
      SearchRequest,
      'v' | 'marketplaces' | 'maxItems' | 'details' | 'maxAge' | 'onFailure' | 'priority' | 'tenant'
    >
  > & {
    filters: NormalFilters;
    costs?: Costs;
  };
