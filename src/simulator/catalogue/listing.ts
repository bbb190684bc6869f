import { hash, pick, type Random, randomFrom } from '../random.ts';
import type { Family } from './families.ts';
import { encodeListing } from './itemId.ts';
import { indexed } from './keywords.ts';
import { convert, type Site } from './marketplaces.ts';
import { sellerNumber } from './sellers.ts';
import { type Wording, writeTitle } from './title.ts';

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
