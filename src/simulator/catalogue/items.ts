import { hash } from '../random.ts';
import { conditionText } from './families.ts';
import { chance, type Listing } from './listing.ts';
import { convert, type Site } from './marketplaces.ts';

/** Where the buyer is and who sent them, from the `X-EBAY-C-ENDUSERCTX` header. */
export interface BuyerContext {
  readonly country: string | undefined;
  readonly postalCode: string | undefined;
  readonly affiliateCampaignId: string | undefined;
}

/**
 * The item as `item_summary/search` shows it; JSON leaves out what is undefined. `origin` is where the simulator's
 * pictures and pages are; `extended` (fieldgroups=EXTENDED) adds short description and city.
 */
export function summarise(listing: Listing, origin: string, buyer: BuyerContext, extended: boolean) {
  const { legacyId, site, family, foreignCurrency, grouped, pictured } = listing;
  const { leaf } = family;
  const { affiliateCampaignId } = buyer;
  const shared = sharedFields(listing, origin);
  return {
    ...shared,
    price: amount(listing, listing.priceCents),
    itemGroupHref: grouped ? groupHref(listing, origin) : undefined,
    itemGroupType: grouped ? 'SELLER_DEFINED_VARIATIONS' : undefined,
    leafCategoryIds: [leaf.id],
    categories: [leaf, leaf.department].map(({ id, name }) => ({ categoryId: id, categoryName: name })),
    itemHref: `${origin}/buy/browse/v1/item/${encodeURIComponent(listing.itemId)}`,
    image: pictured ? image(listing, origin, 0, SMALL) : undefined,
    additionalImages: additionalImages(listing, origin, SMALL),
    thumbnailImages: pictured ? [image(listing, origin, 0, 1600)] : undefined,
    shippingOptions: shippingOptions(listing, buyer),
    pickupOptions: canOnlyBeFetched(listing) ? [{ pickupLocationType: 'ARRANGED_LOCATION' }] : undefined,
    itemAffiliateWebUrl:
      affiliateCampaignId !== undefined && site.country !== 'SG'
        ? `${shared.itemWebUrl}?campid=${encodeURIComponent(affiliateCampaignId)}`
        : undefined,
    itemLocation: {
      city: extended ? CITY : undefined,
      postalCode: chance(listing, 'postcode', 0.74) ? `${100 + (listing.dice % 900)}**` : undefined,
      country: listing.country,
    },
    shortDescription: extended ? shortDescription(listing) : undefined,
    availableCoupons: chance(listing, 'coupon', 0.08),
    itemOriginDate: chance(listing, 'origin', 0.31) ? shared.itemCreationDate : undefined,
    listingMarketplaceId: foreignCurrency !== null && chance(listing, 'market', 0.7) ? undefined : site.id,
    legacyItemId: legacyId,
  };
}

