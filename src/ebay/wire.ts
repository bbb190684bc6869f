/**
 * The fields of eBay's answers that this service reads, under eBay's names. eBay's documents require none of them, so
 * all are optional; and what really arrives is `unknown` until the mappers have looked at it.
 */

export interface WireAmount {
  value?: string;
  currency?: string;
  convertedFromValue?: string;
  convertedFromCurrency?: string;
}

/** An amount that eBay does not convert. */
export interface WireOwnAmount {
  value?: string;
  currency?: string;
}

export interface WireImage {
  imageUrl?: string;
}

export interface WireCategory {
  categoryId?: string;
  categoryName?: string;
}

export interface WireShippingOption {
  /** `FIXED` or `CALCULATED`. */
  shippingCostType?: string;
  /** Absent for a calculated option that eBay did not price. */
  shippingCost?: WireAmount;
  minEstimatedDeliveryDate?: string;
  maxEstimatedDeliveryDate?: string;
}

/** A shipping option of an item answer. */
export interface WireItemShippingOption extends WireShippingOption {
  /** `PICKUP` is no way of shipping. */
  type?: string;
  /** The name of the service. */
  shippingServiceCode?: string;
  shippingCarrierCode?: string;
  additionalShippingCostPerUnit?: WireAmount;
  importCharges?: WireAmount;
  quantityUsedForEstimate?: number;
  cutOffDateUsedForEstimate?: string;
  fulfilledThrough?: string;
  shipToLocationUsedForEstimate?: WireShipToPlace;
}

/** Where shipping is estimated to. */
export interface WireShipToPlace {
  country?: string;
  postalCode?: string;
}

/** The user name is left out on purpose: it is never read. */
export interface WireSeller {
  /** `BUSINESS` or `INDIVIDUAL`, on the sites where the law wants it said. */
  sellerAccountType?: string;
  /** A decimal string. */
  feedbackPercentage?: string;
  feedbackScore?: number;
}

export interface WireLocation {
  city?: string;
  stateOrProvince?: string;
  country?: string;
  postalCode?: string;
}

/** A discount of the seller's. Some listings name the percentage alone. */
export interface WireMarketingPrice {
  originalPrice?: WireAmount;
  /** A decimal string. */
  discountPercentage?: string;
  /** `LIST_PRICE`, `MARKDOWN` or `MINIMUM_ADVERTISED_PRICE`. */
  priceTreatment?: string;
}

export interface WirePickupOption {
  /** `ARRANGED_LOCATION` or `STORE`. */
  pickupLocationType?: string;
}

export interface WireDistance {
  /** A decimal string. */
  value?: string;
  unitOfMeasure?: string;
}

export interface WireCompatibilityProperty {
  name?: string;
  localizedName?: string;
  value?: string;
}

/** What search and item answers have in common. */
export interface WireListing {
  itemId?: string;
  legacyItemId?: string;
  title?: string;
  itemWebUrl?: string;
  itemAffiliateWebUrl?: string;
  image?: WireImage;
  additionalImages?: WireImage[];
  /** In search answers absent for a pure auction; in item answers the bid of one. */
  price?: WireAmount;
  currentBidPrice?: WireAmount;
  bidCount?: number;
  itemEndDate?: string;
  buyingOptions?: string[];
  condition?: string;
  conditionId?: string;
  seller?: WireSeller;
  /** Said of the listing, not of its seller. */
  topRatedBuyingExperience?: boolean;
  itemLocation?: WireLocation;
  epid?: string;
  /** The site that the seller listed it on, which shows it on others too. */
  listingMarketplaceId?: string;
  /** A paid place in the order of Best Match. */
  priorityListing?: boolean;
  marketingPrice?: WireMarketingPrice;
  /** `ONLY_SHOW_ON_REQUEST` or `ONLY_SHOW_WHEN_ADDED_IN_CART`: where the price of a listing may appear. */
  priceDisplayCondition?: string;
  unitPrice?: WireAmount;
  /** What `unitPrice` is for, such as `100g`. */
  unitPricingMeasure?: string;
  qualifiedPrograms?: string[];
  shortDescription?: string;
  adultOnly?: boolean;
  energyEfficiencyClass?: string;
  tyreLabelImageUrl?: string;
  /** Only for applications that eBay lets see it. */
  watchCount?: number;
  itemCreationDate?: string;
}

