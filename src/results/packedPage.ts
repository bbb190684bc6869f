import type { PageAnswer } from '../collector/pageAnswer.ts';
import type { PageHead } from '../collector/pageHead.ts';
import type { Money } from '../product/money.ts';
import type { Product } from '../product/product.ts';
import { pack, unpack } from './packing.ts';

/**
 * A page as it is kept: each product a row of values, for its fields' names are half of its JSON and packing it takes half
 * as long without them. Marketplace and time are the page's own.
 *
 * What is stored outlives the program that stored it: rows of another layout need another name than `rows`.
 */
type Kept = Omit<PageAnswer, 'products'> & { rows: Row[] };
type Row = ReturnType<typeof rowOf>;

/** A head's products: their ids, and the places of those that do not fit. */
type KeptHead = Omit<PageHead, 'products'> & { ids: string[]; unfit: number[] };

export function packPage({ products, ...page }: PageAnswer): Buffer {
  return pack({ ...page, rows: products.map(rowOf) } satisfies Kept);
}

export function unpackPage(packed: Buffer): PageAnswer {
  const { rows, ...page } = unpack<Kept>(packed);
  return { ...page, products: rows.map((row) => productOf(row, page)) };
}

export function packHead({ products, ...page }: PageHead): Buffer {
  const ids = products.map(({ itemId }) => itemId);
  const unfit = products.flatMap(({ fits }, index) => (fits ? [] : [index]));
  return pack({ ...page, ids, unfit } satisfies KeptHead);
}

export function unpackHead(packed: Buffer): PageHead {
  const { ids, unfit, ...page } = unpack<KeptHead>(packed);
  const { marketplace } = page;
  const misfits = new Set(unfit);
  const products = ids.map((itemId, index) => ({ itemId, marketplace, fits: !misfits.has(index) }));
  return { ...page, products };
}

/** Marks and details are kept elsewhere. */
function rowOf(product: Product) {
  const { shipping, auction, seller, location, group } = product;
  return [
    product.itemId,
    product.legacyItemId,
    product.title,
    product.url,
    product.images,
    pairOf(product.price),
    shipping.kind,
    pairOf(shipping.cost),
    pairOf(product.total),
    pairOf(product.converted),
    auction && ([pairOf(auction.currentBid), auction.bidCount, auction.endsAt] as const),
    product.condition,
    product.conditionId,
    product.buyingOptions,
    seller.feedbackPercentage,
    seller.feedbackScore,
    seller.topRated,
    location.country,
    location.city,
    location.postalCode,
    product.categoryIds,
    product.epid,
    group && ([group.id, group.type] as const),
    product.listedAt,
    product.rank,
  ] as const;
}

function productOf(
  row: Row,
  { marketplace, observedAt }: Pick<PageAnswer, 'marketplace' | 'observedAt'>,
): Product {
  const [
    itemId,
    legacyItemId,
    title,
    url,
    images,
    price,
    kind,
    cost,
    total,
    converted,
    auction,
    condition,
    conditionId,
    buyingOptions,
    feedbackPercentage,
    feedbackScore,
    topRated,
    country,
    city,
    postalCode,
    categoryIds,
    epid,
    group,
    listedAt,
    rank,
  ] = row;
  return {
    itemId,
    legacyItemId,
    marketplace,
    title,
    url,
    images,
    price: moneyOf(price),
    shipping: { kind, cost: moneyOf(cost) },
    total: moneyOf(total),
    converted: moneyOf(converted),
    auction: auction && { currentBid: moneyOf(auction[0]), bidCount: auction[1], endsAt: auction[2] },
    condition,
    conditionId,
    buyingOptions,
    seller: { feedbackPercentage, feedbackScore, topRated },
    location: { country, city, postalCode },
    categoryIds,
    epid,
    group: group && { id: group[0], type: group[1] },
    listedAt,
    observedAt,
    rank,
  };
}

function pairOf(money: Money | null) {
  return money && ([money.value, money.currency] as const);
}

function moneyOf(pair: ReturnType<typeof pairOf>): Money | null {
  return pair && { value: pair[0], currency: pair[1] };
}
