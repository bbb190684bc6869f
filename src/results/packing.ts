import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { PageAnswer } from '../collector/answers.ts';
import type { DropReason, PageHead } from '../collector/assemble.ts';
import type { Money } from '../product/money.ts';
import type { Product } from '../product/product.ts';
import type { TrackVerdict } from '../product/track.ts';

/**
 * The lowest quality that finds repeated strings: the JSON of 200 products shrinks to a sixth in less than half a
 * millisecond. Handing so little work to another thread and waiting for it costs more than doing it.
 */
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

/** A JSON value in the form in which results are kept. */
export function pack(value: unknown): Buffer {
  return brotliCompressSync(JSON.stringify(value), QUICK);
}

/** What `pack` was given; the caller names its type. */
export function unpack<Value>(packed: Buffer): Value {
  return JSON.parse(brotliDecompressSync(packed).toString('utf8'));
}

/**
 * A page as it is kept: each product a row of values, for its fields' names are half of its JSON and packing it takes half
 * as long without them. Marketplace and time are the page's own.
 *
 * What is stored outlives the program that stored it: rows of another layout need another name than `rows`.
 */
type Kept = Omit<PageAnswer, 'products'> & {
  rows: Row[];
  /** Names of categories: most products of a page share theirs, so that a row has a place in this list. */
  categoryNames?: CategoryNames[];
};
type Row = ReturnType<typeof rowOf>;
/** In the order of the ids. */
type CategoryNames = Array<string | null>;

/** A head's products: their ids, and the places of those that do not fit, with the reasons in the same order. */
type KeptHead = Omit<PageHead, 'products'> & {
  ids: string[];
  unfit: number[];
  why?: Array<DropReason | null>;
};

export function packPage({ products, ...page }: PageAnswer): Buffer {
  const names = new ListedNames();
  const rows = products.map((product) => rowOf(product, names));
  return pack({ ...page, rows, categoryNames: names.lists } satisfies Kept);
}

export function unpackPage(packed: Buffer): PageAnswer {
  const { rows, categoryNames = [], ...page } = unpack<Kept>(packed);
  return { ...page, products: rows.map((row) => productOf(row, page, categoryNames)) };
}

/** The lists of names of a page, each once. */
class ListedNames {
  readonly lists: CategoryNames[] = [];
  readonly #places = new Map<string, number>();

  placeOf(categories: Product['categories']): number {
    const names = categories.map(({ name }) => name);
    // No name holds a control character.
    const key = names.join('\n');
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.lists.length);
    return this.lists.push(names) - 1;
  }
}

export function packHead({ products, ...page }: PageHead): Buffer {
  const ids = products.map(({ itemId }) => itemId);
  const unfit = products.flatMap(({ fits }, index) => (fits ? [] : [index]));
  const why = products.flatMap(({ fits, dropped }) => (fits ? [] : [dropped ?? null]));
  return pack({ ...page, ids, unfit, ...(why.length > 0 && { why }) } satisfies KeptHead);
}

export function unpackHead(packed: Buffer): PageHead {
  const { ids, unfit, why, ...page } = unpack<KeptHead>(packed);
  const { marketplace } = page;
  const misfits = new Map(unfit.map((index, place) => [index, why?.[place]]));
  const products = ids.map((itemId, index) => {
    const dropped = misfits.get(index);
    return { itemId, marketplace, fits: !misfits.has(index), ...(dropped && { dropped }) };
  });
  return { ...page, products };
}

/** Marks and details are kept elsewhere. */
function rowOf(product: Product, names: ListedNames) {
  const { shipping, auction, seller, location, group, listedAt, createdAt } = product;
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
    auction &&
      ([
        pairOf(auction.currentBid),
        auction.bidCount,
        auction.endsAt,
        ...(auction.converted === undefined ? [] : [pairOf(auction.converted)]),
      ] as const),
    product.condition,
    product.conditionId,
    product.buyingOptions,
    seller.feedbackPercentage,
    seller.feedbackScore,
    product.topRatedPlus,
    location.country,
    location.city,
    location.postalCode,
    product.categoryIds,
    product.epid,
    group && ([group.id, group.type] as const),
    listedAt,
    product.rank,
    pairOf(shipping.converted ?? null),
    product.delivery && ([product.delivery.earliest, product.delivery.latest] as const),
    product.listingMarketplace,
    product.promoted,
    names.placeOf(product.categories),
    // Mostly the same point in time.
    createdAt === listedAt ? SAME : createdAt,
    product.coupons,
    product.adultOnly,
    seller.accountType,
    rareOf(product),
  ] as const;
}

/** In what version 0.2 wrote. */
const NOTHING: Partial<ReturnType<typeof rareOf>> = {};

/** In place of a value that another one of the row repeats. */
const SAME = 0;

