/**
 * Answers in the shapes that eBay documents, with goods, sellers, numbers and texts that are made up here. Nothing in them was
 * captured from eBay.
 */

type Json = Record<string, unknown>;

const money = (value: string, currency = 'USD') => ({ value, currency });
const converted = (value: string, currency: string, from: string, fromCurrency: string) => ({
  ...money(value, currency),
  convertedFromValue: from,
  convertedFromCurrency: fromCurrency,
});
const picture = (name: string, size: number) => ({
  imageUrl: `https://i.ebayimg.com/images/g/${name}/s-l${size}.jpg`,
});
const API = 'https://api.ebay.com/buy/browse/v1';

interface Goods {
  number: number;
  title: string;
  picture: string;
  site?: string;
  marketplace?: string;
}

function listing({ number, title, picture: name, site = 'com', marketplace = 'EBAY_US' }: Goods): Json {
  return {
    itemId: `v1|${number}|0`,
    title,
    leafCategoryIds: ['900100'],
    categories: [
      { categoryId: '900100', categoryName: 'Made-up goods' },
      { categoryId: '900001', categoryName: 'All made-up goods' },
    ],
    image: picture(name, 225),
    price: money('19.40'),
    itemHref: `${API}/item/v1%7C${number}%7C0`,
    seller: { username: `seller-${number % 7}`, feedbackPercentage: '98.6', feedbackScore: 321 },
    condition: 'New',
    conditionId: '1000',
    thumbnailImages: [picture(name, 1600)],
    shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: money('0.00') }],
    buyingOptions: ['FIXED_PRICE'],
    itemWebUrl: `https://www.ebay.${site}/itm/${number}`,
    itemLocation: { city: 'Willowbrook', postalCode: '000**', country: 'US' },
    additionalImages: [picture(`${name}Side`, 1600)],
    adultOnly: false,
    legacyItemId: String(number),
    availableCoupons: false,
    itemOriginDate: '2026-01-02T03:04:05.000Z',
    itemCreationDate: '2026-02-03T04:05:06.000Z',
    topRatedBuyingExperience: false,
    priorityListing: false,
    listingMarketplaceId: marketplace,
  };
}

function without(body: Json, ...names: string[]): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

function search(query: string, items: Json[], more: Json = {}): Json {
  const address = (offset: number) => `${API}/item_summary/search?q=${query}&limit=50&offset=${offset}`;
  return {
    href: address(0),
    total: 1234,
    next: address(50),
    limit: 50,
    offset: 0,
    itemSummaries: items,
    ...more,
  };
}

const stool = { number: 700000000001, title: 'Fennimore folding stool, oak, 42 cm', picture: 'StoolA' };
const lamp = { number: 700000000002, title: 'Quillon desk lamp “Lumo” & dimmer', picture: 'LampB' };
const kettle = { number: 700000000003, title: 'Brassle camping kettle 1.5 l', picture: 'KettleC' };
const rug = { number: 700000000004, title: 'Handmade rug by Tessaly, 90 x 150', picture: 'RugD' };
const clock = { number: 700000000005, title: 'Wall clock Orlo, silent', picture: 'ClockE' };
const vase = { number: 700000000006, title: 'Vase from the Pellam workshop', picture: 'VaseF' };

