import { hash } from '../random.ts';
import type { Catalogue } from './catalogue.ts';
import { conditionText } from './families.ts';
import { epidOf, gtinOf, type Listing } from './listing.ts';
import { convert } from './marketplaces.ts';

/** Where the buyer is and who sent them, from the `X-EBAY-C-ENDUSERCTX` header. */
export interface BuyerContext {
  readonly country: string | null;
  readonly postalCode: string | null;
  readonly affiliateCampaignId: string | null;
}

export interface SummaryOptions {
  readonly buyer: BuyerContext;
  /** fieldgroups=EXTENDED: short description and city. */
  readonly extended: boolean;
}

/** Money as eBay writes it. `cents` in the site's currency. */
export function amount(cents: number, listing: Listing) {
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

export function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** A yes or no that the listing always answers the same way. */
export function chance(listing: Listing, what: string, share: number): boolean {
  return hash(listing.dice, what) / 4294967296 < share;
}

/** The item as `item_summary/search` shows it. `origin` is where the simulator's pictures and pages are. */
export function summarise(listing: Listing, catalogue: Catalogue, origin: string, options: SummaryOptions) {
  const { legacyId, itemId, site, family } = listing;
  const seller = catalogue.seller(listing.seller);
  const { department } = family.leaf;
  return {
    itemId,
    title: listing.wording.title,
    ...(listing.grouped && { itemGroupHref: groupHref(origin, legacyId) }),
    leafCategoryIds: [family.leaf.id],
    categories: [
      { categoryId: family.leaf.id, categoryName: family.leaf.name },
      { categoryId: department.id, categoryName: department.name },
    ],
    ...(listing.pictured && { image: { imageUrl: pictureUrl(origin, legacyId, 0) } }),
    ...(listing.priceCents !== null && { price: amount(listing.priceCents, listing) }),
    ...(listing.grouped && { itemGroupType: 'SELLER_DEFINED_VARIATIONS' }),
    itemHref: `${origin}/buy/browse/v1/item/${encodeURIComponent(itemId)}`,
    seller: {
      username: seller.username,
      feedbackPercentage: seller.feedbackPercentage,
      feedbackScore: seller.feedbackScore,
      ...(ACCOUNT_TYPE_SITES.has(site.country) && { sellerAccountType: seller.accountType }),
    },
    ...marketingPrice(listing),
    ...(listing.conditionId !== null && {
      condition: conditionText(listing.conditionId, site.language),
      conditionId: listing.conditionId,
    }),
    ...(listing.pictured && { thumbnailImages: [{ imageUrl: pictureUrl(origin, legacyId, 0) }] }),
    ...shippingOptions(listing, options.buyer),
    buyingOptions: listing.buyingOptions,
    ...auction(listing),
    ...(chance(listing, 'epid', 0.35) && { epid: epidOf(family.number, listing.dice % 900) }),
    ...(options.buyer.affiliateCampaignId !== null &&
      site.country !== 'SG' && {
        itemAffiliateWebUrl: `${webUrl(origin, legacyId)}?campid=${encodeURIComponent(options.buyer.affiliateCampaignId)}`,
      }),
    itemWebUrl: webUrl(origin, legacyId),
    itemLocation: {
      ...(options.extended && { city: 'Springfield' }),
      ...(chance(listing, 'postcode', 0.74) && { postalCode: `${100 + (listing.dice % 900)}**` }),
      country: listing.country,
    },
    ...(listing.pictured && {
      additionalImages: Array.from({ length: listing.dice % 5 }, (_, at) => ({
        imageUrl: pictureUrl(origin, legacyId, at + 1),
      })),
    }),
    ...(options.extended && { shortDescription: `${listing.wording.title}. ${family.leaf.name}.` }),
    adultOnly: false,
    legacyItemId: legacyId,
    availableCoupons: chance(listing, 'coupon', 0.08),
    ...(chance(listing, 'origin', 0.31) && { itemOriginDate: timestamp(listing.listedAt) }),
    itemCreationDate: timestamp(listing.listedAt),
    topRatedBuyingExperience: chance(listing, 'top', 0.4),
    priorityListing: chance(listing, 'priority', 0.25),
    ...(!(listing.foreignCurrency !== null && chance(listing, 'market', 0.7)) && {
      listingMarketplaceId: site.id,
    }),
  };
}

/** Sites where eBay says whether a seller is a business. */
export const ACCOUNT_TYPE_SITES: ReadonlySet<string> = new Set('AT BE CH DE ES FR GB IE IT PL'.split(' '));

export function timestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}.000Z`;
}

export function pictureUrl(origin: string, legacyId: string, view: number): string {
  return `${origin}/pictures/${legacyId}/${view}.svg`;
}

export function webUrl(origin: string, legacyId: string): string {
  return `${origin}/itm/${legacyId}`;
}

export function groupHref(origin: string, legacyId: string): string {
  return `${origin}/buy/browse/v1/item/get_items_by_item_group?item_group_id=${legacyId}`;
}

/** What delivery costs this buyer, or null where eBay cannot tell. */
export function shippingCents(listing: Listing, buyer: BuyerContext): number | null {
  const { shipping } = listing;
  if (shipping === null) return null;
  if (shipping.kind === 'FIXED') return shipping.cents;
  if (buyer.country === null) return null;
  const far = buyer.country === listing.country ? 1 : 2.5;
  const zone = 0.8 + (hash(listing.dice, buyer.postalCode?.slice(0, 1) ?? '') % 5) / 10;
  return Math.round(shipping.baseCents * far * zone);
}

function shippingOptions(listing: Listing, buyer: BuyerContext) {
  if (listing.shipping === null) return {};
  const cents = shippingCents(listing, buyer);
  const shippingCost = cents === null ? {} : { shippingCost: amount(cents, listing) };
  return { shippingOptions: [{ shippingCostType: listing.shipping.kind, ...shippingCost }] };
}

export function auction(listing: Listing) {
  if (listing.bidCents === null || listing.endsAt === null) return {};
  return {
    bidCount: listing.bids,
    currentBidPrice: amount(listing.bidCents, listing),
    itemEndDate: timestamp(listing.endsAt),
  };
}

export function marketingPrice(listing: Listing) {
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

/** The item as `item/{id}` shows it: a pure auction has its bid in `price` here, unlike in a search. */
export function describe(listing: Listing, catalogue: Catalogue, origin: string, buyer: BuyerContext) {
  const { itemId, legacyId, site, family, wording } = listing;
  const seller = catalogue.seller(listing.seller);
  const { department } = family.leaf;
  const price = listing.priceCents ?? listing.bidCents;
  const model = listing.dice % 900;
  return {
    itemId,
    sellerItemRevision: String(1 + (listing.dice % 9)),
    title: wording.title,
    shortDescription: `${wording.title}. ${family.leaf.name}.`,
    ...(price !== null && { price: amount(price, listing) }),
    categoryPath: `${department.name}|${family.leaf.name}`,
    categoryIdPath: `${department.id}|${family.leaf.id}`,
    categoryId: family.leaf.id,
    ...(listing.conditionId !== null && {
      condition: conditionText(listing.conditionId, site.language),
      conditionId: listing.conditionId,
    }),
    itemLocation: { city: 'Springfield', country: listing.country },
    ...(listing.pictured && {
      image: { imageUrl: pictureUrl(origin, legacyId, 0) },
      additionalImages: Array.from({ length: listing.dice % 5 }, (_, at) => ({
        imageUrl: pictureUrl(origin, legacyId, at + 1),
      })),
    }),
    color: wording.colour,
    ...(wording.brand !== null && { brand: wording.brand, mpn: mpn(listing, model) }),
    itemCreationDate: timestamp(listing.listedAt),
    seller: {
      username: seller.username,
      feedbackPercentage: seller.feedbackPercentage,
      feedbackScore: seller.feedbackScore,
      ...(ACCOUNT_TYPE_SITES.has(site.country) && { sellerAccountType: seller.accountType }),
    },
    ...(chance(listing, 'gtin', 0.6) && { gtin: gtinOf(family.number, model) }),
    ...(chance(listing, 'epid', 0.35) && { epid: epidOf(family.number, model) }),
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
    itemWebUrl: webUrl(origin, legacyId),
    description: `<div><p>${escapeHtml(wording.title)}</p><p>${escapeHtml(family.features.join(', '))}</p></div>`,
    enabledForGuestCheckout: true,
    eligibleForInlineCheckout: true,
    adultOnly: false,
    priorityListing: chance(listing, 'priority', 0.25),
    legacyItemId: legacyId,
    listingMarketplaceId: site.id,
  };
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

function mpn(listing: Listing, model: number): string {
  return `${(listing.wording.brand ?? '').slice(0, 3).toUpperCase()}-${listing.family.number}${model}`;
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
