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

export interface WireImage {
  imageUrl?: string;
}

export interface WireCategory {
  categoryId?: string;
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
}

/** The user name is left out on purpose: it is never read. */
export interface WireSeller {
  /** A decimal string. */
  feedbackPercentage?: string;
  feedbackScore?: number;
}

export interface WireLocation {
  city?: string;
  country?: string;
  postalCode?: string;
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
  itemCreationDate?: string;
}

export interface WireItemSummary extends WireListing {
  thumbnailImages?: WireImage[];
  shippingOptions?: WireShippingOption[];
  /** What a buyer can pick up. A listing without shipping options is for pick-up only. */
  pickupOptions?: unknown[];
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
  autoCorrections?: { q?: string };
}

/** What narrows a search. The counts are of the whole search. */
export interface WireRefinement {
  /** The category that the aspects belong to. */
  dominantCategoryId?: string;
  aspectDistributions?: WireAspectDistribution[];
  categoryDistributions?: WireCount<{ categoryId?: string; categoryName?: string }>[];
  conditionDistributions?: WireCount<{ conditionId?: string; condition?: string }>[];
  buyingOptionDistributions?: WireCount<{ buyingOption?: string }>[];
}

export interface WireAspectDistribution {
  localizedAspectName?: string;
  /** The address is the narrowed search: `{!}` there stands for listings without the aspect. */
  aspectValueDistributions?: WireCount<{ localizedAspectValue?: string; refinementHref?: string }>[];
}

type WireCount<Value> = Value & { matchCount?: number };

export interface WireErrorBody {
  errors?: WireError[];
}

export interface WireReturnTerms {
  returnsAccepted?: boolean;
  returnPeriod?: { value?: number; unit?: string };
  returnShippingCostPayer?: string;
}

export interface WireAvailability {
  /** `IN_STOCK`, `LIMITED_STOCK` or `OUT_OF_STOCK`. */
  estimatedAvailabilityStatus?: string;
  estimatedAvailableQuantity?: number;
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
}

export interface WireItem extends WireListing {
  /** The leaf; its path begins at the top category and is divided by pipes. */
  categoryId?: string;
  categoryIdPath?: string;
  primaryItemGroup?: WireItemGroup;
  shippingOptions?: WireItemShippingOption[];
  brand?: string;
  mpn?: string;
  gtin?: string;
  returnTerms?: WireReturnTerms;
  estimatedAvailabilities?: WireAvailability[];
  localizedAspects?: WireAspect[];
}

/** The answer of get_items_by_item_group. */
export interface WireItemGroupAnswer {
  items?: WireItem[];
}