const searchUs = search('stool', [
  {
    ...listing(stool),
    epid: '4000000001',
    itemAffiliateWebUrl: 'https://www.ebay.com/itm/700000000001?campid=1',
    topRatedBuyingExperience: true,
    priorityListing: true,
    marketingPrice: {
      originalPrice: money('24.25'),
      discountPercentage: '20',
      discountAmount: money('4.85'),
      priceTreatment: 'MARKDOWN',
    },
    priceDisplayCondition: 'ONLY_SHOW_ON_REQUEST',
    qualifiedPrograms: ['AUTHENTICITY_GUARANTEE'],
    shortDescription: 'Oak stool, new, folds flat.',
    watchCount: 17,
    compatibilityMatch: 'EXACT',
    compatibilityProperties: [{ name: 'Make', localizedName: 'Make', value: 'Any' }],
    tyreLabelImageUrl: 'https://i.ebayimg.com/images/g/Tyre/s-l500.jpg',
    shippingOptions: [
      {
        shippingCostType: 'FIXED',
        shippingCost: money('3.10'),
        minEstimatedDeliveryDate: '2026-03-09T08:00:00.000Z',
        maxEstimatedDeliveryDate: '2026-03-13T08:00:00.000Z',
        guaranteedDelivery: false,
      },
      { shippingCostType: 'FIXED', shippingCost: money('9.90') },
    ],
  },
  {
    ...listing(lamp),
    itemId: 'v1|700000000002|810000000002',
    itemGroupHref: `${API}/item/get_items_by_item_group?item_group_id=700000000002`,
    itemGroupType: 'SELLER_DEFINED_VARIATIONS',
    shippingOptions: [{ shippingCostType: 'CALCULATED' }],
    seller: { username: 'seller-new', feedbackPercentage: '0.0', feedbackScore: 0 },
  },
  {
    ...without(listing(kettle), 'price', 'additionalImages'),
    buyingOptions: ['AUCTION'],
    currentBidPrice: money('7.77'),
    bidCount: 3,
    itemEndDate: '2031-01-01T10:20:30.000Z',
    condition: 'Used',
    conditionId: '3000',
  },
  {
    ...listing(rug),
    buyingOptions: ['AUCTION', 'FIXED_PRICE', 'BEST_OFFER'],
    currentBidPrice: money('30.00'),
    bidCount: 0,
    itemEndDate: '2031-02-01T10:20:30.000Z',
    shippingOptions: [{ shippingCostType: 'CALCULATED', shippingCost: money('12.34') }],
  },
  {
    ...without(listing(clock), 'shippingOptions'),
    itemLocation: { ...(listing(clock).itemLocation as Json), stateOrProvince: 'Vermont' },
    pickupOptions: [{ pickupLocationType: 'STORE' }],
    distanceFromPickupLocation: { unitOfMeasure: 'mi', value: '4.2' },
  },
]);

const searchDe = {
  ...without(search('uhr', []), 'href', 'next', 'limit', 'offset'),
  total: 2,
  itemSummaries: [
    {
      ...listing({
        ...clock,
        title: 'Wanduhr Orlo, lautlos – für Küche',
        site: 'de',
        marketplace: 'EBAY_GB',
      }),
      price: converted('23.05', 'EUR', '19.90', 'GBP'),
      shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: converted('4.63', 'EUR', '4.00', 'GBP') }],
      itemLocation: { postalCode: 'ZZ1***', country: 'GB' },
    },
    {
      ...listing({ ...vase, site: 'de', marketplace: 'EBAY_DE' }),
      price: money('1200.50', 'EUR'),
      marketingPrice: { discountPercentage: '0' },
      unitPrice: money('12.01', 'EUR'),
      unitPricingMeasure: '1 kg',
      energyEfficiencyClass: 'A++',
      shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: money('0.0', 'EUR') }],
      seller: {
        username: 'seller-x',
        feedbackPercentage: '12.5',
        feedbackScore: -2,
        sellerAccountType: 'BUSINESS',
      },
    },
  ],
};

const searchDeAuction = {
  ...searchDe,
  total: 1,
  itemSummaries: [
    {
      ...without(listing({ ...rug, site: 'de', marketplace: 'EBAY_GB' }), 'price', 'shippingOptions'),
      buyingOptions: ['AUCTION'],
      currentBidPrice: converted('23.05', 'EUR', '19.90', 'GBP'),
      bidCount: 1,
      itemEndDate: '2031-02-01T10:20:30.000Z',
    },
  ],
};

const searchFewFields = search('vase', [
  {
    itemId: 'v1|700000000006|0',
    title: 'Vase without a picture',
    price: money('5.00'),
    buyingOptions: ['FIXED_PRICE'],
    itemWebUrl: 'https://www.ebay.com/itm/700000000006',
    itemLocation: { country: 'US' },
    seller: {},
  },
  {
    ...without(listing(vase), 'itemWebUrl', 'legacyItemId'),
    itemAffiliateWebUrl: 'https://www.ebay.com/itm/700000000006?campid=1',
  },
  {
    ...without(listing(vase), 'image', 'itemOriginDate', 'leafCategoryIds'),
    thumbnailImages: [picture('VaseG', 640)],
  },
  { itemId: 'v1|700000000007|0', title: 'Without a price', buyingOptions: ['FIXED_PRICE'] },
  { itemId: 'v1|700000000008|0', title: 'For nothing', price: money('0.00'), buyingOptions: ['FIXED_PRICE'] },
]);

