import { count, instant, MoneySchema, nullable, said, text } from './fieldSchemas.ts';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

const UNSAID = 'eBay does not say';
const word = (maxLength: number, meaning: string, ebay: string, nullWhen = UNSAID) =>
  nullable(text(maxLength), said(meaning, ebay, nullWhen));
const flag = (meaning: string, ebay: string) => nullable(Type.Boolean(), said(meaning, ebay, UNSAID));
const amount = (meaning: string, ebay: string, nullWhen = UNSAID) =>
  nullable(MoneySchema, said(meaning, ebay, nullWhen));
const percent = (meaning: string, ebay: string) =>
  nullable(Type.Number({ minimum: 0, maximum: 100 }), said(meaning, ebay, UNSAID));
const words = (maxLength: number, meaning: string, ebay: string) =>
  Type.Array(text(maxLength), said(meaning, ebay));

const ShippingServiceSchema = Type.Object(
  {
    service: word(100, 'its name, such as USPS Ground Advantage', 'shippingOptions[].shippingServiceCode'),
    carrier: word(100, 'such as USPS', 'shippingOptions[].shippingCarrierCode'),
    type: word(60, 'such as Standard Shipping or Economy Shipping', 'shippingOptions[].type'),
    kind: Type.Enum(
      ['free', 'fixed', 'calculated', 'unknown'],
      said('as of shipping.kind', 'shippingOptions[].shippingCostType'),
    ),
    cost: amount(
      'for `quantity` items, of one where that is null',
      'shippingOptions[].shippingCost',
      'eBay names no usable amount',
    ),
    converted: amount(
      "the cost in the listing's own currency",
      'shippingOptions[].shippingCost.convertedFromValue',
      'eBay did not convert it',
    ),
    costPerAdditionalUnit: amount(
      'of each item after the first',
      'shippingOptions[].additionalShippingCostPerUnit',
    ),
    importCharges: amount(
      'duty and fees that are paid with the order, where eBay forwards the parcel abroad; not in `cost` or `total`',
      'shippingOptions[].importCharges',
    ),
    quantity: count(said('items that the cost is for', 'shippingOptions[].quantityUsedForEstimate', UNSAID)),
    earliest: instant(
      said('first day of arrival, UTC', 'shippingOptions[].minEstimatedDeliveryDate', UNSAID),
    ),
    latest: instant(said('last day of arrival, UTC', 'shippingOptions[].maxEstimatedDeliveryDate', UNSAID)),
    orderBefore: instant(
      said(
        'the dates hold for an order before then, UTC',
        'shippingOptions[].cutOffDateUsedForEstimate',
        UNSAID,
      ),
    ),
    program: word(
      60,
      'GLOBAL_SHIPPING or INTERNATIONAL_SHIPPING, where eBay forwards the parcel abroad',
      'shippingOptions[].fulfilledThrough',
    ),
    cheapest: Type.Boolean(
      said(
        'the one with the least known cost: of those in the currency of the price, else of all where they have one currency; ' +
          'an unknown cost is never the least',
        'none: it is compared',
      ),
    ),
    fastest: Type.Boolean(
      said('the one whose `latest` comes first; one without it is never the fastest', 'none: it is compared'),
    ),
  },
  closed,
);

const PlaceSchema = Type.Object(
  {
    country: word(2, 'ISO 3166, two letters', 'shipToLocationUsedForEstimate.country'),
    postalCode: word(20, 'as the request names it', 'shipToLocationUsedForEstimate.postalCode'),
  },
  closed,
);

const regionOf = (list: string) =>
  Type.Object(
    {
      id: word(60, 'such as US, WORLDWIDE or ASIA', `${list}[].regionId`),
      name: word(100, "in the site's language", `${list}[].regionName`),
      type: word(
        60,
        'WORLDWIDE, WORLD_REGION, COUNTRY, STATE_OR_PROVINCE or COUNTRY_REGION',
        `${list}[].regionType`,
      ),
    },
    closed,
  );

