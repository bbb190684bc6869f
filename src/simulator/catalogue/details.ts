import { hash } from '../random.ts';
import type { Catalogue } from './catalogue.ts';
import { conditionText } from './conditions.ts';
import { epidOf, gtinOf } from './itemId.ts';
import type { Listing } from './listing.ts';
import {
  ACCOUNT_TYPE_SITES,
  amount,
  auction,
  type BuyerContext,
  chance,
  groupHref,
  marketingPrice,
  pictureUrl,
  shippingCents,
  timestamp,
  webUrl,
} from './summary.ts';

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
