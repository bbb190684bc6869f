import { hash, pick, type Random, randomFrom } from '../random.ts';
import type { Family } from './families.ts';
import { convert, type Site } from './marketplaces.ts';
import { indexed, type Wording, writeTitle } from './title.ts';

export type BuyingOption = 'FIXED_PRICE' | 'AUCTION' | 'BEST_OFFER';

type Shipping =
  | { readonly kind: 'FIXED'; readonly cents: number }
  /** eBay prices it only for a request that says where the buyer is. */
  | { readonly kind: 'CALCULATED'; readonly baseCents: number };

/** What a listing is, in the currency of the site that shows it; money in minor units. */
export interface Listing {
  readonly itemId: string;
  readonly legacyId: string;
  readonly site: Site;
  readonly family: Family;
  readonly wording: Wording;
  /** The title's words, see `indexed`. */
  readonly index: string;
  readonly buyingOptions: readonly BuyingOption[];
  /** Null for a pure auction. */
  readonly priceCents: number | null;
  readonly bidCents: number | null;
  readonly bids: number;
  readonly endsAt: number | null;
  readonly conditionId: string | null;
  readonly seller: number;
  readonly country: string;
  /** Currency the seller asked for, where eBay converted it for this site. */
  readonly foreignCurrency: string | null;
  /** Null: no shippingOptions at all. */
  readonly shipping: Shipping | null;
  readonly shipsAbroad: boolean;
  readonly returnsAccepted: boolean;
  readonly grouped: boolean;
  readonly pictured: boolean;
  readonly stock: number;
  readonly sold: number;
  readonly listedAt: number;
  /** Position under Best Match, lower first. */
  readonly rank: number;
  /** Further small choices (points, coupons, discounts) are drawn from this. */
  readonly dice: number;
}

const DAY_MS = 86_400_000;
/** Drawn from as they are: what is listed more often is more frequent. */
const CONDITIONS = '1000 1000 1000 1000 1000 1000 1500 2020 2030 3000 3000 7000'.split(' ');
const VINTAGE = '3000 3000 3000 3000 7000 1500 1000'.split(' ');
const ORIGINS = 'CN CN CN GB DE US JP IT HK'.split(' ');
const FOREIGN = ['GB GBP', 'DE EUR', 'US USD', 'AU AUD', 'CN CNY'];

/** Draws one listing. `today` is midnight UTC, in epoch ms, of the day that all its dates depend on. */
export function drawListing(
  seed: number,
  today: number,
  site: Site,
  family: Family,
  number: number,
): Listing {
  const dice = hash(seed, site.number, family.number, number);
  const random = randomFrom(dice);
  const wording = writeTitle(random, family, site.language);
  const conditionId = drawCondition(random, family);
  const price = drawPrice(random, family, site, conditionId);
  const grouped = random() < 0.12;
  const legacyId = encodeListing(site.number, family.number, number);
  const variation = grouped ? String(400_000_000_000 + (dice % 200_000_000_000)) : '0';
  const [foreign, currency] = random() < 0.06 ? pick(random, FOREIGN).split(' ') : [];
  return {
    itemId: `v1|${legacyId}|${variation}`,
    legacyId,
    site,
    family,
    wording,
    index: indexed(wording.title),
    ...drawSale(random, price, grouped, today),
    conditionId,
    // A few sellers hold most of the listings.
    seller: Math.floor(random() ** 2 * SELLER_COUNT),
    country: foreign ?? (random() < 0.68 ? site.country : pick(random, ORIGINS)),
    foreignCurrency: currency === undefined || currency === site.currency ? null : currency,
    shipping: drawShipping(random, site),
    shipsAbroad: random() < 0.6,
    returnsAccepted: random() < 0.72,
    grouped,
    pictured: random() >= 0.004,
    stock: random() < 0.03 ? 0 : 1 + Math.floor(random() ** 3 * 120),
    sold: Math.floor(random() ** 4 * 900),
    listedAt: today - Math.floor(random() ** 2 * 700 * DAY_MS),
    rank: random(),
    dice,
  };
}