const TaxSchema = Type.Object(
  {
    type: word(60, 'such as STATE_SALES_TAX or VAT', 'taxes[].taxType'),
    percent: percent('rate in per cent', 'taxes[].taxPercentage'),
    includedInPrice: flag('whether the price holds it already', 'taxes[].includedInPrice'),
    shippingTaxed: flag('whether shipping is taxed too', 'taxes[].shippingAndHandlingTaxed'),
    collectedByEbay: flag(
      'true: eBay collects it and pays it to the state',
      'taxes[].ebayCollectAndRemitTax',
    ),
    regions: Type.Array(
      Type.Object(
        {
          id: word(60, 'such as CA', 'taxes[].taxJurisdiction.taxJurisdictionId'),
          name: word(100, 'such as California', 'taxes[].taxJurisdiction.region.regionName'),
          type: word(60, 'STATE_OR_PROVINCE or COUNTRY', 'taxes[].taxJurisdiction.region.regionType'),
        },
        closed,
      ),
      said('where these terms hold', 'taxes[].taxJurisdiction'),
    ),
  },
  closed,
);

const ReturnsSchema = Type.Object(
  {
    accepted: Type.Boolean(said('whether it can be sent back', 'returnTerms.returnsAccepted')),
    days: count(said('length of the return period in days', 'returnTerms.returnPeriod', 'not given in days')),
    period: nullable(
      Type.Object(
        {
          value: Type.Integer({ minimum: 0, ...said('how many', 'returnTerms.returnPeriod.value') }),
          unit: text(40, said('such as CALENDAR_DAY or MONTH', 'returnTerms.returnPeriod.unit')),
        },
        closed,
      ),
      said('the return period as eBay states it', 'returnTerms.returnPeriod', UNSAID),
    ),
    paidBy: nullable(
      Type.Enum(['BUYER', 'SELLER']),
      said('who pays the way back', 'returnTerms.returnShippingCostPayer', UNSAID),
    ),
    refund: word(60, 'MONEY_BACK or MERCHANDISE_CREDIT', 'returnTerms.refundMethod'),
    method: word(
      60,
      'what the seller offers beside a refund: REPLACEMENT or EXCHANGE',
      'returnTerms.returnMethod',
    ),
    restockingFeePercent: percent(
      'part of the price that the seller keeps, in per cent',
      'returnTerms.restockingFeePercentage',
    ),
    extendedHolidayReturns: flag(
      'whether the period is longer around the holidays at the end of the year',
      'returnTerms.extendedHolidayReturnsOffered',
    ),
    instructions: word(2000, "the seller's text", 'returnTerms.returnInstructions'),
  },
  closed,
);

const RatingSchema = Type.Object(
  {
    average: nullable(
      Type.Number({ minimum: 1, maximum: 5 }),
      said('stars, 1 to 5', 'primaryProductReviewRating.averageRating', UNSAID),
    ),
    count: count(said('reviews', 'primaryProductReviewRating.reviewCount', UNSAID)),
    byStars: Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
      ...said('stars → reviews', 'primaryProductReviewRating.ratingHistograms'),
    }),
  },
  closed,
);

const ConditionDescriptorSchema = Type.Object(
  {
    name: text(200, said('such as Grade', 'conditionDescriptors[].name')),
    values: words(500, 'what it is', 'conditionDescriptors[].values[].content'),
    info: words(500, 'more on it', 'conditionDescriptors[].values[].additionalInfo'),
  },
  closed,
);

const PaymentMethodSchema = Type.Object(
  {
    type: word(60, 'such as CREDIT_CARD or WALLET', 'paymentMethods[].paymentMethodType'),
    brands: words(
      60,
      'such as VISA or PAYPAL',
      'paymentMethods[].paymentMethodBrands[].paymentMethodBrandType',
    ),
    instructions: words(
      500,
      'such as CASH_ON_PICKUP',
      'paymentMethods[].paymentInstructions and sellerInstructions',
    ),
  },
  closed,
);

