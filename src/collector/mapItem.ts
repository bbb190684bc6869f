import type { WireItemSummary } from '../ebay/wire.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { add, isZero, type Money } from '../product/money.ts';
import type { Auction, Product } from '../product/product.ts';
import { mapShipping } from './mapShipping.ts';
import {
  amount,
  decimal,
  distinct,
  type Fields,
  fields,
  flag,
  identifier,
  instant,
  integer,
  list,
  naturalNumber,
  originalAmount,
  text,
  webAddress,
} from './readJson.ts';

/** Why a listing could not become a product: a closed list, for it is counted by these words. */
export type Rejection = 'not-an-object' | 'no-item-id' | 'no-title' | 'no-price' | 'bad-price' | 'bad-url';

export type MappedItem = { product: Product } | { rejected: Rejection };

/** Where and when the listing was seen. */
export interface Sighting {
  marketplace: MarketplaceId;
  /** When eBay answered, ISO 8601. */
  observedAt: string;
  /** Place in eBay's order on this marketplace, from 1. */
  rank: number;
}

/** Names of wire fields, checked against their declaration. */
type Wire = { [Name in keyof WireItemSummary]?: unknown };

/** An item summary of a search answer as a product, or the reason why not. Takes any JSON and never throws. */
export function mapItem(json: unknown, sighting: Sighting): MappedItem {
  const item: Wire | null = fields(json);
  if (item === null) return { rejected: 'not-an-object' };
  const itemId = identifier(item.itemId, 100);
  if (itemId === null) return { rejected: 'no-item-id' };
  const title = text(item.title, 300);
  if (title === null) return { rejected: 'no-title' };
  const url = webAddress(item.itemWebUrl, 4096) ?? webAddress(item.itemAffiliateWebUrl, 4096);
  if (url === null) return { rejected: 'bad-url' };

  const buyingOptions = distinct(list(item.buyingOptions).map((option) => text(option, 40)));
  const price = readPrice(item, buyingOptions);
  if (typeof price === 'string') return { rejected: price };
  const shipping = mapShipping(item.shippingOptions, price?.currency);
  const [, legacyPart, variation] = itemId.split('|');
  const legacyItemId = identifier(item.legacyItemId, 50) ?? identifier(legacyPart, 50);

  return {
    product: {
      itemId,
      legacyItemId,
      marketplace: sighting.marketplace,
      title,
      url,
      images: readImages(item),
      price,
      shipping,
      total: price !== null && shipping.cost !== null ? add(price, shipping.cost) : null,
      converted: price === null ? null : originalAmount(item.price),
      auction: readAuction(item, buyingOptions),
      condition: text(item.condition, 100),
      conditionId: identifier(item.conditionId, 20),
      buyingOptions,
      seller: readSeller(item),
      location: readLocation(fields(item.itemLocation) ?? {}),
      categoryIds: readCategories(item),
      epid: identifier(item.epid, 50),
      group: readGroup(item, variation === undefined || variation === '0' ? null : legacyItemId),
      listedAt: instant(item.itemOriginDate) ?? instant(item.itemCreationDate),
      observedAt: sighting.observedAt,
      rank: sighting.rank,
    },
  };
}

/**
 * A pure auction has no price in a search answer; where one stands there all the same it is the bid, as in item answers.
 * Anything else without a price, or for nothing, is no offer.
 */
function readPrice(item: Wire, buyingOptions: string[]): Money | null | 'no-price' | 'bad-price' {
  const isAuction = buyingOptions.includes('AUCTION');
  if (isAuction && !buyingOptions.includes('FIXED_PRICE')) return null;
  if (item.price === undefined || item.price === null) return isAuction ? null : 'no-price';
  const price = amount(item.price);
  return price === null || isZero(price) ? 'bad-price' : price;
}

/** Told by the buying options alone: old answers carry a current bid on fixed-price listings. */
function readAuction(item: Wire, buyingOptions: string[]): Auction | null {
  if (!buyingOptions.includes('AUCTION')) return null;
  return {
    currentBid: amount(item.currentBidPrice),
    bidCount: naturalNumber(item.bidCount),
    endsAt: instant(item.itemEndDate),
  };
}

/** Thumbnails show the main image again in another size, so they only stand in for it. */
function readImages(item: Wire): string[] {
  const address = (image: unknown) => webAddress(fields(image)?.imageUrl, 2048);
  const main = address(item.image) ?? distinct(list(item.thumbnailImages).map(address))[0] ?? null;
  return distinct([main, ...list(item.additionalImages).map(address)]);
}

function readSeller(item: Wire): Product['seller'] {
  const seller: Fields = fields(item.seller) ?? {};
  const percentage = decimal(seller.feedbackPercentage);
  return {
    feedbackPercentage: percentage !== null && percentage >= 0 && percentage <= 100 ? percentage : null,
    feedbackScore: integer(seller.feedbackScore),
    topRated: flag(item.topRatedBuyingExperience),
  };
}

function readLocation({ country, city, postalCode }: Fields): Product['location'] {
  return {
    country: typeof country === 'string' && /^[A-Z]{2}$/.test(country) ? country : null,
    city: text(city, 100),
    postalCode: text(postalCode, 20),
  };
}

function readCategories(item: Wire): string[] {
  const ids = [
    ...list(item.leafCategoryIds),
    ...list(item.categories).map((category) => fields(category)?.categoryId),
  ];
  return distinct(ids.map((id) => identifier(id, 20)));
}

/** @param variationOf the listing's own id when the item's id names one of its variations. */
function readGroup(item: Wire, variationOf: string | null): Product['group'] {
  const type = text(item.itemGroupType, 50);
  const href = webAddress(item.itemGroupHref, 2048);
  const named = href === null ? null : identifier(new URL(href).searchParams.get('item_group_id'), 50);
  const id = named ?? variationOf;
  return id === null && type === null ? null : { id, type };
}