const counted = (entry: Json, matchCount: number): Json => ({
  ...entry,
  matchCount,
  refinementHref: `${API}/item_summary/search?q=lamp`,
});

const searchRefinement = search('lamp', [listing(lamp)], {
  autoCorrections: { q: 'lamp' },
  refinement: {
    dominantCategoryId: '900100',
    aspectDistributions: [
      {
        localizedAspectName: 'Shade',
        aspectValueDistributions: [
          counted({ localizedAspectValue: 'Linen' }, 12),
          {
            localizedAspectValue: 'Not Specified',
            matchCount: 3,
            refinementHref: `${API}/item_summary/search?q=lamp&aspect_filter=categoryId%3A900100,Shade%3A%7B!%7D`,
          },
        ],
      },
    ],
    categoryDistributions: [counted({ categoryId: '900100', categoryName: 'Made-up goods' }, 14)],
    conditionDistributions: [counted({ condition: 'New', conditionId: '1000' }, 9)],
    buyingOptionDistributions: [counted({ buyingOption: 'FIXED_PRICE' }, 15)],
  },
});

const nothing = { href: `${API}/item_summary/search?q=zyzzyva`, total: 0, limit: 50, offset: 0 };

const warning = (errorId: number, message: string, more: Json = {}) => ({
  ...{ errorId, domain: 'API_BROWSE', category: 'REQUEST', message, ...more },
});

const itemFull = {
  itemId: 'v1|700000000001|0',
  title: 'Fennimore folding stool, oak, 42 cm',
  price: money('19.40'),
  categoryPath: 'All made-up goods|Made-up goods',
  condition: 'New',
  conditionId: '1000',
  itemLocation: { city: 'Willowbrook', stateOrProvince: 'Vermont', postalCode: '000**', country: 'US' },
  image: picture('StoolA', 1600),
  additionalImages: [picture('StoolASide', 1600), picture('StoolABack', 1600)],
  brand: 'Fennimore',
  mpn: 'FS-42',
  gtin: '0000000000017',
  epid: '4000000001',
  itemCreationDate: '2026-02-03T04:05:06.000Z',
  seller: {
    username: 'seller-1',
    feedbackPercentage: '98.6',
    feedbackScore: 321,
    sellerAccountType: 'BUSINESS',
  },
  estimatedAvailabilities: [
    {
      deliveryOptions: ['SHIP_TO_HOME'],
      estimatedAvailabilityStatus: 'IN_STOCK',
      estimatedAvailableQuantity: 9,
      estimatedSoldQuantity: 40,
    },
  ],
  shippingOptions: [
    {
      shippingServiceCode: 'In a shop',
      type: 'Pickup',
      shippingCost: money('0.0'),
      shippingCostType: 'FIXED',
    },
    {
      shippingServiceCode: 'Parcel',
      type: 'Standard Shipping',
      shippingCost: money('3.10'),
      shippingCostType: 'FIXED',
      minEstimatedDeliveryDate: '2026-03-09T08:00:00.000Z',
      maxEstimatedDeliveryDate: '2026-03-13T08:00:00.000Z',
    },
  ],
  returnTerms: {
    returnsAccepted: true,
    refundMethod: 'MONEY_BACK',
    returnShippingCostPayer: 'BUYER',
    returnPeriod: { value: 30, unit: 'CALENDAR_DAY' },
  },
  localizedAspects: [
    { type: 'STRING', name: 'Material', value: 'Oak' },
    { type: 'STRING_ARRAY', name: 'Features', value: 'Folding, Stackable' },
    { type: 'STRING', name: 'Model', value: 'Does not apply' },
  ],
  topRatedBuyingExperience: true,
  buyingOptions: ['FIXED_PRICE', 'BEST_OFFER'],
  priceDisplayCondition: 'ONLY_SHOW_WHEN_ADDED_IN_CART',
  marketingPrice: {
    originalPrice: money('24.25'),
    discountPercentage: '20',
    priceTreatment: 'LIST_PRICE',
  },
  unitPrice: money('1.94'),
  unitPricingMeasure: '100g',
  itemAffiliateWebUrl: 'https://www.ebay.com/itm/700000000001?campid=1',
  itemWebUrl: 'https://www.ebay.com/itm/700000000001',
  legacyItemId: '700000000001',
  listingMarketplaceId: 'EBAY_US',
};

