import { fraction, hash } from '../random.ts';
import { conditionText } from './families.ts';
import { itemTerms } from './itemTerms.ts';
import { chance, type Listing } from './listing.ts';
import { convert, SITES, type Site } from './marketplaces.ts';
import { COLOURS } from './title.ts';

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
  const { legacyId, family, grouped, pictured } = listing;
  const { leaf } = family;
  const shared = sharedFields(listing, origin, buyer);
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
    thumbnailImages: pictured ? [image(listing, origin, 0, largeOf(listing))] : undefined,
    shippingOptions: shippingOptions(listing, buyer),
    pickupOptions: canOnlyBeFetched(listing) ? [{ pickupLocationType: 'ARRANGED_LOCATION' }] : undefined,
    itemLocation: {
      city: extended ? CITY : undefined,
      postalCode: chance(listing, 'postcode', 0.74) ? `${100 + (listing.dice % 900)}**` : undefined,
      country: listing.country,
    },
    shortDescription: extended ? shortDescription(listing) : undefined,
    availableCoupons: chance(listing, 'coupon', 0.08),
    itemOriginDate: chance(listing, 'origin', 0.31) ? shared.itemCreationDate : undefined,
    listingMarketplaceId: marketplaceOf(listing),
    legacyItemId: legacyId,
  };
}

/**
 * The item as `item/{id}` shows it: a pure auction has its bid in `price` here, unlike in a search. `quantity` is what
 * shipping is estimated for.
 */
export function describe(listing: Listing, origin: string, buyer: BuyerContext, quantity: number) {
  const { dice, legacyId, site, family, wording } = listing;
  const { title, brand } = wording;
  const { leaf } = family;
  return {
    ...sharedFields(listing, origin, buyer),
    image: listing.pictured ? image(listing, origin, 0, largeOf(listing)) : undefined,
    additionalImages: additionalImages(listing, origin, 1600),
    sellerItemRevision: String(listing.revision),
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
    shippingOptions: shippingServices(listing, buyer, quantity),
    ...itemTerms(listing, epidOf(listing), (cents) => amount(listing, cents)),
    shipToLocations: {
      regionIncluded: listing.shipsAbroad
        ? [{ regionName: 'Worldwide', regionType: 'WORLDWIDE', regionId: 'WORLDWIDE' }]
        : [{ regionName: site.country, regionType: 'COUNTRY', regionId: site.country }],
      regionExcluded: listing.shipsAbroad
        ? [{ regionName: 'Iceland', regionType: 'COUNTRY', regionId: 'IS' }]
        : undefined,
    },
    returnTerms: listing.returnsAccepted
      ? {
          returnsAccepted: true,
          refundMethod: 'MONEY_BACK',
          returnShippingCostPayer: chance(listing, 'returns', 0.4) ? 'SELLER' : 'BUYER',
          returnPeriod: { value: dice % 2 === 0 ? 30 : 14, unit: 'CALENDAR_DAY' },
        }
      : { returnsAccepted: false },
    localizedAspects: Object.entries(ASPECTS)
      .map(([name, read]) => ({
        type: 'STRING',
        name: name === 'Color' ? colourName(site) : name,
        value: read(listing),
      }))
      .filter(({ value }) => value !== ''),
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
    listingMarketplaceId: marketplaceOf(listing) ?? site.id,
    legacyItemId: legacyId,
  };
}

const CITY = 'Springfield';

/** What a search and an item show alike. */
function sharedFields(listing: Listing, origin: string, { affiliateCampaignId }: BuyerContext) {
  const { legacyId, site, seller, conditionId, auction } = listing;
  const itemWebUrl = `${origin}/itm/${legacyId}`;
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
    priceDisplayCondition: chance(listing, 'advertised', 0.004) ? 'ONLY_SHOW_ON_REQUEST' : undefined,
    ...unitPrice(listing),
    qualifiedPrograms: qualifiedPrograms(listing),
    energyEfficiencyClass:
      site.country === 'DE' && chance(listing, 'energy', 0.1) ? 'ABCDEFG'[listing.dice % 7] : undefined,
    buyingOptions: listing.buyingOptions,
    bidCount: auction?.bids,
    currentBidPrice: amount(listing, auction?.bidCents),
    itemEndDate: endOf(listing),
    epid: epidOf(listing),
    itemWebUrl,
    itemAffiliateWebUrl:
      affiliateCampaignId !== undefined && site.country !== 'SG'
        ? `${itemWebUrl}?campid=${encodeURIComponent(affiliateCampaignId)}`
        : undefined,
    itemCreationDate: listing.ofMarket
      ? new Date(listing.listedAt).toISOString()
      : timestamp(listing.listedAt),
    topRatedBuyingExperience: chance(listing, 'top', 0.4),
    priorityListing: isPromoted(listing),
    adultOnly: false,
  };
}