/** Fields that few listings have: their names take less than the nulls of all others would. JSON leaves out what is undefined. */
function rareOf(product: Product) {
  const { originalPrice, discountPercent, priceTreatment, priceDisplay, unitPrice, affiliateUrl } = product;
  const { programs, shortDescription, pickup, pickupDistance, energyEfficiencyClass, location } = product;
  const { tyreLabelUrl, watchCount, compatibility } = product;
  return {
    originalPrice: originalPrice ?? undefined,
    discountPercent: discountPercent ?? undefined,
    priceTreatment: priceTreatment ?? undefined,
    priceDisplay: priceDisplay ?? undefined,
    unitPrice: unitPrice ?? undefined,
    programs: programs.length > 0 ? programs : undefined,
    shortDescription: shortDescription ?? undefined,
    pickup: pickup.length > 0 ? pickup : undefined,
    pickupDistance: pickupDistance ?? undefined,
    energyEfficiencyClass: energyEfficiencyClass ?? undefined,
    tyreLabelUrl: tyreLabelUrl ?? undefined,
    watchCount: watchCount ?? undefined,
    compatibility: compatibility ?? undefined,
    affiliateUrl,
    stateOrProvince: location.stateOrProvince ?? undefined,
  };
}

function productOf(
  row: Row,
  { marketplace, observedAt }: Pick<PageAnswer, 'marketplace' | 'observedAt'>,
  categoryNames: readonly CategoryNames[],
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
    // Missing in what version 0.1 wrote.
    shippingConverted = null,
    delivery = null,
    listingMarketplace = null,
    promoted = null,
    // Missing in what version 0.2 wrote.
    namesAt = null,
    createdAt = null,
    coupons = null,
    adultOnly = null,
    accountType = null,
    rare = NOTHING,
  ] = row;
  const names = namesAt === null ? [] : (categoryNames[namesAt] ?? []);
  return {
    itemId,
    legacyItemId,
    marketplace,
    listingMarketplace,
    title,
    url,
    images,
    price: moneyOf(price),
    shipping: {
      kind,
      cost: moneyOf(cost),
      ...(shippingConverted && { converted: moneyOf(shippingConverted) as Money }),
    },
    total: moneyOf(total),
    delivery: delivery && { earliest: delivery[0], latest: delivery[1] },
    converted: moneyOf(converted),
    originalPrice: rare.originalPrice ?? null,
    discountPercent: rare.discountPercent ?? null,
    priceTreatment: rare.priceTreatment ?? null,
    priceDisplay: rare.priceDisplay ?? null,
    unitPrice: rare.unitPrice ?? null,
    auction: auction && {
      currentBid: moneyOf(auction[0]),
      bidCount: auction[1],
      endsAt: auction[2],
      ...(auction[3] && { converted: moneyOf(auction[3]) as Money }),
    },
    coupons,
    programs: rare.programs ?? [],
    shortDescription: rare.shortDescription ?? null,
    condition,
    conditionId,
    buyingOptions,
    topRatedPlus: topRated,
    seller: { feedbackPercentage, feedbackScore, accountType, topRated },
    location: { country, stateOrProvince: rare.stateOrProvince ?? null, city, postalCode },
    pickup: rare.pickup ?? [],
    pickupDistance: rare.pickupDistance ?? null,
    categoryIds,
    categories: categoryIds.map((id, index) => ({ id, name: names[index] ?? null })),
    adultOnly,
    energyEfficiencyClass: rare.energyEfficiencyClass ?? null,
    tyreLabelUrl: rare.tyreLabelUrl ?? null,
    watchCount: rare.watchCount ?? null,
    compatibility: rare.compatibility ?? null,
    epid,
    group: group && { id: group[0], type: group[1] },
    listedAt,
    createdAt: createdAt === SAME ? listedAt : createdAt,
    observedAt,
    rank,
    promoted,
    ...(rare.affiliateUrl !== undefined && { affiliateUrl: rare.affiliateUrl }),
  };
}

function pairOf(money: Money | null) {
  return money && ([money.value, money.currency] as const);
}

function moneyOf(pair: ReturnType<typeof pairOf>): Money | null {
  return pair && { value: pair[0], currency: pair[1] };
}

interface Stored extends Omit<TrackVerdict, 'marks' | 'formerTotals' | 'formerSeen'> {
  marks: Array<[string, ReturnType<TrackVerdict['marks']['get']>]>;
  /** Missing in what an earlier release wrote. */
  formerTotals?: Array<[string, Money]>;
  /** Likewise. */
  formerSeen?: Array<[string, number]>;
}

export function packVerdict({ marks, formerTotals, formerSeen, ...verdict }: TrackVerdict): Buffer {
  const times = formerSeen === undefined ? {} : { formerSeen: [...formerSeen] };
  return pack({ ...verdict, marks: [...marks], formerTotals: [...formerTotals], ...times } satisfies Stored);
}

export function readVerdict(packed: Buffer): TrackVerdict {
  const { marks, formerTotals = [], formerSeen, ...verdict } = unpack<Stored>(packed);
  return {
    ...verdict,
    marks: new Map(marks.map(([itemId, mark]) => [itemId, mark ?? null])),
    formerTotals: new Map(formerTotals),
    ...(formerSeen && { formerSeen: new Map(formerSeen) }),
  };
}
