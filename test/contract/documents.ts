import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Property {
  $ref?: string;
  items?: Property;
  type?: string;
}
interface Schema {
  properties: Record<string, Property>;
  additionalProperties?: boolean;
}
interface Parameter {
  name: string;
  in: string;
  schema: { type?: string; pattern?: string };
}

interface Operation {
  parameters: Parameter[];
}

/** What the tests look at in an OpenAPI document. */
export interface Document {
  paths: Record<string, { get?: Operation; post?: Operation }>;
  components: { schemas: Record<string, Schema> };
}

export interface Documents {
  browse: Document;
  analytics: Document;
  /** Whether they name every field, so that another one is a mistake. */
  isWhole: boolean;
}

const TEXT: Property = { type: 'string' };
const NUMBER: Property = { type: 'integer' };
const FLAG: Property = { type: 'boolean' };
const of = (name: string): Property => ({ $ref: `#/components/schemas/${name}` });
const many = (items: Property): Property => ({ type: 'array', items });
const schema = (properties: Record<string, Property>): Schema => ({ properties });
const texts = (...names: string[]) => Object.fromEntries(names.map((name) => [name, TEXT]));
const parameters = (place: string, ...names: string[]): Parameter[] =>
  names.map((name) => ({ name, in: place, schema: { type: 'string' } }));

const LISTING = {
  ...texts(
    'itemId',
    'legacyItemId',
    'title',
    'itemWebUrl',
    'itemAffiliateWebUrl',
    'itemCreationDate',
    'itemEndDate',
    'condition',
    'conditionId',
    'epid',
    'listingMarketplaceId',
    'priceDisplayCondition',
    'unitPricingMeasure',
    'shortDescription',
    'energyEfficiencyClass',
    'tyreLabelImageUrl',
  ),
  marketingPrice: of('MarketingPrice'),
  unitPrice: of('ConvertedAmount'),
  qualifiedPrograms: many(TEXT),
  adultOnly: FLAG,
  watchCount: NUMBER,
  image: of('Image'),
  additionalImages: many(of('Image')),
  price: of('ConvertedAmount'),
  currentBidPrice: of('ConvertedAmount'),
  bidCount: NUMBER,
  buyingOptions: many(TEXT),
  topRatedBuyingExperience: FLAG,
  priorityListing: FLAG,
};
const SELLER = { ...texts('feedbackPercentage', 'sellerAccountType'), feedbackScore: NUMBER };
const PLACE = texts('city', 'stateOrProvince', 'country', 'postalCode');
const SHIPPING = {
  ...texts('shippingCostType', 'minEstimatedDeliveryDate', 'maxEstimatedDeliveryDate'),
  shippingCost: of('ConvertedAmount'),
};
const HEADERS = parameters('header', 'X-EBAY-C-MARKETPLACE-ID', 'X-EBAY-C-ENDUSERCTX', 'Accept-Language');