const itemAuction = {
  ...without(
    itemFull,
    'brand',
    'mpn',
    'gtin',
    'epid',
    'returnTerms',
    'shippingOptions',
    'itemAffiliateWebUrl',
  ),
  itemId: 'v1|700000000003|0',
  title: 'Brassle camping kettle 1.5 l',
  itemWebUrl: 'https://www.ebay.co.uk/itm/700000000003',
  legacyItemId: '700000000003',
  price: converted('9.00', 'USD', '7.77', 'GBP'),
  currentBidPrice: converted('9.00', 'USD', '7.77', 'GBP'),
  bidCount: 3,
  itemEndDate: '2031-01-01T10:20:30.000Z',
  buyingOptions: ['AUCTION'],
  returnTerms: { returnsAccepted: false },
  estimatedAvailabilities: [
    {
      deliveryOptions: ['SELLER_ARRANGED_LOCAL_PICKUP'],
      estimatedAvailabilityStatus: 'LIMITED_STOCK',
      availabilityThreshold: 10,
      availabilityThresholdType: 'MORE_THAN',
    },
  ],
  localizedAspects: [{ type: 'STRING', name: 'Brand', value: 'Brassle' }],
};

/** Every field of an item answer that is passed on. */
const itemEverything = {
  ...itemFull,
  itemId: 'v1|700000000004|810000000004',
  title: 'Handmade rug by Tessaly, 90 x 150',
  subtitle: 'Washed before it is sent',
  shortDescription: 'New, 90 x 150, wool',
  itemWebUrl: 'https://www.ebay.com/itm/700000000004',
  itemAffiliateWebUrl: 'https://www.ebay.com/itm/700000000004?campid=1',
  legacyItemId: '700000000004',
  categoryId: '900100',
  categoryIdPath: '900001|900100',
  primaryItemGroup: {
    itemGroupId: '700000000004',
    itemGroupHref: `${API}/item/get_items_by_item_group?item_group_id=700000000004`,
    itemGroupType: 'SELLER_DEFINED_VARIATIONS',
    itemGroupTitle: 'Handmade rugs by Tessaly',
    itemGroupImage: picture('RugGroup', 1600),
    itemGroupAdditionalImages: [picture('RugGroupSide', 1600)],
  },
  buyingOptions: ['AUCTION', 'FIXED_PRICE'],
  currentBidPrice: money('11.00'),
  bidCount: 4,
  uniqueBidderCount: 2,
  minimumPriceToBid: money('11.50'),
  reservePriceMet: false,
  itemEndDate: '2031-01-01T10:20:30.000Z',
  marketingPrice: {
    originalPrice: money('24.25'),
    discountPercentage: '20',
    discountAmount: money('4.85'),
    priceTreatment: 'MARKDOWN',
  },
  priceDisplayCondition: 'ONLY_SHOW_WHEN_ADDED_IN_CART',
  unitPrice: money('14.37'),
  unitPricingMeasure: '1 m2',
  ecoParticipationFee: money('0.21'),
  qualifiedPrograms: ['EBAY_PLUS'],
  seller: {
    ...itemFull.seller,
    sellerAccountType: 'BUSINESS',
    userId: 'made-up-user',
    sellerLegalInfo: {
      email: 'weaver@example.com',
      legalContactFirstName: 'Ottoline',
      sellerProvidedLegalAddress: { addressLine1: 'Loom Lane 7', city: 'Weavershire' },
      vatDetails: [{ issuingCountry: 'DE', vatId: 'DE000000017' }],
    },
  },
  manufacturer: { companyName: 'Tessaly Looms Ltd', phone: '+1 555 0100' },
  responsiblePersons: [{ companyName: 'Rugs in Order Ltd', email: 'order@example.com' }],
  sellerCustomPolicies: [{ type: 'TAKE_BACK', label: 'Taken back', description: 'Write to Ottoline' }],
  itemLocation: { ...itemFull.itemLocation, stateOrProvince: 'Ohio' },
  conditionDescription: 'One knot is loose',
  conditionDescriptors: [{ name: 'Grade', values: [{ content: 'Fine', additionalInfo: ['By the weaver'] }] }],
  color: 'Ochre',
  size: '90 x 150',
  sizeSystem: 'EU',
  sizeType: 'Regular',
  material: 'Wool',
  pattern: 'Zigzag',
  gender: 'Unisex',
  ageGroup: 'Adult',
  estimatedAvailabilities: [
    {
      deliveryOptions: ['SHIP_TO_HOME', 'PICKUP_DROP_OFF'],
      estimatedAvailabilityStatus: 'IN_STOCK',
      estimatedRemainingQuantity: 6,
      estimatedSoldQuantity: 3,
    },
  ],
  quantityLimitPerBuyer: 2,
  lotSize: 5,
  shippingOptions: [
    {
      shippingServiceCode: 'Parcel',
      shippingCarrierCode: 'Made-up Post',
      type: 'Standard Shipping',
      shippingCost: converted('3.10', 'USD', '2.80', 'EUR'),
      shippingCostType: 'CALCULATED',
      additionalShippingCostPerUnit: money('1.10'),
      importCharges: money('4.20'),
      quantityUsedForEstimate: 1,
      minEstimatedDeliveryDate: '2026-03-09T08:00:00.000Z',
      maxEstimatedDeliveryDate: '2026-03-13T08:00:00.000Z',
      cutOffDateUsedForEstimate: '2026-03-02T18:00:00.000Z',
      fulfilledThrough: 'GLOBAL_SHIPPING',
      shipToLocationUsedForEstimate: { country: 'US', postalCode: '19406' },
    },
    {
      shippingServiceCode: 'Express',
      type: 'Expedited Shipping',
      shippingCost: money('12.00'),
      shippingCostType: 'FIXED',
      minEstimatedDeliveryDate: '2026-03-04T08:00:00.000Z',
      maxEstimatedDeliveryDate: '2026-03-05T08:00:00.000Z',
    },
  ],
  shipToLocations: {
    regionIncluded: [{ regionId: 'WORLDWIDE', regionName: 'Worldwide', regionType: 'WORLDWIDE' }],
    regionExcluded: [{ regionId: 'IS', regionName: 'Iceland', regionType: 'COUNTRY' }],
  },
  taxes: ['Ohio', 'Iowa'].map((regionName) => ({
    taxJurisdiction: {
      taxJurisdictionId: regionName.slice(0, 2).toUpperCase(),
      region: { regionName, regionType: 'STATE_OR_PROVINCE' },
    },
    taxType: 'STATE_SALES_TAX',
    taxPercentage: '6.25',
    includedInPrice: false,
    shippingAndHandlingTaxed: true,
    ebayCollectAndRemitTax: true,
  })),
  returnTerms: {
    returnsAccepted: true,
    refundMethod: 'MONEY_BACK',
    returnMethod: 'REPLACEMENT',
    returnShippingCostPayer: 'SELLER',
    returnPeriod: { value: 2, unit: 'MONTH' },
    restockingFeePercentage: '10',
    extendedHolidayReturnsOffered: true,
    returnInstructions: 'Rolled, not folded',
  },
  paymentMethods: [
    {
      paymentMethodType: 'WALLET',
      paymentMethodBrands: [{ paymentMethodBrandType: 'PAYPAL' }],
      paymentInstructions: ['CASH_ON_PICKUP'],
      sellerInstructions: ['SEE_DESCRIPTION'],
    },
  ],
  immediatePay: true,
  enabledForGuestCheckout: true,
  eligibleForInlineCheckout: false,
  availableCoupons: [
    {
      redemptionCode: 'RUGS',
      discountType: 'ITEM_PRICE',
      discountAmount: money('1.00'),
      message: 'A made-up coupon',
      termsWebUrl: 'https://www.ebay.com/coupon',
      constraint: { expirationDate: '2030-01-01T00:00:00.000Z' },
    },
  ],
  addonServices: [
    {
      serviceId: '5',
      serviceType: 'AUTHENTICITY_GUARANTEE',
      selection: 'OPTIONAL',
      serviceFee: money('9.00'),
    },
  ],
  primaryProductReviewRating: {
    reviewCount: 3,
    averageRating: '4.3',
    ratingHistograms: [
      { rating: '5', count: 2 },
      { rating: '3', count: 1 },
    ],
  },
  energyEfficiencyClass: 'B',
  productFicheWebUrl: 'https://www.ebay.com/fiche',
  tyreLabelImageUrl: 'https://i.ebayimg.com/tyre.jpg',
  repairScore: '7.5',
  watchCount: 12,
  adultOnly: true,
  hazardousMaterialsLabels: {
    signalWord: 'Warning',
    statements: [{ statementId: 'H1', statementDescription: 'Burns' }],
    pictograms: [{ pictogramId: 'P1', pictogramDescription: 'Flame' }],
    additionalInformation: 'Keep it from fire',
  },
  productSafetyLabels: {
    statements: [{ statementId: 'S1', statementDescription: 'Slips on wet floors' }],
    pictograms: [{ pictogramId: 'Q1', pictogramDescription: 'Wet floor' }],
  },
  product: {
    title: 'Tessaly rug 90 x 150',
    brand: 'Tessaly',
    gtins: ['4006381333931'],
    mpns: ['TR-90'],
    image: picture('RugStock', 1600),
    additionalImages: [picture('RugStockSide', 1600)],
    additionalProductIdentities: [
      { productIdentity: [{ identifierType: 'EPID', identifierValue: '4000000002' }] },
    ],
    aspectGroups: [
      { localizedGroupName: 'Weave', aspects: [{ localizedName: 'Knots', localizedValues: ['Double'] }] },
    ],
  },
  sellerItemRevision: '9',
  priorityListing: true,
  warnings: [
    { errorId: 11502, message: 'A made-up warning', parameters: [{ name: 'fieldgroups', value: 'X' }] },
  ],
};

