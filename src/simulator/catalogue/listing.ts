import { fraction, hash, pick, type Random, randomFrom } from '../random.ts';
import type { Family } from './families.ts';
import { convert, type Site } from './marketplaces.ts';
import { indexed, writeTitle } from './title.ts';

const DAY_MS = 86_400_000;
/** Drawn from as they are: what is listed more often is more frequent. */
const CONDITIONS = '1000 1000 1000 1000 1000 1000 1500 2020 2030 3000 3000 7000'.split(' ');
const VINTAGE = '3000 3000 3000 3000 7000 1500 1000'.split(' ');
const ORIGINS = 'CN CN CN GB DE US JP IT HK'.split(' ');
const FOREIGN = ['GB GBP', 'DE EUR', 'US USD', 'AU AUD', 'CN CNY'];

/** What a listing is, in the currency of the site that shows it; money in minor units. */
export type Listing = Readonly<ReturnType<typeof drawListing>>;

/** Draws one listing. `today` is midnight UTC, in epoch ms, of the day that all its dates depend on. */
export function drawListing(seed: number, today: number, site: Site, family: Family, number: number) {
  const dice = hash(seed, site.number, family.number, number);
  const random = randomFrom(dice);
  const wording = writeTitle(random, family, site.language);
  const conditions = family.leaf.department.name === 'Collectables' ? VINTAGE : CONDITIONS;
  const conditionId = random() < 0.001 ? null : pick(random, conditions);
  const price = drawPrice(random, family, site, conditionId);
  const grouped = random() < 0.12;
  const legacyId = encodeListing(site.number, family.number, number);
  const variation = grouped ? String(400_000_000_000 + (dice % 200_000_000_000)) : '0';
  const imported = random() < 0.06 ? pick(random, FOREIGN) : undefined;
  const sale = drawSale(random, dice, price, grouped, today);
  // A few sellers hold most of the listings.
  const seller = drawSeller(seed, Math.floor(random() ** 2 * 4000));
  const origin = imported ? '' : random() < 0.68 ? site.country : pick(random, ORIGINS);
  // The second draw has dice of its own: with it 8 % of the prices are converted, as in real answers.
  const abroad = imported ?? (fraction(dice, 'abroad') < 0.042 ? FOREIGN[dice % FOREIGN.length] : undefined);
  const [country = origin, currency = site.currency] = abroad?.split(' ') ?? [];
  return {
    itemId: `v1|${legacyId}|${variation}`,
    legacyId,
    site,
    family,
    wording,
    /** The title's words, see `indexed`. */
    index: indexed(wording.title),
    ...sale,
    conditionId,
    seller,
    country,
    /** Currency the seller asked for, where eBay converted it for this site. */
    foreignCurrency: currency === site.currency ? null : currency,
    /** What a converted amount is multiplied by, see `Rates`. */
    rate: 1,
    /** Rises when the seller changes the listing. */
    revision: 1 + (dice % 9),
    shipping: drawShipping(random, site),
    delivery: drawDelivery(dice, today),
    shipsAbroad: random() < 0.6,
    returnsAccepted: random() < 0.72,
    grouped,
    pictured: random() >= 0.004,
    stock: random() < 0.03 ? 0 : 1 + Math.floor(random() ** 3 * 120),
    sold: Math.floor(random() ** 4 * 900),
    listedAt: today - Math.floor(random() ** 2 * 700 * DAY_MS),
    /** It is of a market: its date has ms, so that scaled time keeps its resolution. */
    ofMarket: false,
    /** When it ended, epoch ms; only those of a market end. */
    endedAt: null as number | null,
    /** Position under Best Match, lower first. */
    rank: random(),
    /** Further small choices are drawn from this, see `chance`. */
    dice,
  };
}

/** A yes or no that the listing always answers the same way. */
export function chance({ dice }: Listing, what: string, share: number): boolean {
  return fraction(dice, what) < share;
}