/** The longer side of the pictures in a search, except thumbnails, which are the large ones there. */
const SMALL = 225;
/** Upper bounds of draws and the size of the main picture below them. 4 % of real ones are small everywhere. */
const LARGE = [
  [0.594, 1600],
  [0.771, 960],
  [0.902, 1200],
  [0.964, 500],
] as const;

function largeOf({ dice }: Listing): number {
  const draw = fraction(dice, 'size');
  return LARGE.find(([bound]) => draw < bound)?.[1] ?? SMALL;
}

/**
 * The site of a listing: another one than was searched for 1.5 % of real items. For most listings with converted prices
 * eBay does not say it.
 */
function marketplaceOf({ dice, site, foreignCurrency, country }: Listing): string | undefined {
  if (foreignCurrency === null) return site.id;
  const draw = fraction(dice, 'market');
  const home = SITES.find((each) => each.country === country && each.currency === foreignCurrency);
  return draw < 0.7 ? undefined : draw < 0.95 ? home?.id : site.id;
}

function image({ legacyId }: Listing, origin: string, view: number, size: number) {
  return { imageUrl: `${origin}/pictures/${legacyId}/${view}/s-l${size}.svg` };
}

function additionalImages(listing: Listing, origin: string, size: number) {
  if (!listing.pictured) return undefined;
  return Array.from({ length: listing.dice % 5 }, (_, index) => image(listing, origin, index + 1, size));
}

/** Most real listings without shipping options: 75 of 87. */
export function canOnlyBeFetched(listing: Listing): boolean {
  return listing.shipping === null && chance(listing, 'pickup', 0.86);
}