const itemConverted = {
  ...itemFull,
  price: converted('23.05', 'EUR', '19.40', 'USD'),
  shippingOptions: [
    { type: 'Economy', shippingCostType: 'FIXED', shippingCost: converted('3.69', 'EUR', '3.10', 'USD') },
  ],
};

const error = (errorId: number, category: string, more: Json = {}) => ({
  errors: [{ errorId, domain: 'MADE_UP', category, message: `Made-up error ${errorId}.`, ...more }],
});

export const MADE_UP: Readonly<Record<string, unknown>> = {
  'search-us': searchUs,
  'search-de-converted': searchDe,
  'search-de-auction': searchDeAuction,
  'search-few-fields': searchFewFields,
  'search-refinement': searchRefinement,
  'search-nothing': nothing,
  'search-warnings': {
    warnings: [
      warning(12008, 'A filter was left out.', { parameters: [{ name: 'filter', value: 'nonsense' }] }),
      warning(12017, 'A place was left out.', { longMessage: 'A place was left out, as it is not known.' }),
    ],
    ...nothing,
  },
  'warnings-alone': { warnings: [warning(12017, 'A place was left out.')] },
  item: itemFull,
  'item-auction': itemAuction,
  'item-converted': itemConverted,
  'item-everything': itemEverything,
  'error-11001': error(11001, 'REQUEST'),
  'error-2004': error(2004, 'REQUEST', {
    longMessage: 'Made-up error 2004, at length.',
    parameters: [{ name: 'header', value: 'x' }],
  }),
  'error-1001': error(1001, 'REQUEST', { longMessage: 'Made-up error 1001, at length.' }),
  'error-1100': error(1100, 'REQUEST', { longMessage: 'Made-up error 1100, at length.' }),
  'error-2001': error(2001, 'REQUEST', { longMessage: 'Made-up error 2001, at length.' }),
  'oauth-token': { access_token: 'made-up', expires_in: 7200, token_type: 'Application Access Token' },
  'oauth-invalid-client': { error: 'invalid_client', error_description: 'made up' },
  'rate-limits': {
    rateLimits: [
      {
        apiContext: 'buy',
        apiName: 'Browse',
        apiVersion: 'v1',
        resources: [
          {
            name: 'buy.browse',
            rates: [
              {
                count: 41,
                limit: 5000,
                remaining: 4959,
                reset: '2031-01-01T08:00:00.000Z',
                timeWindow: 86400,
              },
            ],
          },
        ],
      },
    ],
  },
};
