import type { Static } from 'typebox';
import { LandedSchema, MarginSchema } from './costs.ts';
import { DetailsSchema } from './details.ts';
import { count, instant, MoneySchema, nullable, said, text } from './fieldSchemas.ts';
import { MARKETPLACE_IDS } from './marketplaces.ts';
import { closed } from './requestSchema.ts';
import { Type } from './type.ts';

/** When eBay lets the price of goods with a minimum advertised price appear. */
export const PRICE_DISPLAYS = ['ON_REQUEST', 'IN_CART'] as const;

const ShippingSchema = Type.Object(
  {
    kind: Type.Enum(['free', 'fixed', 'calculated', 'pickup-only', 'unknown'], {
      ...said(
        'calculated: depends on the buyer, who names a place with shipTo; pickup-only: the buyer fetches it, nothing ' +
          'is sent; unknown: eBay does not say, which is never free',
        'shippingOptions[].shippingCostType; pickup-only: pickupOptions without shippingOptions, and of an item ' +
          'answer deliveryOptions of pick-up alone',
      ),
    }),
    cost: nullable(
      MoneySchema,
      said('of one item', 'shippingOptions[].shippingCost', 'eBay names no usable amount'),
    ),
    converted: Type.Optional(
      Type.Object(MoneySchema.properties, {
        ...closed,
        ...said(
          "the cost in the listing's own currency; absent where eBay did not convert it",
          'shippingOptions[].shippingCost.convertedFromValue',
        ),
      }),
    ),
  },
  { ...closed, description: 'the cheapest usable option' },
);

const DeliverySchema = Type.Object(
  {
    earliest: instant(said('UTC', 'shippingOptions[].minEstimatedDeliveryDate', 'eBay names no first day')),
    latest: instant(said('UTC', 'shippingOptions[].maxEstimatedDeliveryDate', 'eBay names no last day')),
  },
  closed,
);

const AuctionSchema = Type.Object(
  {
    currentBid: nullable(MoneySchema, said('the highest bid', 'currentBidPrice', 'eBay does not say')),
    bidCount: count(said('bids so far', 'bidCount', 'eBay does not say')),
    endsAt: instant(said('when it ends, UTC', 'itemEndDate', 'eBay does not say')),
    converted: Type.Optional(
      Type.Object(MoneySchema.properties, {
        ...closed,
        ...said(
          "the highest bid in the listing's own currency; absent where eBay did not convert it",
          'currentBidPrice.convertedFromValue',
        ),
      }),
    ),
  },
  closed,
);

const UnitPriceSchema = Type.Object(
  {
    price: Type.Object(MoneySchema.properties, { ...closed, ...said('for so much', 'unitPrice') }),
    per: nullable(text(40), said('such as 100g', 'unitPricingMeasure', 'eBay does not say')),
  },
  closed,
);

const CompatibilitySchema = Type.Object(
  {
    match: nullable(text(20), said('EXACT or POSSIBLE', 'compatibilityMatch', 'eBay does not say')),
    properties: Type.Array(
      Type.Object(
        {
          name: text(100, said('such as Make', 'compatibilityProperties[].name')),
          localizedName: nullable(
            text(100),
            said(
              "the name in the site's language",
              'compatibilityProperties[].localizedName',
              'eBay does not say',
            ),
          ),
          value: text(200, said('such as BMW', 'compatibilityProperties[].value')),
        },
        closed,
      ),
      said('the attributes of the vehicle that it fits', 'compatibilityProperties'),
    ),
  },
  closed,
);

