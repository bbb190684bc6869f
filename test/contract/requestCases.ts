import { SearchRequestSchema } from '../../src/product/requestSchema.ts';

interface Node {
  type?: string;
  properties?: Record<string, Node>;
}

/** Every field of a request, those of its groups by their paths. `costs` are arithmetic here and say nothing to eBay. */
export function fieldsOf(schema: Node = SearchRequestSchema as Node, group = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, node]) => {
    const path = group + name;
    return node.properties === undefined || path === 'costs' ? [path] : fieldsOf(node, `${path}.`);
  });
}

export interface FieldCase {
  /** Requests with the field that eBay answers without a warning. */
  valid: object[];
  /** Requests that are refused, and where: at the field itself unless another path is named. */
  invalid?: Array<[request: object, path?: string]>;
}

/** The beginning of a PNG. */
export const PICTURE = 'iVBORw0KGgo=';
const Q = { query: 'phone case' };
const US_PLACE = { deliveryCountry: 'US', deliveryPostalCode: '19406' };
const NEAR = { country: 'US', postalCode: '19406', radius: 25, unit: 'mi' };
const PART = { query: 'dash cam', categoryIds: ['38641'] };
const filters = (written: object, request: object = Q) => ({ ...request, filters: written });
const price = (range: object) => filters({ price: range });
const pickup = (change: object) => filters({ pickup: { ...NEAR, ...change } });
const auctions = (written: object) => filters({ buyingOptions: ['AUCTION'], ...written });
/** On a site, and refused on another one. */
const on = (site: string, request: object) => ({ ...request, marketplaces: [site] });

/**
 * A case for every field of a request. `{item}` and `{group}` stand for listings of the simulator: one without variations,
 * and one with them. A value of a wrong type is tried for each field besides.
 */