const CouponSchema = Type.Object(
  {
    code: word(100, 'what the buyer enters', 'availableCoupons[].redemptionCode'),
    type: word(60, 'such as ITEM_PRICE', 'availableCoupons[].discountType'),
    discount: amount('what it takes off', 'availableCoupons[].discountAmount'),
    message: word(500, 'eBay asks to show it with the coupon', 'availableCoupons[].message'),
    termsUrl: word(
      2048,
      'terms of use; eBay asks to show them with the coupon',
      'availableCoupons[].termsWebUrl, where it leads to eBay',
    ),
    expiresAt: instant(said('UTC', 'availableCoupons[].constraint.expirationDate', UNSAID)),
  },
  closed,
);

const AddonSchema = Type.Object(
  {
    id: word(100, "eBay's number", 'addonServices[].serviceId'),
    type: word(60, 'such as AUTHENTICITY_GUARANTEE', 'addonServices[].serviceType'),
    selection: word(
      60,
      'whether it is chosen, or applies by itself: OPTIONAL, REQUIRED or AUTOMATIC',
      'addonServices[].selection',
    ),
    fee: amount('what it costs; not in `total`', 'addonServices[].serviceFee'),
  },
  closed,
);

const BiddingSchema = Type.Object(
  {
    minimumBid: amount('the least that the next bid may be', 'minimumPriceToBid'),
    bidders: count(said('different people who have bid', 'uniqueBidderCount', UNSAID)),
    reserveMet: nullable(
      Type.Boolean(),
      said(
        'whether the highest bid reaches the reserve price',
        'reservePriceMet',
        'the auction has no reserve price, or eBay does not say',
      ),
    ),
  },
  closed,
);

const labelsOf = (ebay: string) => ({
  statements: words(500, 'in the language of the listing', `${ebay}.statements[].statementDescription`),
  pictograms: words(200, 'what they show', `${ebay}.pictograms[].pictogramDescription`),
});
const HazardsSchema = Type.Object(
  {
    signalWord: word(100, 'such as Danger', 'hazardousMaterialsLabels.signalWord'),
    ...labelsOf('hazardousMaterialsLabels'),
    note: word(1000, "the seller's text", 'hazardousMaterialsLabels.additionalInformation'),
  },
  closed,
);

const aspectsOf = (meaning: string, ebay: string) =>
  Type.Record(Type.String(), Type.Array(Type.String()), { ...said(meaning, ebay) });

const CatalogueSchema = Type.Object(
  {
    title: word(500, 'of the product, not of the listing', 'product.title'),
    brand: word(200, 'as of brand', 'product.brand'),
    identifiers: Type.Array(
      Type.Object(
        {
          type: text(40, said('GTIN, MPN, EPID, UPC, EAN, ISBN …', 'productIdentity[].identifierType')),
          value: text(200, said('the number', 'productIdentity[].identifierValue')),
        },
        closed,
      ),
      said(
        'every number that the product has',
        'product.gtins, product.mpns, product.additionalProductIdentities',
      ),
    ),
    images: words(2048, 'pictures of the catalogue, not of what is sold', 'product.image, additionalImages'),
    aspects: aspectsOf('name → values', 'product.aspectGroups[].aspects'),
  },
  closed,
);

const WarningSchema = Type.Object(
  {
    errorId: nullable(
      Type.Integer(),
      said("eBay's number of the warning", 'warnings[].errorId', 'eBay names none'),
    ),
    message: Type.String(said("eBay's text", 'warnings[].message')),
    parameters: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String(said('the part of the call', 'warnings[].parameters[].name')),
            value: Type.String(said('what eBay says of it', 'warnings[].parameters[].value')),
          },
          closed,
        ),
        said('what the warning is about', 'warnings[].parameters'),
      ),
    ),
  },
  closed,
);

const STOCK = 'estimatedAvailabilities[]';