export interface WireItemSummary extends WireListing {
  thumbnailImages?: WireImage[];
  shippingOptions?: WireShippingOption[];
  /** What a buyer can pick up. A listing without shipping options is for pick-up only. */
  pickupOptions?: WirePickupOption[];
  /** From the postal code of the pick-up filters. */
  distanceFromPickupLocation?: WireDistance;
  /** In item answers a list of the coupons themselves. */
  availableCoupons?: boolean;
  compatibilityMatch?: string;
  compatibilityProperties?: WireCompatibilityProperty[];
  leafCategoryIds?: string[];
  categories?: WireCategory[];
  itemGroupHref?: string;
  itemGroupType?: string;
  itemOriginDate?: string;
}

export interface WireErrorParameter {
  name?: string;
  value?: string;
}

/** An error or a warning: they have one shape. */
export interface WireError {
  errorId?: number;
  category?: string;
  message?: string;
  longMessage?: string;
  parameters?: WireErrorParameter[];
}

export interface WireSearchPage {
  total?: number;
  limit?: number;
  offset?: number;
  /** Absent on the last page. */
  next?: string;
  /** Absent when nothing was found. */
  itemSummaries?: WireItemSummary[];
  warnings?: WireError[];
  /** With a refinement fieldgroup. */
  refinement?: WireRefinement;
  /** With auto_correct, where eBay has corrected something. */
  autoCorrections?: WireAutoCorrections;
}

export interface WireAutoCorrections {
  q?: string;
}

/** What narrows a search. The counts are of the whole search. */
export interface WireRefinement {
  /** The category that the aspects belong to. */
  dominantCategoryId?: string;
  aspectDistributions?: WireAspectDistribution[];
  categoryDistributions?: WireCategoryDistribution[];
  conditionDistributions?: WireConditionDistribution[];
  buyingOptionDistributions?: WireBuyingOptionDistribution[];
}

export interface WireAspectDistribution {
  localizedAspectName?: string;
  aspectValueDistributions?: WireAspectValueDistribution[];
}

export interface WireAspectValueDistribution {
  localizedAspectValue?: string;
  matchCount?: number;
  /** The narrowed search: `{!}` at its end stands for listings without the aspect. */
  refinementHref?: string;
}

export interface WireCategoryDistribution {
  categoryId?: string;
  categoryName?: string;
  matchCount?: number;
}

export interface WireConditionDistribution {
  conditionId?: string;
  condition?: string;
  matchCount?: number;
}

export interface WireBuyingOptionDistribution {
  buyingOption?: string;
  matchCount?: number;
}

export interface WireErrorBody {
  errors?: WireError[];
}

export interface WireDuration {
  value?: number;
  unit?: string;
}

export interface WireReturnTerms {
  returnsAccepted?: boolean;
  returnPeriod?: WireDuration;
  returnShippingCostPayer?: string;
  refundMethod?: string;
  returnMethod?: string;
  /** A decimal string. */
  restockingFeePercentage?: string;
  extendedHolidayReturnsOffered?: boolean;
  returnInstructions?: string;
}

export interface WireShipToRegion {
  regionId?: string;
  regionName?: string;
  regionType?: string;
}

export interface WireShipToLocations {
  regionIncluded?: WireShipToRegion[];
  regionExcluded?: WireShipToRegion[];
}

export interface WireTax {
  taxJurisdiction?: WireTaxJurisdiction;
  taxType?: string;
  /** A decimal string. */
  taxPercentage?: string;
  includedInPrice?: boolean;
  shippingAndHandlingTaxed?: boolean;
  /** Comes only when true. */
  ebayCollectAndRemitTax?: boolean;
}

export interface WireTaxJurisdiction {
  taxJurisdictionId?: string;
  region?: WireTaxRegion;
}

export interface WireTaxRegion {
  regionName?: string;
  regionType?: string;
}

export interface WirePaymentMethod {
  paymentMethodType?: string;
  paymentMethodBrands?: WirePaymentBrand[];
  paymentInstructions?: string[];
  sellerInstructions?: string[];
}

export interface WirePaymentBrand {
  paymentMethodBrandType?: string;
}

export interface WireCoupon {
  redemptionCode?: string;
  discountType?: string;
  discountAmount?: WireOwnAmount;
  message?: string;
  termsWebUrl?: string;
  constraint?: WireCouponConstraint;
}

export interface WireCouponConstraint {
  expirationDate?: string;
}

export interface WireAddon {
  serviceId?: string;
  serviceType?: string;
  selection?: string;
  serviceFee?: WireAmount;
}

export interface WireReviewRating {
  /** A decimal string. */
  averageRating?: string;
  reviewCount?: number;
  ratingHistograms?: WireRatingCount[];
}

