import { hash } from '../random.ts';
import type { Catalogue } from './catalogue.ts';
import { conditionText } from './families.ts';
import type { Listing } from './listing.ts';
import { convert, type Site } from './marketplaces.ts';

/** Where the buyer is and who sent them, from the `X-EBAY-C-ENDUSERCTX` header. */
export interface BuyerContext {
  readonly country: string | null;
  readonly postalCode: string | null;
  readonly affiliateCampaignId: string | null;
}

/**
 * The item as `item_summary/search` shows it. `origin` is where the simulator's pictures and pages are; `extended`
 * (fieldgroups=EXTENDED) adds short description and city.
 */
export function summarise(
  listing: Listing,
  catalogue: Catalogue,
  origin: string,
  { buyer, extended }: { buyer: BuyerContext; extended: boolean },
) {
  const { legacyId, itemId, site, family, wording } = listing;
  const { leaf } = family;
  const page = `${origin}/itm/${legacyId}`;
  const cents = shippingCents(listing, buyer);
  const shippingCost = cents === null ? {} : { shippingCost: amount(cents, listing) };
  const listedAt = timestamp(listing.listedAt);
  const epid = epidOf(listing);
  return {
    itemId,
    title: wording.title,
    ...(listing.grouped && { itemGroupHref: groupHref(origin, legacyId) }),
    leafCategoryIds: [leaf.id],
    categories: [leaf, leaf.department].map(({ id, name }) => ({ categoryId: id, categoryName: name })),
    ...(listing.pictured && { image: imageOf(listing, origin, 0) }),
    ...(listing.priceCents !== null && { price: amount(listing.priceCents, listing) }),
    ...(listing.grouped && { itemGroupType: 'SELLER_DEFINED_VARIATIONS' }),
    itemHref: `${origin}/buy/browse/v1/item/${encodeURIComponent(itemId)}`,
    seller: sellerOf(listing, catalogue),
    ...marketingPrice(listing),
    ...condition(listing),
    ...(listing.pictured && { thumbnailImages: [imageOf(listing, origin, 0)] }),
    ...(listing.shipping !== null && {
      shippingOptions: [{ shippingCostType: listing.shipping.kind, ...shippingCost }],
    }),
    buyingOptions: listing.buyingOptions,
    ...auction(listing),
    ...(epid !== null && { epid }),
    ...(buyer.affiliateCampaignId !== null &&
      site.country !== 'SG' && {
        itemAffiliateWebUrl: `${page}?campid=${encodeURIComponent(buyer.affiliateCampaignId)}`,
      }),
    itemWebUrl: page,
    itemLocation: {
      ...(extended && { city: 'Springfield' }),
      ...(chance(listing, 'postcode', 0.74) && { postalCode: `${100 + (listing.dice % 900)}**` }),
      country: listing.country,
    },
    ...(listing.pictured && { additionalImages: additionalImages(listing, origin) }),
    ...(extended && { shortDescription: `${wording.title}. ${leaf.name}.` }),
    adultOnly: false,
    legacyItemId: legacyId,
    availableCoupons: chance(listing, 'coupon', 0.08),
    ...(chance(listing, 'origin', 0.31) && { itemOriginDate: listedAt }),
    itemCreationDate: listedAt,
    topRatedBuyingExperience: chance(listing, 'top', 0.4),
    priorityListing: chance(listing, 'priority', 0.25),
    ...(!(listing.foreignCurrency !== null && chance(listing, 'market', 0.7)) && {
      listingMarketplaceId: site.id,
    }),
  };
}