/** What a call of its own for an item says beyond what a product of a search holds. */
export const DetailsSchema = Type.Object(
  {
    observedAt: Type.String({
      format: 'date-time',
      description: 'when eBay answered for this item, UTC (eBay: the time of its answer)',
    }),
    subtitle: word(200, "the seller's second line", 'subtitle', 'there is none'),
    brand: nullable(
      text(200),
      said(
        'the brand, else the manufacturer',
        'brand, else the aspect of that name in the language of the site',
        'not stated, or a text that says so, such as "Does not apply"',
      ),
    ),
    mpn: nullable(
      text(200),
      said("manufacturer's part number", 'mpn, else the aspect of that name', 'not stated, as of brand'),
    ),
    gtin: nullable(
      text(50),
      said(
        'UPC, EAN or ISBN',
        'gtin, else the aspect of that name',
        'not stated, or no number of 8 to 14 digits, or one digit repeated',
      ),
    ),
    color: word(200, 'one of the aspects', 'color', 'not stated, as of brand'),
    size: word(200, 'one of the aspects', 'size', 'not stated, as of brand'),
    sizeSystem: word(60, 'such as EU or US', 'sizeSystem', 'not stated, as of brand'),
    sizeType: word(200, 'such as Regular or Petite', 'sizeType', 'not stated, as of brand'),
    material: word(200, 'one of the aspects', 'material', 'not stated, as of brand'),
    pattern: word(200, 'one of the aspects', 'pattern', 'not stated, as of brand'),
    gender: word(100, 'one of the aspects', 'gender', 'not stated, as of brand'),
    ageGroup: word(100, 'one of the aspects', 'ageGroup', 'not stated, as of brand'),
    aspects: aspectsOf(
      'item aspects in the listing\'s language, name → values; texts such as "Does not apply" are left out',
      'localizedAspects; several values come as one text and are divided at ", "',
    ),
    conditionDescription: word(
      1000,
      "the seller's text on the condition",
      'conditionDescription',
      'there is none',
    ),
    conditionDescriptors: Type.Array(
      ConditionDescriptorSchema,
      said('such as the grade of a trading card', 'conditionDescriptors'),
    ),
    availability: Type.Enum(
      ['in-stock', 'limited', 'pickup-only', 'out-of-stock', 'ended', 'gone', 'unknown'],
      {
        ...said(
          'in-stock, limited: can be bought and is sent; pickup-only: can be bought, but only to be fetched; ended: its ' +
            'end date had passed; gone: eBay no longer has the item; unknown: eBay does not say',
          'estimatedAvailabilities[].estimatedAvailabilityStatus and deliveryOptions, itemEndDate; gone: error 11001 or 11004',
        ),
      },
    ),
    endsAt: instant(
      said('when the listing ends or has ended, UTC', 'itemEndDate', 'eBay does not say: it goes on'),
    ),
    availableQuantity: count(
      said(
        'items that can be bought',
        `${STOCK}.estimatedAvailableQuantity, else estimatedRemainingQuantity`,
        'eBay names no number; see availableQuantityMoreThan',
      ),
    ),
    availableQuantityMoreThan: count(
      said(
        'more than so many can be bought',
        `${STOCK}.availabilityThreshold of type MORE_THAN`,
        'eBay names a number, or nothing',
      ),
    ),
    estimatedSoldQuantity: count(said('items sold so far', `${STOCK}.estimatedSoldQuantity`, UNSAID)),
    quantityLimitPerBuyer: count(
      said('items that one buyer may buy', 'quantityLimitPerBuyer', 'there is no limit'),
    ),
    lotSize: count(
      said(
        'pieces that are sold together for the price',
        'lotSize',
        'it is no lot; eBay then sends 0, or nothing',
      ),
    ),
    deliveryOptions: words(
      60,
      'SHIP_TO_HOME, SELLER_ARRANGED_LOCAL_PICKUP, IN_STORE_PICKUP, PICKUP_DROP_OFF, DIGITAL_DELIVERY',
      `${STOCK}.deliveryOptions`,
    ),
    shippingServices: Type.Array(ShippingServiceSchema, {
      ...said(
        "every way in which it is sent to shippingTo, in eBay's order; to fetch it is none",
        'shippingOptions, those of type PICKUP left out',
      ),
    }),
    shippingTo: nullable(
      PlaceSchema,
      said(
        'the place that costs and dates are for: shipTo of the request, else one of the site',
        'shippingOptions[].shipToLocationUsedForEstimate',
        'eBay does not say; then they are for shipTo of the request',
      ),
    ),
    shipsTo: Type.Array(regionOf('shipToLocations.regionIncluded'), {
      ...said(
        'regions that the seller sends to, except those of shipsNotTo',
        'shipToLocations.regionIncluded',
      ),
    }),
    shipsNotTo: Type.Array(regionOf('shipToLocations.regionExcluded'), {
      ...said('regions that the seller does not send to', 'shipToLocations.regionExcluded'),
    }),
    taxes: Type.Array(TaxSchema, {
      ...said(
        'taxes that may be added for a buyer there; they change neither price nor total. Regions of equal terms stand together',
        'taxes',
      ),
    }),
    returns: nullable(
      ReturnsSchema,
      said('the terms of return', 'returnTerms', 'eBay does not say whether returns are accepted'),
    ),
    paymentMethods: Type.Array(PaymentMethodSchema, said('ways to pay', 'paymentMethods')),
    immediatePay: flag('whether the buyer must pay at once', 'immediatePay'),
    guestCheckout: flag(
      'whether it can be bought without an account, through the Order API',
      'enabledForGuestCheckout',
    ),
    inlineCheckout: flag(
      'whether it can be bought through the Order API; else on the site of eBay alone',
      'eligibleForInlineCheckout',
    ),
    coupons: Type.Array(CouponSchema, said('coupons for this item', 'availableCoupons')),
    addons: Type.Array(AddonSchema, said('services that come with the item', 'addonServices')),
    ecoFee: amount('for the disposal of the item, paid by the buyer; not in `total`', 'ecoParticipationFee'),
    bidding: nullable(
      BiddingSchema,
      said(
        'more on the bids',
        'minimumPriceToBid, uniqueBidderCount, reservePriceMet',
        'eBay says none of them',
      ),
    ),
    rating: nullable(
      RatingSchema,
      said('reviews of the product, by all buyers of it', 'primaryProductReviewRating', 'there are none'),
    ),
    productSheetUrl: word(
      2048,
      "the maker's sheet for the energy label",
      'productFicheWebUrl, where it leads to eBay',
    ),
    repairScore: nullable(
      Type.Number({ minimum: 0.1, maximum: 10 }),
      said('0.1 (hardest to repair) to 10', 'repairScore', UNSAID),
    ),
    hazards: nullable(
      HazardsSchema,
      said('labels of hazardous materials', 'hazardousMaterialsLabels', 'there are none'),
    ),
    safety: nullable(
      Type.Object(labelsOf('productSafetyLabels'), closed),
      said('labels of product safety', 'productSafetyLabels', 'there are none'),
    ),
    catalogue: nullable(
      CatalogueSchema,
      said("what eBay's catalogue says of the product", 'product', 'the listing names no product of it'),
    ),
    groupTitle: word(
      300,
      'title of the listing that it is a variation of',
      'primaryItemGroup.itemGroupTitle',
      'it is no variation',
    ),
    groupImages: words(
      2048,
      'pictures of that listing, as of images',
      'primaryItemGroup.itemGroupImage, itemGroupAdditionalImages',
    ),
    revision: word(
      60,
      'changes when the seller revises the listing, and not when its quantity changes',
      'sellerItemRevision',
    ),
    warnings: Type.Array(WarningSchema, said('what eBay warns of in its answer', 'warnings')),
  },
  {
    ...closed,
    description:
      'with details, items or variations: all: what a call of its own for the item says; what it says of price, shipping, total, delivery, ' +
      'auction, images and seller stands in the product itself',
  },
);