/** One listing (or one variation of it) as eBay described it at `observedAt`. */
export const ProductSchema = Type.Object(
  {
    itemId: text(100, said("eBay's RESTful id, v1|LEGACY|VARIATION", 'itemId')),
    legacyItemId: nullable(
      text(50),
      said('id of the listing', 'legacyItemId, else a part of itemId', 'neither is there'),
    ),
    marketplace: Type.Enum(MARKETPLACE_IDS, said('the site that was searched', 'none: it is asked for')),
    listingMarketplace: nullable(
      text(40),
      said(
        'the site that the seller listed it on, such as EBAY_AU or EBAY_MOTORS_US; not always the one that was searched',
        'listingMarketplaceId',
        'eBay does not say, which happens most with listings whose price it converted',
      ),
    ),
    title: text(300, said("the seller's title", 'title')),
    url: text(
      4096,
      said(
        "the listing's page",
        'itemWebUrl, else itemAffiliateWebUrl, where they lead to eBay, else the address made of the site and legacyItemId',
      ),
    ),
    affiliateUrl: Type.Optional(
      text(
        4096,
        said(
          "the listing's page, by a link that earns a commission for the affiliate whom the call named; absent where eBay sends none",
          'itemAffiliateWebUrl, where it leads to eBay',
        ),
      ),
    ),
    images: Type.Array(text(2048), {
      ...said(
        'addresses of pictures: each picture once, in the largest size that eBay names; the main picture first',
        'image, thumbnailImages, additionalImages, where they lead to eBay',
      ),
    }),
    price: nullable(
      MoneySchema,
      said(
        'for which it can be bought at once; VAT is in it on marketplaces that show prices so, sales tax is not',
        'price',
        'it cannot be bought at once: auction holds the bid, or it is a classified ad without a price',
      ),
    ),
    shipping: ShippingSchema,
    total: nullable(
      MoneySchema,
      said(
        'price and shipping, without sales tax and import charges',
        'none: it is added up',
        'one of them is unknown, or they have two currencies',
      ),
    ),
    delivery: nullable(
      DeliverySchema,
      said('when it arrives, by the option that shipping names', 'shippingOptions', 'eBay names no dates'),
    ),
    converted: nullable(
      MoneySchema,
      said("the price in the listing's own currency", 'price.convertedFromValue', 'eBay did not convert it'),
    ),
    originalPrice: nullable(
      MoneySchema,
      said(
        'the price before the discount: price is what is to be paid',
        'marketingPrice.originalPrice',
        'the seller grants no discount, or eBay names its percentage alone',
      ),
    ),
    discountPercent: nullable(
      Type.Number({ minimum: 0, maximum: 100 }),
      said(
        'discount on originalPrice in per cent, as eBay states it; 0 comes too',
        'marketingPrice.discountPercentage',
        'eBay names none',
      ),
    ),
    priceTreatment: nullable(
      text(40),
      said(
        "LIST_PRICE: originalPrice is the maker's list price; MARKDOWN: the seller's own former price; " +
          'MINIMUM_ADVERTISED_PRICE: see priceDisplay',
        'marketingPrice.priceTreatment',
        'eBay does not say',
      ),
    ),
    priceDisplay: nullable(
      Type.Enum(PRICE_DISPLAYS),
      said(
        'set for goods with a minimum advertised price: eBay lets their price appear only later in the buying flow, ' +
          'ON_REQUEST after a step of the person who wants to see it, IN_CART when the item is in the cart; a program ' +
          'that shows products to people must keep price, total and all that follows from them out of sight until then',
        'priceDisplayCondition; ON_REQUEST also for another condition, and for the priceTreatment MINIMUM_ADVERTISED_PRICE without one',
        'the price may be shown at once, as for nearly all listings',
      ),
    ),
    unitPrice: nullable(
      UnitPriceSchema,
      said('price of a unit', 'unitPrice', 'eBay states none; some European countries demand it'),
    ),
    auction: nullable(AuctionSchema, said('its bids', 'buyingOptions', 'it takes no bids')),
    condition: nullable(
      text(100),
      said("text in the listing's language, such as Open box", 'condition', 'eBay does not say'),
    ),
    conditionId: nullable(
      text(20),
      said('the same in all languages, such as 1500', 'conditionId', 'eBay does not say'),
    ),
    buyingOptions: Type.Array(
      text(40),
      said('FIXED_PRICE, AUCTION, BEST_OFFER, CLASSIFIED_AD', 'buyingOptions'),
    ),
    coupons: nullable(
      Type.Boolean(),
      said(
        'whether a coupon is linked with the item; coupons for all of a shop do not count',
        'availableCoupons',
        'eBay does not say',
      ),
    ),
    programs: Type.Array(text(60), {
      ...said('such as EBAY_PLUS, AUTHENTICITY_GUARANTEE, AUTHENTICITY_VERIFICATION', 'qualifiedPrograms'),
    }),
    shortDescription: nullable(
      text(1000),
      said(
        'text made of condition and aspects, cut at 1,000 characters',
        'shortDescription',
        'eBay sends none',
      ),
    ),
    topRatedPlus: nullable(
      Type.Boolean(),
      said('whether the listing is a Top Rated Plus one', 'topRatedBuyingExperience', 'eBay does not say'),
    ),
    seller: Type.Object(
      {
        feedbackPercentage: nullable(
          Type.Number({ minimum: 0, maximum: 100 }),
          said(
            'share of positive feedback in per cent',
            'seller.feedbackPercentage',
            'not stated, or "0.0", which eBay sends for a seller without recent feedback; 0 stands only beside a negative score',
          ),
        ),
        feedbackScore: nullable(
          Type.Integer(),
          said('positive ratings less negative ones', 'seller.feedbackScore', 'eBay does not say'),
        ),
        accountType: nullable(
          Type.Enum(['BUSINESS', 'INDIVIDUAL']),
          said(
            'whether it sells as a business',
            'seller.sellerAccountType',
            'eBay does not say; it does so on the sites of AT, BE, CH, DE, ES, FR, GB, IE, IT and PL',
          ),
        ),
        topRated: nullable(Type.Boolean(), {
          ...said(
            'deprecated, the next release drops it: the same as topRatedPlus. It is said of the listing, not of the seller',
            'topRatedBuyingExperience',
            'eBay does not say',
          ),
          deprecated: true,
        }),
      },
      { ...closed, description: 'figures only: names are not stored' },
    ),
    location: Type.Object(
      {
        country: nullable(
          text(2),
          said('ISO 3166, two letters', 'itemLocation.country', 'eBay does not say'),
        ),
        stateOrProvince: nullable(
          text(100),
          said('where it is', 'itemLocation.stateOrProvince', 'eBay does not say'),
        ),
        city: nullable(text(100), said('where it is', 'itemLocation.city', 'eBay does not say')),
        postalCode: nullable(
          text(20),
          said('masked by eBay, such as 432**', 'itemLocation.postalCode', 'eBay does not say'),
        ),
      },
      closed,
    ),
    pickup: Type.Array(
      text(40),
      said('where the buyer can fetch it: ARRANGED_LOCATION, STORE', 'pickupOptions[].pickupLocationType'),
    ),
    pickupDistance: nullable(
      Type.Object(
        {
          value: Type.Number({ minimum: 0, ...said('how far', 'distanceFromPickupLocation.value') }),
          unit: nullable(
            text(20),
            said('km or mi', 'distanceFromPickupLocation.unitOfMeasure', 'eBay does not say'),
          ),
        },
        closed,
      ),
      said(
        "from the postal code of the request's pick-up filters",
        'distanceFromPickupLocation',
        'the request has no such filters',
      ),
    ),
    categoryIds: Type.Array(text(20), said('unique, leaf first', 'leafCategoryIds, categories[].categoryId')),
    categories: Type.Array(
      Type.Object(
        {
          id: text(20, said('one of categoryIds', 'leafCategoryIds, categories[].categoryId')),
          name: nullable(
            text(200),
            said("in the language of the listing's site", 'categories[].categoryName', 'eBay does not say'),
          ),
        },
        closed,
      ),
      said('the same categories in the same order, with their names', 'leafCategoryIds, categories'),
    ),
    adultOnly: nullable(
      Type.Boolean(),
      said('whether it is for adults only', 'adultOnly', 'eBay does not say'),
    ),
    energyEfficiencyClass: nullable(
      text(20),
      said('such as A++ or F', 'energyEfficiencyClass', 'eBay does not say; it does so on EBAY_DE'),
    ),
    tyreLabelUrl: nullable(
      text(2048),
      said("address of the picture of a tyre's label", 'tyreLabelImageUrl', 'eBay names none'),
    ),
    watchCount: count(
      said(
        'people who watch it',
        'watchCount',
        'eBay does not say; it does so for applications that it has granted that',
      ),
    ),
    compatibility: nullable(
      CompatibilitySchema,
      said(
        'how well it fits the vehicle of the request',
        'compatibilityMatch, compatibilityProperties',
        'the request names no vehicle',
      ),
    ),
    epid: nullable(text(50), said("eBay's catalogue product id", 'epid', 'the listing names none')),
    group: nullable(
      Type.Object(
        {
          id: nullable(text(50), said('id of the group', 'itemGroupHref', 'eBay does not say')),
          type: nullable(
            text(50),
            said('such as SELLER_DEFINED_VARIATIONS', 'itemGroupType', 'eBay does not say'),
          ),
        },
        closed,
      ),
      said(
        'the listing with variations that this item is one of',
        'itemGroupHref, itemGroupType, itemId',
        'it is no variation',
      ),
    ),
    listedAt: instant(
      said('when first listed, UTC', 'itemOriginDate, else itemCreationDate', 'eBay does not say'),
    ),
    createdAt: instant(
      said(
        'when this listing was created, UTC: later than listedAt where it was listed again',
        'itemCreationDate',
        'eBay does not say',
      ),
    ),
    observedAt: Type.String({
      format: 'date-time',
      description:
        'when eBay answered, UTC; with details the same as details.observedAt wherever the item call named an offer ' +
        '(eBay: the time of its answer)',
    }),
    rank: Type.Integer({
      minimum: 1,
      ...said(
        "place in eBay's order on this marketplace, from 1, that promoted listings have paid for; with items the place of the " +
          'entry; variations of a listing share theirs',
        'none: it is counted',
      ),
    }),
    promoted: nullable(
      Type.Boolean(),
      said(
        'whether the seller pays for its place',
        'priorityListing',
        'eBay does not say; it does so with Best Match only',
      ),
    ),
    mark: Type.Optional(
      Type.Enum(['new', 'price-dropped', 'price-rose', 'same'], {
        description:
          'with track, against what the searches of that name reported last: delivered prices in the currency that the ' +
          'listing is sold in; `same` also where one of the two is unknown or the change is small; absent where there is nothing ' +
          'to compare with',
      }),
    ),
    formerTotal: Type.Optional(
      Type.Object(MoneySchema.properties, {
        ...closed,
        description:
          'with mark price-dropped or price-rose: the total that was reported last, at the exchange rate of now',
      }),
    ),
    formerSeenAt: Type.Optional(
      Type.String({
        format: 'date-time',
        description:
          'when formerTotal was last seen, give or take 1 % or 0.50; absent where version 0.1 saw it',
      }),
    ),
    landed: Type.Optional(LandedSchema),
    margin: Type.Optional(MarginSchema),
    details: Type.Optional(DetailsSchema),
  },
  { ...closed, title: 'Product' },
);