/** The item as `item/{id}` shows it: a pure auction has its bid in `price` here, unlike in a search. */
export function describe(listing: Listing, catalogue: Catalogue, origin: string, buyer: BuyerContext) {
  const { itemId, legacyId, site, family, wording } = listing;
  const { leaf } = family;
  const price = listing.priceCents ?? listing.bidCents;
  const [gtin, epid] = [gtinOf(listing), epidOf(listing)];
  return {
    itemId,
    sellerItemRevision: String(1 + (listing.dice % 9)),
    title: wording.title,
    shortDescription: `${wording.title}. ${leaf.name}.`,
    ...(price !== null && { price: amount(price, listing) }),
    categoryPath: `${leaf.department.name}|${leaf.name}`,
    categoryIdPath: `${leaf.department.id}|${leaf.id}`,
    categoryId: leaf.id,
    ...condition(listing),
    itemLocation: { city: 'Springfield', country: listing.country },
    ...(listing.pictured && {
      image: imageOf(listing, origin, 0),
      additionalImages: additionalImages(listing, origin),
    }),
    color: wording.colour,
    ...(wording.brand !== null && {
      brand: wording.brand,
      mpn: `${wording.brand.slice(0, 3).toUpperCase()}-${family.number}${modelOf(listing)}`,
    }),
    itemCreationDate: timestamp(listing.listedAt),
    seller: sellerOf(listing, catalogue),
    ...(gtin !== null && { gtin }),
    ...(epid !== null && { epid }),
    ...marketingPrice(listing),
    estimatedAvailabilities: [availability(listing)],
    ...shipping(listing, buyer),
    shipToLocations: {
      regionIncluded: [
        listing.shipsAbroad
          ? { regionName: 'Worldwide', regionType: 'WORLDWIDE', regionId: 'WORLDWIDE' }
          : { regionName: site.country, regionType: 'COUNTRY', regionId: site.country },
      ],
    },
    returnTerms: listing.returnsAccepted
      ? {
          returnsAccepted: true,
          refundMethod: 'MONEY_BACK',
          returnShippingCostPayer: chance(listing, 'returns', 0.4) ? 'SELLER' : 'BUYER',
          returnPeriod: { value: listing.dice % 2 === 0 ? 30 : 14, unit: 'CALENDAR_DAY' },
        }
      : { returnsAccepted: false },
    localizedAspects: aspects(listing),
    topRatedBuyingExperience: chance(listing, 'top', 0.4),
    buyingOptions: listing.buyingOptions,
    ...auction(listing),
    ...(listing.grouped && {
      primaryItemGroup: {
        itemGroupId: legacyId,
        itemGroupType: 'SELLER_DEFINED_VARIATIONS',
        itemGroupHref: groupHref(origin, legacyId),
        itemGroupTitle: wording.title,
      },
    }),
    itemWebUrl: `${origin}/itm/${legacyId}`,
    description: `<div><p>${escapeHtml(wording.title)}</p><p>${escapeHtml(family.features.join(', '))}</p></div>`,
    enabledForGuestCheckout: true,
    eligibleForInlineCheckout: true,
    adultOnly: false,
    priorityListing: chance(listing, 'priority', 0.25),
    legacyItemId: legacyId,
    listingMarketplaceId: site.id,
  };
}

/** Sites where eBay says whether a seller is a business. */
export function hasAccountTypes({ country }: Site): boolean {
  return 'AT BE CH DE ES FR GB IE IT PL'.includes(country);
}

function sellerOf({ seller, site }: Listing, catalogue: Catalogue) {
  const { accountType, ...shown } = catalogue.seller(seller);
  return { ...shown, ...(hasAccountTypes(site) && { sellerAccountType: accountType }) };
}

function condition({ conditionId, site }: Listing) {
  return conditionId === null ? {} : { condition: conditionText(conditionId, site.language), conditionId };
}

function imageOf({ legacyId }: Listing, origin: string, view: number) {
  return { imageUrl: `${origin}/pictures/${legacyId}/${view}.svg` };
}

function additionalImages(listing: Listing, origin: string) {
  return Array.from({ length: listing.dice % 5 }, (_, index) => imageOf(listing, origin, index + 1));
}

function timestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}.000Z`;
}

function groupHref(origin: string, legacyId: string): string {
  return `${origin}/buy/browse/v1/item/get_items_by_item_group?item_group_id=${legacyId}`;
}

/** Listings of one family and model are offers of one catalogue product. */
function modelOf({ dice }: Listing): number {
  return dice % 900;
}

/** eBay's own product number, or null. */
export function epidOf(listing: Listing): string | null {
  if (!chance(listing, 'epid', 0.35)) return null;
  return String(27_000_000_000 + listing.family.number * 1_000_000 + modelOf(listing));
}

/** A product code (GTIN-13) from the range that is reserved for use inside a shop, with its check digit; or null. */
export function gtinOf(listing: Listing): string | null {
  if (!chance(listing, 'gtin', 0.6)) return null;
  const digits = `2${String(listing.family.number).padStart(3, '0')}${String(modelOf(listing)).padStart(8, '0')}`;
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** Money as eBay writes it. `cents` in the site's currency. */
function amount(cents: number, listing: Listing) {
  const { foreignCurrency, site } = listing;
  return {
    value: decimal(cents),
    currency: site.currency,
    ...(foreignCurrency !== null && {
      convertedFromValue: decimal(convert(cents, site.currency, foreignCurrency)),
      convertedFromCurrency: foreignCurrency,
    }),
  };
}

function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** A yes or no that the listing always answers the same way. */
export function chance(listing: Listing, what: string, share: number): boolean {
  return hash(listing.dice, what) / 4294967296 < share;
}

/** What delivery costs this buyer, or null where eBay cannot know. */
function shippingCents(listing: Listing, buyer: BuyerContext): number | null {
  const { shipping } = listing;
  if (shipping === null) return null;
  if (shipping.kind === 'FIXED') return shipping.cents;
  if (buyer.country === null) return null;
  const far = buyer.country === listing.country ? 1 : 2.5;
  const zone = 0.8 + (hash(listing.dice, buyer.postalCode?.slice(0, 1) ?? '') % 5) / 10;
  return Math.round(shipping.baseCents * far * zone);
}

function auction(listing: Listing) {
  if (listing.bidCents === null || listing.endsAt === null) return {};
  return {
    bidCount: listing.bids,
    currentBidPrice: amount(listing.bidCents, listing),
    itemEndDate: timestamp(listing.endsAt),
  };
}

function marketingPrice(listing: Listing) {
  if (listing.priceCents === null || !chance(listing, 'discount', 0.12)) return {};
  const percentage = 5 + (listing.dice % 9) * 5;
  if (chance(listing, 'bare discount', 0.2)) {
    return { marketingPrice: { discountPercentage: String(percentage) } };
  }
  const original = Math.round((listing.priceCents * 100) / (100 - percentage));
  return {
    marketingPrice: {
      originalPrice: amount(original, listing),
      discountPercentage: String(percentage),
      discountAmount: amount(original - listing.priceCents, listing),
      priceTreatment: 'STRIKE_THROUGH',
    },
  };
}

function availability(listing: Listing) {
  const status = listing.stock === 0 ? 'OUT_OF_STOCK' : listing.stock < 3 ? 'LIMITED_STOCK' : 'IN_STOCK';
  // A part of the listings with plenty says "more than 10" instead of a number.
  const quantity =
    listing.stock > 10 && hash(listing.dice, 'threshold') % 2 === 0
      ? { availabilityThresholdType: 'MORE_THAN', availabilityThreshold: 10 }
      : { estimatedAvailableQuantity: listing.stock };
  return {
    deliveryOptions: ['SHIP_TO_HOME'],
    estimatedAvailabilityStatus: status,
    ...quantity,
    estimatedSoldQuantity: listing.sold,
  };
}

function shipping(listing: Listing, buyer: BuyerContext) {
  if (listing.shipping === null) return {};
  const cents = shippingCents(listing, buyer);
  return {
    shippingOptions: [
      {
        shippingServiceCode: 'Standard Parcel',
        type: 'Standard Shipping',
        ...(cents !== null && {
          shippingCost: amount(cents, listing),
          additionalShippingCostPerUnit: amount(0, listing),
        }),
        quantityUsedForEstimate: 1,
        shippingCostType: listing.shipping.kind,
      },
    ],
  };
}

function aspects(listing: Listing) {
  const { wording, family, site } = listing;
  const colourName = site.language === 'de' ? 'Farbe' : site.country === 'US' ? 'Color' : 'Colour';
  const pairs = [
    ['Brand', wording.brand ?? 'Unbranded'],
    ['Type', family.noun],
    [colourName, wording.colour],
    ['Features', wording.feature],
    ['Model', wording.version],
  ] as const;
  return pairs.map(([name, value]) => ({ type: 'STRING', name, value }));
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