function drawCondition(random: Random, family: Family): string | null {
  if (random() < 0.001) return null;
  return pick(random, family.leaf.department.name === 'Collectables' ? VINTAGE : CONDITIONS);
}

/** Most prices sit in the lower half of the family's range and end like prices do. */
function drawPrice(random: Random, family: Family, site: Site, conditionId: string | null): number {
  const spread = (random() + random() * random()) / 2;
  const worn = conditionId === '7000' ? 0.35 : Number(conditionId) >= 2000 ? 0.7 : 1;
  const dollars = family.low * (family.high / family.low) ** spread * worn;
  const cents = convert(Math.round(dollars * 100), 'USD', site.currency);
  return Math.max(99, Math.floor(cents / 100) * 100 + pick(random, [99, 99, 95, 49, 0]));
}

function drawSale(random: Random, price: number, grouped: boolean, today: number) {
  const draw = random();
  const bids = Math.floor(random() ** 3 * 24);
  const bidCents = Math.max(99, Math.round(price * (0.2 + random() * 0.6)));
  const endsAt = today + DAY_MS + Math.floor(random() * 6 * DAY_MS);
  const sale = (buyingOptions: BuyingOption[], priceCents: number | null, isAuction: boolean) => ({
    buyingOptions,
    priceCents,
    ...(isAuction ? { bidCents, bids, endsAt } : { bidCents: null, bids: 0, endsAt: null }),
  });
  if (!grouped && draw < 0.06) return sale(['AUCTION'], null, true);
  if (!grouped && draw < 0.08) return sale(['FIXED_PRICE', 'AUCTION'], price, true);
  return sale(draw < 0.35 ? ['FIXED_PRICE', 'BEST_OFFER'] : ['FIXED_PRICE'], price, false);
}

function drawShipping(random: Random, site: Site): Shipping | null {
  const draw = random();
  if (draw < 0.045) return null;
  const baseCents = convert(299 + Math.floor(random() * 1400), 'USD', site.currency);
  if (draw < 0.17) return { kind: 'CALCULATED', baseCents };
  return { kind: 'FIXED', cents: draw < 0.66 ? 0 : baseCents };
}

const BASE = 110_000_000_000;
const STRIDE = 1337;
const FAMILIES = 100;
const PER_FAMILY = 100_000;

/** Family number of listings that a control call added. */
export const ADDED_FAMILY = 99;

/**
 * A twelve-digit listing number. It contains the listing's origin, so that `item/{id}` finds any listing without a
 * search before it. The numbers are spread out, so that a made-up number finds nothing.
 */
export function encodeListing(site: number, family: number, number: number): string {
  return String(BASE + ((site * FAMILIES + family) * PER_FAMILY + number) * STRIDE);
}

export function decodeListing(legacyId: string): { site: number; family: number; number: number } | null {
  const code = (Number(legacyId) - BASE) / STRIDE;
  if (!/^\d{12}$/.test(legacyId) || code < 0 || !Number.isInteger(code)) return null;
  const slot = Math.floor(code / PER_FAMILY);
  return { site: Math.floor(slot / FAMILIES), family: slot % FAMILIES, number: code % PER_FAMILY };
}

/** Sellers in the world, `seller_0000` and up. */
const SELLER_COUNT = 4000;

export function sellerName(number: number): string {
  return `seller_${String(number).padStart(4, '0')}`;
}

export function isSeller(username: string): boolean {
  const number = /^seller_(\d{4})$/.exec(username)?.[1];
  return number !== undefined && Number(number) < SELLER_COUNT;
}

/** A seller as eBay shows it, and whether it is a business. */
export function sellerProfile(seed: number, number: number) {
  const draw = hash(seed, 'seller', number) / 4294967296;
  const percentage = draw < 0.04 ? 0 : 100 - (hash(seed, 'feedback', number) % 70) / 10;
  const feedbackScore = Math.floor(10 ** (0.5 + draw * 5));
  return {
    username: sellerName(number),
    /** As eBay sends it: a string with one decimal. */
    feedbackPercentage: percentage.toFixed(1),
    feedbackScore,
    accountType: feedbackScore > 400 ? 'BUSINESS' : 'INDIVIDUAL',
  };
}