/** The item as `item/{id}` shows it: a pure auction has its bid in `price` here, unlike in a search. */
export function describe(listing: Listing, origin: string, buyer: BuyerContext) {
  const { dice, legacyId, site, family, wording } = listing;
  const { title, brand } = wording;
  const { leaf } = family;
  return {
    ...sharedFields(listing, origin),
    image: listing.pictured ? image(listing, origin, 0, 1600) : undefined,
    additionalImages: additionalImages(listing, origin, 1600),
    sellerItemRevision: String(1 + (dice % 9)),
    shortDescription: shortDescription(listing),
    price: amount(listing, listing.priceCents ?? listing.auction?.bidCents),
    categoryPath: `${leaf.department.name}|${leaf.name}`,
    categoryIdPath: `${leaf.department.id}|${leaf.id}`,
    categoryId: leaf.id,
    itemLocation: { city: CITY, country: listing.country },
    color: wording.colour,
    brand: brand ?? undefined,
    mpn: brand ? `${brand.slice(0, 3).toUpperCase()}-${family.number}${modelOf(listing)}` : undefined,
    gtin: gtinOf(listing),
    estimatedAvailabilities: [availability(listing)],
    shippingOptions: shippingOptions(listing, buyer)?.map((option) => ({
      ...option,
      shippingServiceCode: 'Standard Parcel',
      type: 'Standard Shipping',
      additionalShippingCostPerUnit: option.shippingCost && amount(listing, 0),
      quantityUsedForEstimate: 1,
    })),
    shipToLocations: {
      regionIncluded: listing.shipsAbroad
        ? [{ regionName: 'Worldwide', regionType: 'WORLDWIDE', regionId: 'WORLDWIDE' }]
        : [{ regionName: site.country, regionType: 'COUNTRY', regionId: site.country }],
    },
    returnTerms: listing.returnsAccepted
      ? {
          returnsAccepted: true,
          refundMethod: 'MONEY_BACK',
          returnShippingCostPayer: chance(listing, 'returns', 0.4) ? 'SELLER' : 'BUYER',
          returnPeriod: { value: dice % 2 === 0 ? 30 : 14, unit: 'CALENDAR_DAY' },
        }
      : { returnsAccepted: false },
    localizedAspects: Object.entries(ASPECTS).map(([name, read]) => ({
      type: 'STRING',
      name: name === 'Color' ? colourName(site) : name,
      value: read(listing),
    })),
    primaryItemGroup: listing.grouped
      ? {
          itemGroupId: legacyId,
          itemGroupType: 'SELLER_DEFINED_VARIATIONS',
          itemGroupHref: groupHref(listing, origin),
          itemGroupTitle: title,
        }
      : undefined,
    description: `<div><p>${escapeHtml(title)}</p><p>${escapeHtml(family.features.join(', '))}</p></div>`,
    enabledForGuestCheckout: true,
    eligibleForInlineCheckout: true,
    listingMarketplaceId: site.id,
    legacyItemId: legacyId,
  };
}

const CITY = 'Springfield';

/** What a search and an item show alike. */
function sharedFields(listing: Listing, origin: string) {
  const { legacyId, site, seller, conditionId, auction } = listing;
  return {
    itemId: listing.itemId,
    title: listing.wording.title,
    seller: {
      username: seller.username,
      feedbackPercentage: seller.feedbackPercentage,
      feedbackScore: seller.feedbackScore,
      sellerAccountType: hasAccountTypes(site) ? seller.accountType : undefined,
    },
    condition: conditionId === null ? undefined : conditionText(conditionId, site.language),
    conditionId: conditionId ?? undefined,
    marketingPrice: marketingPrice(listing),
    buyingOptions: listing.buyingOptions,
    bidCount: auction?.bids,
    currentBidPrice: amount(listing, auction?.bidCents),
    itemEndDate: auction === null ? undefined : timestamp(auction.endsAt),
    epid: epidOf(listing),
    itemWebUrl: `${origin}/itm/${legacyId}`,
    itemCreationDate: timestamp(listing.listedAt),
    topRatedBuyingExperience: chance(listing, 'top', 0.4),
    priorityListing: chance(listing, 'priority', 0.25),
    adultOnly: false,
  };
}

/** The longer side of the pictures in a search, except thumbnails, which are the large ones there. */
const SMALL = 225;

function image({ legacyId }: Listing, origin: string, view: number, size: number) {
  return { imageUrl: `${origin}/pictures/${legacyId}/${view}/s-l${size}.svg` };
}

function additionalImages(listing: Listing, origin: string, size: number) {
  if (!listing.pictured) return undefined;
  return Array.from({ length: listing.dice % 5 }, (_, index) => image(listing, origin, index + 1, size));
}

/** Most real listings without shipping options: 75 of 87. */
function canOnlyBeFetched(listing: Listing): boolean {
  return listing.shipping === null && chance(listing, 'pickup', 0.86);
}

/** Sites where eBay says whether a seller is a business. */
export function hasAccountTypes({ country }: Site): boolean {
  return 'AT BE CH DE ES FR GB IE IT PL'.includes(country);
}

function shortDescription({ wording, family }: Listing): string {
  return `${wording.title}. ${family.leaf.name}.`;
}

function timestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}.000Z`;
}

function groupHref({ legacyId }: Listing, origin: string): string {
  return `${origin}/buy/browse/v1/item/get_items_by_item_group?item_group_id=${legacyId}`;
}

/** Listings of one family and model are offers of one catalogue product. */
function modelOf({ dice }: Listing): number {
  return dice % 900;
}

/** eBay's own product number, which a part of the listings has. */
export function epidOf(listing: Listing): string | undefined {
  if (!chance(listing, 'epid', 0.35)) return undefined;
  return String(27_000_000_000 + listing.family.number * 1_000_000 + modelOf(listing));
}

/** A product code (GTIN-13) from the range that is reserved for use inside a shop, with its check digit. */
export function gtinOf(listing: Listing): string | undefined {
  if (!chance(listing, 'gtin', 0.6)) return undefined;
  const digits = `2${String(listing.family.number).padStart(3, '0')}${String(modelOf(listing)).padStart(8, '0')}`;
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** Money as eBay writes it. `cents` in the site's currency. */
function amount({ foreignCurrency, site }: Listing, cents: number | null | undefined) {
  if (cents === null || cents === undefined) return undefined;
  const value = (cents / 100).toFixed(2);
  if (foreignCurrency === null) return { value, currency: site.currency };
  const convertedFromValue = (convert(cents, site.currency, foreignCurrency) / 100).toFixed(2);
  return { value, currency: site.currency, convertedFromValue, convertedFromCurrency: foreignCurrency };
}

/** A calculated cost is known only for a buyer whose country is. */
function shippingOptions(listing: Listing, buyer: BuyerContext) {
  if (listing.shipping === null) return undefined;
  const { kind, cents } = listing.shipping;
  const far = buyer.country === listing.country ? 1 : 2.5;
  const zone = 0.8 + (hash(listing.dice, buyer.postalCode?.slice(0, 1) ?? '') % 5) / 10;
  const calculated = buyer.country === undefined ? undefined : Math.round(cents * far * zone);
  const { delivery } = listing;
  return [
    {
      shippingCostType: kind,
      shippingCost: amount(listing, kind === 'FIXED' ? cents : calculated),
      minEstimatedDeliveryDate: delivery ? timestamp(delivery.first) : undefined,
      maxEstimatedDeliveryDate: delivery ? timestamp(delivery.last) : undefined,
    },
  ];
}

function marketingPrice(listing: Listing) {
  const { priceCents, dice } = listing;
  if (priceCents === null || !chance(listing, 'discount', 0.12)) return undefined;
  const percentage = 5 + (dice % 9) * 5;
  const discountPercentage = String(percentage);
  if (chance(listing, 'bare discount', 0.2)) return { discountPercentage };
  const original = Math.round((priceCents * 100) / (100 - percentage));
  return {
    originalPrice: amount(listing, original),
    discountPercentage,
    discountAmount: amount(listing, original - priceCents),
    priceTreatment: 'STRIKE_THROUGH',
  };
}

function availability(listing: Listing) {
  const { stock, sold, dice } = listing;
  // A part of the listings with plenty says "more than 10" instead of a number.
  const isVague = stock > 10 && hash(dice, 'threshold') % 2 === 0;
  return {
    deliveryOptions: [canOnlyBeFetched(listing) ? 'SELLER_ARRANGED_LOCAL_PICKUP' : 'SHIP_TO_HOME'],
    estimatedAvailabilityStatus: stock === 0 ? 'OUT_OF_STOCK' : stock < 3 ? 'LIMITED_STOCK' : 'IN_STOCK',
    ...(isVague
      ? { availabilityThresholdType: 'MORE_THAN', availabilityThreshold: 10 }
      : { estimatedAvailableQuantity: stock }),
    estimatedSoldQuantity: sold,
  };
}

/** Aspects by their name on EBAY_US, with what a listing says for them. */
export const ASPECTS: Readonly<Record<string, (listing: Listing) => string>> = {
  Brand: ({ wording }) => wording.brand ?? 'Unbranded',
  Type: ({ family }) => family.noun,
  Color: ({ wording }) => wording.colour,
  Features: ({ wording }) => wording.feature,
  Model: ({ wording }) => wording.version,
};

function colourName({ country, language }: Site): string {
  return language === 'de' ? 'Farbe' : country === 'US' ? 'Color' : 'Colour';
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