export interface WireRatingCount {
  rating?: string;
  count?: number;
}

export interface WireConditionDescriptor {
  name?: string;
  values?: WireConditionValue[];
}

export interface WireConditionValue {
  content?: string;
  additionalInfo?: string[];
}

/** Labels of hazardous materials and of product safety. */
export interface WireLabels {
  statements?: WireLabelStatement[];
  pictograms?: WirePictogram[];
}

export interface WireHazardLabels extends WireLabels {
  signalWord?: string;
  additionalInformation?: string;
}

export interface WireLabelStatement {
  statementDescription?: string;
}

export interface WirePictogram {
  pictogramDescription?: string;
}

/** A product of eBay's catalogue; comes with the field group PRODUCT. */
export interface WireCatalogueProduct {
  title?: string;
  brand?: string;
  gtins?: string[];
  mpns?: string[];
  image?: WireImage;
  additionalImages?: WireImage[];
  additionalProductIdentities?: WireProductIdentities[];
  aspectGroups?: WireAspectGroup[];
}

export interface WireProductIdentities {
  productIdentity?: WireProductIdentity[];
}

export interface WireProductIdentity {
  identifierType?: string;
  identifierValue?: string;
}

export interface WireAspectGroup {
  aspects?: WireCatalogueAspect[];
}

export interface WireCatalogueAspect {
  localizedName?: string;
  localizedValues?: string[];
}

export interface WireAvailability {
  /** `IN_STOCK`, `LIMITED_STOCK` or `OUT_OF_STOCK`. */
  estimatedAvailabilityStatus?: string;
  estimatedAvailableQuantity?: number;
  estimatedRemainingQuantity?: number;
  /** Comes with its type in place of the quantity of a well-stocked listing. */
  availabilityThreshold?: number;
  /** `MORE_THAN`. */
  availabilityThresholdType?: string;
  estimatedSoldQuantity?: number;
  /** `SHIP_TO_HOME`, `SELLER_ARRANGED_LOCAL_PICKUP`, `IN_STORE_PICKUP`, `PICKUP_DROP_OFF` or `DIGITAL_DELIVERY`. */
  deliveryOptions?: string[];
}

export interface WireAspect {
  name?: string;
  value?: string;
}

/** The listing with variations that an item is one of. */
export interface WireItemGroup {
  itemGroupId?: string;
  itemGroupHref?: string;
  itemGroupType?: string;
  itemGroupTitle?: string;
  itemGroupImage?: WireImage;
  itemGroupAdditionalImages?: WireImage[];
}

export interface WireItem extends WireListing {
  /** The leaf; both paths begin at the top category and are divided by pipes. */
  categoryId?: string;
  categoryIdPath?: string;
  categoryPath?: string;
  primaryItemGroup?: WireItemGroup;
  subtitle?: string;
  shippingOptions?: WireItemShippingOption[];
  shipToLocations?: WireShipToLocations;
  taxes?: WireTax[];
  returnTerms?: WireReturnTerms;
  estimatedAvailabilities?: WireAvailability[];
  quantityLimitPerBuyer?: number;
  /** 0 where it is no lot. */
  lotSize?: number;
  brand?: string;
  mpn?: string;
  gtin?: string;
  color?: string;
  size?: string;
  sizeSystem?: string;
  sizeType?: string;
  material?: string;
  pattern?: string;
  gender?: string;
  ageGroup?: string;
  localizedAspects?: WireAspect[];
  conditionDescription?: string;
  conditionDescriptors?: WireConditionDescriptor[];
  paymentMethods?: WirePaymentMethod[];
  immediatePay?: boolean;
  enabledForGuestCheckout?: boolean;
  eligibleForInlineCheckout?: boolean;
  availableCoupons?: WireCoupon[];
  addonServices?: WireAddon[];
  ecoParticipationFee?: WireAmount;
  minimumPriceToBid?: WireAmount;
  uniqueBidderCount?: number;
  reservePriceMet?: boolean;
  primaryProductReviewRating?: WireReviewRating;
  productFicheWebUrl?: string;
  /** A decimal string. */
  repairScore?: string;
  hazardousMaterialsLabels?: WireHazardLabels;
  productSafetyLabels?: WireLabels;
  product?: WireCatalogueProduct;
  sellerItemRevision?: string;
  warnings?: WireError[];
}

/** The answer of get_items_by_item_group. */
export interface WireItemGroupAnswer {
  items?: WireItem[];
}