/** A seller has paid for its place. */
export function isPromoted(listing: Listing): boolean {
  return chance(listing, 'priority', 0.17);
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

function endOf({ auction, endedAt }: Listing): string | undefined {
  const at = endedAt ?? auction?.endsAt;
  return at === undefined ? undefined : timestamp(at);
}

export function groupHref({ legacyId }: Listing, origin: string): string {
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

/** What the catalogue says of the product of a listing that names one: fieldgroups=PRODUCT. */
export function catalogueProduct(listing: Listing, origin: string) {
  const epid = epidOf(listing);
  if (epid === undefined) return undefined;
  const { wording, family } = listing;
  const gtin = gtinOf(listing);
  return {
    title: `${wording.brand ?? 'Unbranded'} ${family.noun} ${modelOf(listing)}`,
    brand: wording.brand ?? undefined,
    gtins: gtin === undefined ? undefined : [gtin],
    image: image(listing, origin, 0, 1600),
    additionalProductIdentities: [{ productIdentity: [{ identifierType: 'EPID', identifierValue: epid }] }],
    aspectGroups: [
      {
        localizedGroupName: 'Product Key Features',
        aspects: [{ localizedName: 'Type', localizedValues: [family.noun] }],
      },
    ],
  };
}

/** Money as eBay writes it. `cents` in the site's currency, before exchange rates moved: the seller's amount stays. */
function amount({ foreignCurrency, site, rate }: Listing, cents: number | null | undefined) {
  if (cents === null || cents === undefined) return undefined;
  const value = (Math.round(cents * rate) / 100).toFixed(2);
  if (foreignCurrency === null) return { value, currency: site.currency };
  const convertedFromValue = (convert(cents, site.currency, foreignCurrency) / 100).toFixed(2);
  return { value, currency: site.currency, convertedFromValue, convertedFromCurrency: foreignCurrency };
}

/** What delivery costs, undefined where eBay does not say: a calculated cost is known only for a buyer whose country is. */
function shippingCents({ shipping, country, dice }: Listing, buyer: BuyerContext): number | undefined {
  if (shipping === null || shipping.kind === 'FIXED') return shipping?.cents;
  const far = buyer.country === country ? 1 : 2.5;
  const zone = 0.8 + (hash(dice, buyer.postalCode?.slice(0, 1) ?? '') % 5) / 10;
  return buyer.country === undefined ? undefined : Math.round(shipping.cents * far * zone);
}

function shippingOptions(listing: Listing, buyer: BuyerContext) {
  const { shipping, delivery } = listing;
  if (shipping === null) return undefined;
  return [
    {
      shippingCostType: shipping.kind,
      shippingCost: amount(listing, shippingCents(listing, buyer)),
      minEstimatedDeliveryDate: delivery ? timestamp(delivery.first) : undefined,
      maxEstimatedDeliveryDate: delivery ? timestamp(delivery.last) : undefined,
    },
  ];
}

/** Name, code and price against the standard one. */
const SERVICES = [
  ['Standard Shipping', 'Standard Parcel', 0],
  ['Expedited Shipping', 'Express Parcel', 700],
  ['One-day Shipping', 'Overnight Parcel', 2100],
] as const;

/** An item names every service, the standard one first: several for 2 of 7 real items. */
function shippingServices(listing: Listing, buyer: BuyerContext, quantity: number) {
  const [option] = shippingOptions(listing, buyer) ?? [];
  if (option === undefined) return undefined;
  const count = chance(listing, 'services', 2 / 7) ? 2 + (listing.dice % 2) : 1;
  const cents = shippingCents(listing, buyer);
  const { delivery } = listing;
  const { country, postalCode } = buyer;
  return SERVICES.slice(0, count).map(([type, shippingServiceCode, more], index) => {
    const single = cents === undefined ? undefined : cents + convert(more, 'USD', listing.site.currency);
    const perUnit = single === undefined ? undefined : Math.round(single / 2);
    return {
      ...option,
      // A dearer service comes sooner.
      maxEstimatedDeliveryDate: delivery
        ? timestamp(delivery.first + (delivery.last - delivery.first) / (index + 1))
        : undefined,
      shippingServiceCode,
      shippingCarrierCode: 'Simulated Post',
      type,
      shippingCost: amount(listing, single && single + (perUnit ?? 0) * (quantity - 1)),
      additionalShippingCostPerUnit: amount(listing, perUnit),
      quantityUsedForEstimate: quantity,
      shipToLocationUsedForEstimate: country === undefined ? undefined : { country, postalCode },
    };
  });
}

/** The items of a listing: its variations, the first of which a search shows, or the listing itself. */
export function variationsOf(listing: Listing): Listing[] {
  const { legacyId, itemId, wording, priceCents, dice, grouped } = listing;
  // In a market a listing is sold out with all of its variations.
  const isGone = listing.ofMarket && listing.stock === 0;
  const [, , first] = itemId.split('|');
  const colour = COLOURS.indexOf(wording.colour);
  const others = Array.from({ length: grouped ? 1 + (dice % 4) : 0 }, (_, index) => ({
    ...listing,
    itemId: `v1|${legacyId}|${Number(first) + index + 1}`,
    wording: { ...wording, colour: COLOURS[(colour + index + 1) % COLOURS.length] as string },
    priceCents: priceCents === null ? null : priceCents + (index + 1) * (dice % 3) * 100,
    stock: isGone ? 0 : hash(dice, 'stock', index) % 40,
  }));
  return [listing, ...others];
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
    priceTreatment: chance(listing, 'list price', 0.3) ? 'LIST_PRICE' : 'MARKDOWN',
  };
}

/** Countries whose law wants the price of a unit said. */
const UNIT_PRICED = ['AT', 'BE', 'DE', 'ES', 'FR', 'IE', 'IT', 'NL'];

function unitPrice(listing: Listing) {
  const { priceCents, site, dice } = listing;
  if (priceCents === null || !UNIT_PRICED.includes(site.country) || !chance(listing, 'unit', 0.1)) return {};
  const pieces = 2 + (dice % 9);
  return { unitPrice: amount(listing, Math.round(priceCents / pieces)), unitPricingMeasure: '1 Unit' };
}

/** eBay Plus is for buyers in these countries. */
export function hasPlus({ country }: Site): boolean {
  return ['AT', 'AU', 'DE'].includes(country);
}

export function qualifiedPrograms(listing: Listing): string[] | undefined {
  const isPlus = hasPlus(listing.site) && chance(listing, 'plus', 0.1);
  if (isPlus) return ['EBAY_PLUS'];
  return chance(listing, 'authentic', 0.01) ? ['AUTHENTICITY_GUARANTEE'] : undefined;
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

/** Aspects by their name on EBAY_US, with what a listing says for them; empty where it says nothing. */
export const ASPECTS: Readonly<Record<string, (listing: Listing) => string>> = {
  Brand: (listing) => listing.wording.brand ?? (chance(listing, 'no-brand', 0.3) ? '' : 'Unbranded'),
  Type: ({ family }) => family.noun,
  Color: ({ wording }) => wording.colour,
  Features: ({ wording }) => wording.feature,
  Model: ({ wording }) => wording.version,
};

export function colourName({ country, language }: Site): string {
  return language === 'de' ? 'Farbe' : country === 'US' ? 'Color' : 'Colour';
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