/** The names and types of what this service sends and reads. eBay's own documents, where they are at hand, must agree. */
export const OWN: Documents = {
  isWhole: false,
  browse: {
    paths: {
      '/item_summary/search': {
        get: {
          parameters: [
            ...parameters('query', 'q', 'category_ids', 'filter', 'aspect_filter', 'fieldgroups'),
            ...parameters('query', 'sort', 'limit', 'offset', 'gtin', 'epid', 'auto_correct'),
            ...parameters('query', 'charity_ids', 'compatibility_filter'),
            ...HEADERS,
          ],
        },
      },
      '/item_summary/search_by_image': {
        post: {
          parameters: [
            ...parameters('query', 'category_ids', 'filter', 'aspect_filter', 'fieldgroups', 'charity_ids'),
            ...parameters('query', 'sort', 'limit', 'offset'),
            ...HEADERS,
          ],
        },
      },
      '/item/get_item_by_legacy_id': {
        get: { parameters: [...parameters('query', 'legacy_item_id', 'fieldgroups'), ...HEADERS] },
      },
      '/item/get_items_by_item_group': {
        get: { parameters: [...parameters('query', 'item_group_id', 'fieldgroups'), ...HEADERS] },
      },
      '/item/{item_id}': {
        get: { parameters: [...parameters('query', 'fieldgroups'), ...HEADERS] },
      },
    },
    components: {
      schemas: {
        ConvertedAmount: schema(texts('value', 'currency', 'convertedFromValue', 'convertedFromCurrency')),
        Image: schema(texts('imageUrl')),
        Category: schema(texts('categoryId', 'categoryName')),
        MarketingPrice: schema({
          ...texts('discountPercentage', 'priceTreatment'),
          originalPrice: of('ConvertedAmount'),
        }),
        PickupOptionSummary: schema(texts('pickupLocationType')),
        TargetLocation: schema(texts('value', 'unitOfMeasure')),
        CompatibilityProperty: schema(texts('name', 'localizedName', 'value')),
        ShippingOptionSummary: schema(SHIPPING),
        ShippingOption: schema({
          ...SHIPPING,
          ...texts('type', 'shippingServiceCode', 'shippingCarrierCode', 'fulfilledThrough'),
          cutOffDateUsedForEstimate: TEXT,
          additionalShippingCostPerUnit: of('ConvertedAmount'),
          importCharges: of('ConvertedAmount'),
          quantityUsedForEstimate: NUMBER,
          shipToLocationUsedForEstimate: of('ShipToLocation'),
        }),
        ShipToLocation: schema(texts('country', 'postalCode')),
        ShipToLocations: schema({
          regionIncluded: many(of('ShipToRegion')),
          regionExcluded: many(of('ShipToRegion')),
        }),
        ShipToRegion: schema(texts('regionId', 'regionName', 'regionType')),
        Taxes: schema({
          ...texts('taxType', 'taxPercentage'),
          includedInPrice: FLAG,
          shippingAndHandlingTaxed: FLAG,
          ebayCollectAndRemitTax: FLAG,
          taxJurisdiction: of('TaxJurisdiction'),
        }),
        TaxJurisdiction: schema({ taxJurisdictionId: TEXT, region: of('Region') }),
        Region: schema(texts('regionName', 'regionType')),
        PaymentMethod: schema({
          paymentMethodType: TEXT,
          paymentMethodBrands: many(of('PaymentMethodBrand')),
          paymentInstructions: many(TEXT),
          sellerInstructions: many(TEXT),
        }),
        PaymentMethodBrand: schema(texts('paymentMethodBrandType')),
        AvailableCoupon: schema({
          ...texts('redemptionCode', 'discountType', 'message', 'termsWebUrl'),
          discountAmount: of('Amount'),
          constraint: of('CouponConstraint'),
        }),
        Amount: schema(texts('value', 'currency')),
        CouponConstraint: schema(texts('expirationDate')),
        AddonService: schema({
          ...texts('serviceId', 'serviceType', 'selection'),
          serviceFee: of('ConvertedAmount'),
        }),
        ReviewRating: schema({
          averageRating: TEXT,
          reviewCount: NUMBER,
          ratingHistograms: many(of('RatingHistogram')),
        }),
        RatingHistogram: schema({ rating: TEXT, count: NUMBER }),
        ConditionDescriptor: schema({ name: TEXT, values: many(of('ConditionDescriptorValue')) }),
        ConditionDescriptorValue: schema({ content: TEXT, additionalInfo: many(TEXT) }),
        HazardousMaterialsLabels: schema({
          ...texts('signalWord', 'additionalInformation'),
          statements: many(of('HazardStatement')),
          pictograms: many(of('HazardPictogram')),
        }),
        HazardStatement: schema(texts('statementDescription')),
        HazardPictogram: schema(texts('pictogramDescription')),
        ProductSafetyLabels: schema({
          statements: many(of('ProductSafetyLabelStatement')),
          pictograms: many(of('ProductSafetyLabelPictogram')),
        }),
        ProductSafetyLabelStatement: schema(texts('statementDescription')),
        ProductSafetyLabelPictogram: schema(texts('pictogramDescription')),
        Product: schema({
          ...texts('title', 'brand'),
          gtins: many(TEXT),
          mpns: many(TEXT),
          image: of('Image'),
          additionalImages: many(of('Image')),
          additionalProductIdentities: many(of('AdditionalProductIdentity')),
          aspectGroups: many(of('AspectGroup')),
        }),
        AdditionalProductIdentity: schema({ productIdentity: many(of('ProductIdentity')) }),
        ProductIdentity: schema(texts('identifierType', 'identifierValue')),
        AspectGroup: schema({ aspects: many(of('Aspect')) }),
        Aspect: schema({ localizedName: TEXT, localizedValues: many(TEXT) }),
        Seller: schema(SELLER),
        SellerDetail: schema(SELLER),
        ItemLocationImpl: schema(PLACE),
        Address: schema(PLACE),
        ItemSummary: schema({
          ...LISTING,
          ...texts('itemGroupHref', 'itemGroupType', 'itemOriginDate', 'compatibilityMatch'),
          seller: of('Seller'),
          itemLocation: of('ItemLocationImpl'),
          availableCoupons: FLAG,
          distanceFromPickupLocation: of('TargetLocation'),
          compatibilityProperties: many(of('CompatibilityProperty')),
          thumbnailImages: many(of('Image')),
          shippingOptions: many(of('ShippingOptionSummary')),
          pickupOptions: many(of('PickupOptionSummary')),
          leafCategoryIds: many(TEXT),
          categories: many(of('Category')),
        }),
        SearchByImageRequest: schema({ image: TEXT }),
        Error: schema({
          errorId: NUMBER,
          ...texts('category', 'message', 'longMessage'),
          parameters: many(of('ErrorParameter')),
        }),
        ErrorParameter: schema(texts('name', 'value')),
        SearchPagedCollection: schema({
          ...{ total: NUMBER, limit: NUMBER, offset: NUMBER, next: TEXT },
          itemSummaries: many(of('ItemSummary')),
          warnings: many(of('Error')),
          refinement: of('Refinement'),
          autoCorrections: of('AutoCorrections'),
        }),
        AutoCorrections: schema({ q: TEXT }),
        Refinement: schema({
          dominantCategoryId: TEXT,
          aspectDistributions: many(of('AspectDistribution')),
          categoryDistributions: many(of('CategoryDistribution')),
          conditionDistributions: many(of('ConditionDistribution')),
          buyingOptionDistributions: many(of('BuyingOptionDistribution')),
        }),
        AspectDistribution: schema({
          localizedAspectName: TEXT,
          aspectValueDistributions: many(of('AspectValueDistribution')),
        }),
        AspectValueDistribution: schema({
          ...texts('localizedAspectValue', 'refinementHref'),
          matchCount: NUMBER,
        }),
        CategoryDistribution: schema({ ...texts('categoryId', 'categoryName'), matchCount: NUMBER }),
        ConditionDistribution: schema({ ...texts('conditionId', 'condition'), matchCount: NUMBER }),
        BuyingOptionDistribution: schema({ buyingOption: TEXT, matchCount: NUMBER }),
        ItemReturnTerms: schema({
          ...texts('returnShippingCostPayer', 'refundMethod', 'returnMethod', 'returnInstructions'),
          restockingFeePercentage: TEXT,
          returnsAccepted: FLAG,
          extendedHolidayReturnsOffered: FLAG,
          returnPeriod: of('TimeDuration'),
        }),
        TimeDuration: schema({ value: NUMBER, unit: TEXT }),
        EstimatedAvailability: schema({
          ...texts('estimatedAvailabilityStatus', 'availabilityThresholdType'),
          estimatedAvailableQuantity: NUMBER,
          estimatedRemainingQuantity: NUMBER,
          availabilityThreshold: NUMBER,
          estimatedSoldQuantity: NUMBER,
          deliveryOptions: many(TEXT),
        }),
        TypedNameValue: schema(texts('name', 'value')),
        Item: schema({
          ...LISTING,
          seller: of('SellerDetail'),
          itemLocation: of('Address'),
          ...texts('brand', 'mpn', 'gtin', 'categoryId', 'categoryIdPath', 'categoryPath', 'subtitle'),
          ...texts('color', 'size', 'sizeSystem', 'sizeType', 'material', 'pattern', 'gender', 'ageGroup'),
          ...texts('conditionDescription', 'productFicheWebUrl', 'repairScore', 'sellerItemRevision'),
          primaryItemGroup: of('ItemGroupSummary'),
          shippingOptions: many(of('ShippingOption')),
          shipToLocations: of('ShipToLocations'),
          taxes: many(of('Taxes')),
          returnTerms: of('ItemReturnTerms'),
          estimatedAvailabilities: many(of('EstimatedAvailability')),
          quantityLimitPerBuyer: NUMBER,
          lotSize: NUMBER,
          localizedAspects: many(of('TypedNameValue')),
          conditionDescriptors: many(of('ConditionDescriptor')),
          paymentMethods: many(of('PaymentMethod')),
          immediatePay: FLAG,
          enabledForGuestCheckout: FLAG,
          eligibleForInlineCheckout: FLAG,
          availableCoupons: many(of('AvailableCoupon')),
          addonServices: many(of('AddonService')),
          ecoParticipationFee: of('ConvertedAmount'),
          minimumPriceToBid: of('ConvertedAmount'),
          uniqueBidderCount: NUMBER,
          reservePriceMet: FLAG,
          primaryProductReviewRating: of('ReviewRating'),
          hazardousMaterialsLabels: of('HazardousMaterialsLabels'),
          productSafetyLabels: of('ProductSafetyLabels'),
          product: of('Product'),
          warnings: many(of('Error')),
        }),
        ItemGroupSummary: schema({
          ...texts('itemGroupId', 'itemGroupHref', 'itemGroupType', 'itemGroupTitle'),
          itemGroupImage: of('Image'),
          itemGroupAdditionalImages: many(of('Image')),
        }),
        ItemGroup: schema({ items: many(of('Item')) }),
        CompatibilityResponse: schema({ compatibilityStatus: TEXT, warnings: many(of('Error')) }),
      },
    },
  },
  analytics: {
    paths: {},
    components: {
      schemas: {
        RateLimitsResponse: schema({ rateLimits: many(of('RateLimit')) }),
        RateLimit: schema({ apiName: TEXT, resources: many(of('Resource')) }),
        Resource: schema({ name: TEXT, rates: many(of('Rate')) }),
        Rate: schema({ limit: NUMBER, remaining: NUMBER, reset: TEXT }),
      },
    },
  },
};

const folder = process.env.EBAY_OPENAPI;

/** eBay's own documents, where EBAY_OPENAPI names their folder. */
export const EBAYS = folder === undefined ? undefined : documentsOf(folder);

function documentsOf(path: string): Documents {
  const read = (file: string): Document => JSON.parse(readFileSync(join(path, file), 'utf8'));
  return {
    isWhole: true,
    browse: read('buy_browse_v1_oas3.json'),
    analytics: read('developer_analytics_v1_beta_oas3.json'),
  };
}