/** Most prices sit in the lower half of the family's range and end like prices do. */
function drawPrice(random: Random, family: Family, site: Site, conditionId: string | null): number {
  const spread = (random() + random() * random()) / 2;
  const worn = conditionId === '7000' ? 0.35 : Number(conditionId) >= 2000 ? 0.7 : 1;
  const dollars = family.low * (family.high / family.low) ** spread * worn;
  const cents = convert(Math.round(dollars * 100), 'USD', site.currency);
  return Math.max(99, Math.floor(cents / 100) * 100 + pick(random, [99, 99, 95, 49, 0]));
}

interface Sale {
  readonly buyingOptions: readonly string[];
  /** Null for a pure auction. */
  readonly priceCents: number | null;
  readonly auction: { readonly bids: number; readonly bidCents: number; readonly endsAt: number } | null;
}

function drawSale(random: Random, dice: number, price: number, grouped: boolean, today: number): Sale {
  const draw = random();
  const auction = {
    bids: Math.floor(random() ** 3 * 24),
    bidCents: Math.max(99, Math.round(price * (0.2 + random() * 0.6))),
    endsAt: today + DAY_MS + Math.floor(random() * 6 * DAY_MS),
  };
  if (!grouped && draw < 0.06) {
    // Most pure auctions take offers as well: 7 of 9 real ones.
    const buyingOptions = fraction(dice, 'offers') < 7 / 9 ? ['AUCTION', 'BEST_OFFER'] : ['AUCTION'];
    return { buyingOptions, priceCents: null, auction };
  }
  if (!grouped && draw < 0.08) {
    return { buyingOptions: ['FIXED_PRICE', 'AUCTION'], priceCents: price, auction };
  }
  const buyingOptions = draw < 0.35 ? ['FIXED_PRICE', 'BEST_OFFER'] : ['FIXED_PRICE'];
  return { buyingOptions, priceCents: price, auction: null };
}

/** Null: no shippingOptions at all. eBay prices CALCULATED only for a request that says where the buyer is. */
function drawShipping(random: Random, site: Site): { kind: 'FIXED' | 'CALCULATED'; cents: number } | null {
  const draw = random();
  if (draw < 0.045) return null;
  const cents = convert(299 + Math.floor(random() * 1400), 'USD', site.currency);
  if (draw < 0.17) return { kind: 'CALCULATED', cents };
  return { kind: 'FIXED', cents: draw < 0.66 ? 0 : cents };
}

/** Days of delivery. eBay names them for 28 % of real items: this is the share of those with shipping options. */
function drawDelivery(dice: number, today: number): { first: number; last: number } | null {
  if (fraction(dice, 'delivery') >= 0.291) return null;
  const first = today + (3 + (dice % 7)) * DAY_MS;
  return { first, last: first + (dice % 4) * DAY_MS };
}

/** A seller as eBay shows it, and whether it is a business. */
export function drawSeller(seed: number, number: number) {
  const draw = fraction(seed, 'seller', number);
  // Without recent feedback eBay sends "0.0", half of the time beside a positive score.
  const isUnrated = draw < 0.054;
  const percentage = isUnrated ? 0 : 100 - (hash(seed, 'feedback', number) % 70) / 10;
  const feedbackScore = isUnrated && number % 2 === 0 ? 0 : Math.floor(10 ** (0.5 + draw * 5));
  return {
    username: `seller_${String(number).padStart(4, '0')}`,
    /** As eBay sends it: a string with one decimal. */
    feedbackPercentage: percentage.toFixed(1),
    feedbackScore,
    accountType: feedbackScore > 400 ? 'BUSINESS' : 'INDIVIDUAL',
  };
}

/** Whether a seller exists: their numbers are 0 to 3999, those of a market's shops 4000 to 4999. */
export function isSeller(username: string): boolean {
  return /^seller_[0-4]\d{3}$/.test(username);
}

const BASE = 110_000_000_000;
const STRIDE = 1337;
const FAMILIES = 100;
const PER_FAMILY = 100_000;

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
