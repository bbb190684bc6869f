import { hash, pick, type Random, randomFrom } from '../random.ts';
import type { Family } from './families.ts';
import { convert, type Site } from './marketplaces.ts';
import { indexed, type Wording, writeTitle } from './title.ts';

export type BuyingOption = 'FIXED_PRICE' | 'AUCTION' | 'BEST_OFFER';

export type Shipping =
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
  /** The title's words, see `keywords.ts`. */
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
const CONDITIONS = [
  '1000',
  '1000',
  '1000',
  '1000',
  '1000',
  '1000',
  '1500',
  '2020',
  '2030',
  '3000',
  '3000',
  '7000',
];
const VINTAGE = ['3000', '3000', '3000', '3000', '7000', '1500', '1000'];
const ORIGINS = ['CN', 'CN', 'CN', 'GB', 'DE', 'US', 'JP', 'IT', 'HK'];
const FOREIGN = [
  ['GB', 'GBP'],
  ['DE', 'EUR'],
  ['US', 'USD'],
  ['AU', 'AUD'],
  ['CN', 'CNY'],
] as const;

/** Draws one listing. `today` is midnight UTC, in epoch ms, of the day that all its dates hang on. */
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
  const foreign = random() < 0.06 ? pick(random, FOREIGN) : null;
  const converted = foreign !== null && foreign[1] !== site.currency;
  return {
    itemId: `v1|${legacyId}|${variation}`,
    legacyId,
    site,
    family,
    wording,
    index: indexed(wording.title),
    ...drawSale(random, price, grouped, today),
    conditionId,
    seller: sellerNumber(random()),
    country: foreign?.[0] ?? (random() < 0.68 ? site.country : pick(random, ORIGINS)),
    foreignCurrency: converted ? foreign[1] : null,
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
  if (!grouped && draw < 0.06) return sale(['AUCTION'], null, { bidCents, bids, endsAt });
  if (!grouped && draw < 0.08) return sale(['FIXED_PRICE', 'AUCTION'], price, { bidCents, bids, endsAt });
  return sale(draw < 0.35 ? ['FIXED_PRICE', 'BEST_OFFER'] : ['FIXED_PRICE'], price, null);
}

function sale(
  buyingOptions: readonly BuyingOption[],
  priceCents: number | null,
  auction: { bidCents: number; bids: number; endsAt: number } | null,
) {
  return { buyingOptions, priceCents, ...(auction ?? { bidCents: null, bids: 0, endsAt: null }) };
}

function drawShipping(random: Random, site: Site): Shipping | null {
  const draw = random();
  if (draw < 0.045) return null;
  const baseCents = convert(299 + Math.floor(random() * 1400), 'USD', site.currency);
  if (draw < 0.17) return { kind: 'CALCULATED', baseCents };
  return { kind: 'FIXED', cents: draw < 0.66 ? 0 : baseCents };
}

/**
 * Listing numbers tell where a listing comes from, so that `item/{id}` finds any listing without the
 * catalogue having been searched first. They are spread out, so that a made-up number finds nothing.
 */

const BASE = 110_000_000_000;
const STRIDE = 1337;
const FAMILIES = 100;
const PER_FAMILY = 100_000;

/** Family number of listings that a control call added. */
export const ADDED_FAMILY = 99;

/** A twelve-digit listing number. */
export function encodeListing(site: number, family: number, number: number): string {
  return String(BASE + ((site * FAMILIES + family) * PER_FAMILY + number) * STRIDE);
}

export function decodeListing(legacyId: string): { site: number; family: number; number: number } | null {
  if (!/^\d{12}$/.test(legacyId)) return null;
  const spread = Number(legacyId) - BASE;
  if (spread < 0 || spread % STRIDE !== 0) return null;
  const code = spread / STRIDE;
  const slot = Math.floor(code / PER_FAMILY);
  return { site: Math.floor(slot / FAMILIES), family: slot % FAMILIES, number: code % PER_FAMILY };
}

/** A product code (GTIN-13) from the range that is reserved for use inside a shop, with its check digit. */
export function gtinOf(family: number, model: number): string {
  const digits = `2${String(family).padStart(3, '0')}${String(model).padStart(8, '0')}`;
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** eBay's own product number. */
export function epidOf(family: number, model: number): string {
  return String(27_000_000_000 + family * 1_000_000 + model);
}

export interface SellerProfile {
  readonly username: string;
  /** As eBay sends it: a string with one decimal. */
  readonly feedbackPercentage: string;
  readonly feedbackScore: number;
  readonly accountType: 'BUSINESS' | 'INDIVIDUAL';
}

/** Sellers in the world, `seller_0000` and up. */
export const SELLER_COUNT = 4000;

/** A few sellers hold most of the listings: `draw` in [0, 1) is squared. */
export function sellerNumber(draw: number): number {
  return Math.floor(draw * draw * SELLER_COUNT);
}

export function sellerName(number: number): string {
  return `seller_${String(number).padStart(4, '0')}`;
}

export function isSeller(username: string): boolean {
  const number = /^seller_(\d{4})$/.exec(username)?.[1];
  return number !== undefined && Number(number) < SELLER_COUNT;
}

export function sellerProfile(seed: number, number: number): SellerProfile {
  const draw = hash(seed, 'seller', number) / 4294967296;
  const score = Math.floor(10 ** (0.5 + draw * 5));
  const unrated = draw < 0.04;
  const percentage = unrated ? 0 : 100 - (hash(seed, 'feedback', number) % 70) / 10;
  return {
    username: sellerName(number),
    feedbackPercentage: percentage.toFixed(1),
    feedbackScore: score,
    accountType: score > 400 ? 'BUSINESS' : 'INDIVIDUAL',
  };
}