export type Product = Static<typeof ProductSchema>;
export type Mark = NonNullable<Product['mark']>;
export type ProductDetails = NonNullable<Product['details']>;
export type Shipping = Static<typeof ShippingSchema>;
export type Delivery = Static<typeof DeliverySchema>;
export type Auction = Static<typeof AuctionSchema>;

/** What is true of a listing at one instant only. */
export type Offer = Pick<
  Product,
  | 'price'
  | 'shipping'
  | 'total'
  | 'delivery'
  | 'converted'
  | 'originalPrice'
  | 'discountPercent'
  | 'priceTreatment'
  | 'priceDisplay'
  | 'unitPrice'
  | 'auction'
  | 'buyingOptions'
>;

/**
 * What an item's own answer says in place of the search answer: all of its offer (price, shipping, total, delivery,
 * auction) at one instant, and of the rest what it states.
 */
export type ListingNow = Pick<Product, 'observedAt'> &
  Offer &
  Partial<
    Pick<
      Product,
      | 'title'
      | 'url'
      | 'images'
      | 'condition'
      | 'conditionId'
      | 'topRatedPlus'
      | 'seller'
      | 'location'
      | 'epid'
      | 'listingMarketplace'
      | 'coupons'
      | 'programs'
      | 'shortDescription'
      | 'adultOnly'
      | 'energyEfficiencyClass'
      | 'tyreLabelUrl'
      | 'watchCount'
      | 'affiliateUrl'
    >
  >;