export const CASES: Readonly<Record<string, FieldCase>> = {
  v: { valid: [{ ...Q, v: 1 }], invalid: [[{ ...Q, v: 2 }]] },
  query: {
    valid: [Q, { query: '(case, hub)' }],
    invalid: [
      [{}],
      [{ query: 'usb*' }],
      [{ query: 'a'.repeat(101) }],
      [{ ...Q, gtin: '4006381333931' }, 'gtin'],
      [{ ...Q, epid: '15032' }, 'epid'],
      [{ ...Q, image: PICTURE }, 'image'],
      [{ ...Q, items: ['{item}'] }, 'items'],
      [filters({ sellers: ['seller_0001'] }, {})],
    ],
  },
  items: {
    valid: [{ items: ['{item}'] }, { items: ['https://www.ebay.com/itm/{item}'], shipTo: { country: 'US' } }],
    invalid: [
      [{ items: [] }],
      [{ items: ['https://example.org/itm/1'] }, 'items.0'],
      [{ items: ['{item}'], marketplaces: ['EBAY_US', 'EBAY_DE'] }, 'marketplaces'],
      [{ items: ['{item}'], sort: 'price' }, 'sort'],
      [filters({ freeShipping: true }, { items: ['{item}'] }), 'filters.freeShipping'],
      [{ items: ['{item}'], facets: true }, 'facets'],
      [{ items: ['{item}'], gtin: '4006381333931' }, 'items'],
    ],
  },
  gtin: {
    valid: [{ gtin: '4006381333931' }, { gtin: '097855126740', epid: '15032', categoryIds: ['20349'] }],
    invalid: [
      [{ gtin: '123' }],
      [{ gtin: '123456789' }],
      [{ gtin: '4006381333931', image: PICTURE }, 'image'],
    ],
  },
  epid: { valid: [{ epid: '15032' }], invalid: [[{ epid: 'v1|15032' }]] },
  image: {
    valid: [{ image: PICTURE }, on('EBAY_DE', { image: PICTURE, categoryIds: ['20349'] })],
    invalid: [
      [{ image: 'no base64!' }],
      [{ image: btoa('a text') }],
      [on('EBAY_FR', { image: PICTURE })],
      [{ image: PICTURE, sort: 'price' }, 'sort'],
      [{ image: PICTURE, autoCorrect: true }, 'autoCorrect'],
      [filters({ searchInDescription: true }, { image: PICTURE }), 'filters.searchInDescription'],
    ],
  },
  variations: {
    valid: [
      { items: ['{group}'], variations: 'all' },
      { ...Q, variations: 'none' },
    ],
    invalid: [[{ ...Q, variations: 'some' }]],
  },
  facets: {
    valid: [
      { ...Q, facets: true },
      { image: PICTURE, facets: true },
    ],
  },
  categoryIds: {
    valid: [{ categoryIds: ['20349'] }, filters({ sellers: ['seller_0001'] }, { categoryIds: ['20349'] })],
    invalid: [[{ categoryIds: ['20349', '123417'] }], [{ categoryIds: ['x'] }, 'categoryIds.0']],
  },
  marketplaces: {
    valid: [{ ...Q, marketplaces: ['EBAY_GB', 'EBAY_PL'] }],
    invalid: [[{ ...Q, marketplaces: ['EBAY_JP'] }, 'marketplaces.0'], [{ ...Q, marketplaces: [] }]],
  },
  maxItems: {
    valid: [{ ...Q, maxItems: 3 }],
    invalid: [[{ ...Q, maxItems: 10_001 }], [{ ...Q, maxItems: 1, marketplaces: ['EBAY_US', 'EBAY_DE'] }]],
  },
  maxCalls: {
    valid: [{ ...Q, maxCalls: 1 }],
    invalid: [[{ ...Q, maxCalls: 1, marketplaces: ['EBAY_US', 'EBAY_DE'] }]],
  },
  sort: {
    valid: [
      { ...Q, sort: 'price' },
      { ...Q, sort: '-price' },
      { ...Q, sort: 'newlyListed' },
      { ...auctions({}), sort: 'endingSoonest' },
      { ...pickup({}), sort: 'distance' },
    ],
    invalid: [
      [{ ...Q, sort: 'relevance' }],
      [{ ...Q, sort: 'distance' }],
      [{ ...filters({ buyingOptions: ['FIXED_PRICE'] }), sort: 'endingSoonest' }, 'filters.buyingOptions'],
    ],
  },
  'filters.price.min': {
    valid: [price({ min: 1, currency: 'USD' })],
    invalid: [[price({ min: 9, max: 1, currency: 'USD' })], [price({ currency: 'USD' }), 'filters.price']],
  },
  'filters.price.max': {
    valid: [price({ max: '99.5', currency: 'USD' })],
    invalid: [[price({ max: -1, currency: 'USD' })]],
  },
  'filters.price.currency': {
    valid: [price({ min: 1, max: 9, currency: 'GBP' })],
    invalid: [[price({ max: 1 })]],
  },
  'filters.conditions': {
    valid: [filters({ conditions: ['NEW', 'USED'] })],
    invalid: [[filters({ conditions: ['NEW'], conditionIds: ['1000'] })]],
  },
  'filters.conditionIds': {
    valid: [filters({ conditionIds: ['1000', '3000'] })],
    invalid: [[filters({ conditionIds: ['new'] }), 'filters.conditionIds.0']],
  },
  'filters.buyingOptions': {
    valid: [filters({ buyingOptions: ['FIXED_PRICE', 'AUCTION', 'BEST_OFFER', 'CLASSIFIED_AD'] })],
    invalid: [[filters({ buyingOptions: [] })]],
  },
  'filters.deliveryCountry': {
    valid: [filters({ deliveryCountry: 'JP' })],
    invalid: [[filters({ deliveryCountry: 'UK' })]],
  },
  'filters.deliveryPostalCode': {
    valid: [filters(US_PLACE), filters({ deliveryCountry: 'GB', deliveryPostalCode: 'SW1A 1AA' })],
    invalid: [
      [filters({ deliveryPostalCode: '19406' })],
      [filters({ deliveryCountry: 'US', deliveryPostalCode: 'XYZ' })],
    ],
  },
  'filters.deliveryOptions': {
    valid: [filters({ deliveryOptions: ['SHIP_TO_HOME', 'SELLER_ARRANGED_LOCAL_PICKUP'] })],
  },
  'filters.pickup.country': {
    valid: [pickup({})],
    invalid: [[pickup({ country: 'ZZ' })], [pickup({ country: undefined })]],
  },
  'filters.pickup.postalCode': {
    valid: [pickup({ country: 'DE', postalCode: '10115' })],
    invalid: [[pickup({ postalCode: 'XYZ' })], [pickup({ postalCode: undefined })]],
  },
  'filters.pickup.radius': {
    valid: [pickup({ radius: 1 })],
    invalid: [[pickup({ radius: 0 })], [pickup({ radius: undefined })]],
  },
  'filters.pickup.unit': {
    valid: [pickup({ unit: 'km' })],
    invalid: [[pickup({ unit: 'ft' })], [pickup({ unit: undefined })]],
  },
  'filters.itemLocationCountry': {
    valid: [filters({ itemLocationCountry: 'CN' })],
    invalid: [[filters({ itemLocationCountry: 'ZZ' })]],
  },
  'filters.itemLocationRegion': {
    valid: [
      filters({ itemLocationRegion: 'ASIA' }),
      on('EBAY_DE', filters({ itemLocationRegion: 'EUROPEAN_UNION' })),
    ],
    invalid: [
      [filters({ itemLocationRegion: 'ATLANTIS' })],
      [filters({ itemLocationRegion: 'ASIA', itemLocationCountry: 'CN' })],
    ],
  },
  'filters.itemStartDate.from': {
    valid: [filters({ itemStartDate: { from: '2020-01-31' } })],
    invalid: [
      [filters({ itemStartDate: { from: '2026-02-30' } })],
      [filters({ itemStartDate: {} }), 'filters.itemStartDate'],
    ],
  },
  'filters.itemStartDate.to': { valid: [filters({ itemStartDate: { to: '2026-01-31T18:00Z' } })] },
  'filters.itemEndDate.from': {
    valid: [auctions({ itemEndDate: { from: '2026-01-01', to: '2030-01-01' } })],
    invalid: [[auctions({ itemEndDate: { from: '2030-01-01', to: '2026-01-01' } })]],
  },
  'filters.itemEndDate.to': { valid: [auctions({ itemEndDate: { to: '2030-01-01T00:00:00.000Z' } })] },
  'filters.bidCount.min': {
    valid: [auctions({ bidCount: { min: 1 } })],
    invalid: [
      [auctions({ bidCount: { min: 2, max: 1 } })],
      [filters({ bidCount: { min: 1 } }), 'filters.bidCount'],
      [auctions({ bidCount: {} }), 'filters.bidCount'],
    ],
  },
  'filters.bidCount.max': {
    valid: [auctions({ bidCount: { min: 1, max: 5 } })],
    invalid: [[auctions({ bidCount: { max: -1 } })]],
  },
  'filters.excludeCategoryIds': {
    valid: [filters({ excludeCategoryIds: ['123417', '220'] })],
    invalid: [[filters({ excludeCategoryIds: [] })]],
  },
  'filters.paymentMethods': { valid: [filters({ paymentMethods: ['PAYPAL', 'CREDIT_CARD'] })] },
  'filters.qualifiedPrograms': {
    valid: [
      filters({ qualifiedPrograms: ['AUTHENTICITY_GUARANTEE'], ...US_PLACE }),
      filters({ qualifiedPrograms: ['EBAY_REFURBISHED', 'AUTHENTICITY_VERIFICATION'] }),
      on('EBAY_DE', filters({ qualifiedPrograms: ['EBAY_PLUS'] })),
    ],
    invalid: [
      [filters({ qualifiedPrograms: ['AUTHENTICITY_GUARANTEE'] })],
      [filters({ qualifiedPrograms: ['EBAY_PLUS'] })],
    ],
  },
  'filters.charityOnly': { valid: [filters({ charityOnly: true })] },
  'filters.charityIds': {
    valid: [filters({ charityIds: ['53-0196605'] }, {}), filters({ charityIds: ['530196605', '131788491'] })],
    invalid: [
      [on('EBAY_DE', filters({ charityIds: ['53-0196605'] }))],
      [filters({ charityIds: ['53-0196605'] }, { gtin: '4006381333931' })],
      [filters({ charityIds: Array.from({ length: 21 }, (_, at) => `53019660${at}`) })],
    ],
  },
  'filters.priorityListing': {
    valid: [filters({ priorityListing: true })],
    invalid: [[{ ...filters({ priorityListing: true }), sort: 'price' }]],
  },
  'filters.freeShipping': { valid: [filters({ freeShipping: true })] },
  'filters.returnsAccepted': { valid: [filters({ returnsAccepted: true })] },
  'filters.sellers': {
    valid: [filters({ sellers: ['seller_0001', 'seller_0002'] })],
    invalid: [
      [filters({ sellers: Array.from({ length: 251 }, (_, at) => `s${at}`) })],
      [filters({ sellers: ['a|b'] }), 'filters.sellers.0'],
    ],
  },
  'filters.excludeSellers': { valid: [filters({ excludeSellers: ['seller_0001'] })] },
  'filters.sellerAccountTypes': {
    valid: [on('EBAY_DE', filters({ sellerAccountTypes: ['BUSINESS'] }))],
    invalid: [[filters({ sellerAccountTypes: ['BUSINESS'] })]],
  },
  'filters.searchInDescription': {
    valid: [filters({ searchInDescription: true })],
    invalid: [
      [filters({ searchInDescription: true }, { query: 'a' })],
      [filters({ searchInDescription: true }, { categoryIds: ['20349'] })],
    ],
  },
  'filters.aspects': {
    valid: [filters({ aspects: { Color: ['Black', 'Red'] } }, { ...Q, categoryIds: ['20349'] })],
    invalid: [[filters({ aspects: { Color: ['Black'] } })]],
  },
  'filters.compatibility': {
    valid: [filters({ compatibility: { Year: '2018', Make: 'BMW' } }, PART)],
    invalid: [
      [filters({ compatibility: { Year: '2018' } })],
      [filters({ compatibility: { Year: '2018' } }, { categoryIds: ['38641'] })],
    ],
  },
  'shipTo.country': {
    valid: [{ ...Q, shipTo: { country: 'AT' } }],
    invalid: [[{ ...Q, shipTo: { country: 'UK' } }]],
  },
  'shipTo.postalCode': {
    valid: [{ ...Q, shipTo: { country: 'US', postalCode: '19406-1234' } }],
    invalid: [[{ ...Q, shipTo: { country: 'US', postalCode: 'XYZ' } }]],
  },
  'title.include': {
    valid: [{ ...Q, title: { include: ['case'] } }],
    invalid: [[{ ...Q, title: { include: [] } }]],
  },
  'title.exclude': { valid: [{ ...Q, title: { exclude: ['lot of'] } }] },
  'seller.minFeedbackPercentage': {
    valid: [{ ...Q, seller: { minFeedbackPercentage: 98 } }],
    invalid: [[{ ...Q, seller: { minFeedbackPercentage: 101 } }]],
  },
  'seller.minFeedbackScore': { valid: [{ ...Q, seller: { minFeedbackScore: 10 } }] },
  excludePickupOnly: { valid: [{ ...Q, excludePickupOnly: true }] },
  details: {
    valid: [
      { ...Q, details: 'full', maxItems: 2 },
      { ...Q, details: 'new', track: 'cases', maxItems: 2 },
    ],
    invalid: [[{ ...Q, details: 'new' }], [{ items: ['{item}'], details: 'new', track: 'cases' }]],
  },
  detailsMaxAge: { valid: [{ ...Q, detailsMaxAge: 60 }], invalid: [[{ ...Q, detailsMaxAge: 21_601 }]] },
  language: {
    valid: [on('EBAY_BE', { ...Q, language: 'fr-BE' }), on('EBAY_CA', { ...Q, language: 'en-CA' })],
    invalid: [
      [{ ...Q, language: 'fr-CA' }],
      [{ ...Q, language: 'nl-BE', marketplaces: ['EBAY_BE', 'EBAY_NL'] }],
      [on('EBAY_FR', { ...Q, language: 'fr-FR' })],
    ],
  },
  autoCorrect: {
    valid: [{ ...Q, autoCorrect: true }],
    invalid: [[on('EBAY_NL', { ...Q, autoCorrect: true })], [{ categoryIds: ['20349'], autoCorrect: true }]],
  },
  reference: { valid: [{ ...Q, reference: 'autumn_1' }], invalid: [[{ ...Q, reference: 'a b' }]] },
  costs: { valid: [{ ...Q, costs: { currency: 'USD', markupPercent: 20 } }] },
  track: { valid: [{ ...Q, track: 'cases' }], invalid: [[{ ...Q, track: 'default' }]] },
  maxAge: { valid: [{ ...Q, maxAge: 60 }], invalid: [[{ ...Q, maxAge: 86_401 }]] },
  onFailure: { valid: [{ ...Q, onFailure: 'degrade' }] },
  strictFilters: { valid: [{ ...Q, strictFilters: true }] },
  priority: { valid: [{ ...Q, priority: 'backfill' }] },
  tenant: { valid: [{ ...Q, tenant: 'shop-1' }], invalid: [[{ ...Q, tenant: 'Shop' }]] },
};
