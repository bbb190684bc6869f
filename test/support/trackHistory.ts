import { add, type Money } from '../../src/product/money.ts';
import {
  type Coverage,
  listingOf,
  type Observation,
  sawWhole,
  type TrackedProduct,
  type TrackVerdict,
} from '../../src/product/track.ts';

/** One search of a track, or a part of one that is continued by the next step with its number. */
export interface Step {
  search: number;
  observation: Omit<Observation, 'before'>;
  /** When it is compared, ms since the epoch. */
  now: number;
}

/** What a seller did: the event that it must cause, once. */
export interface Plant {
  event: string;
  /** Step before which it happened. */
  step: number;
}

export interface History {
  steps: Step[];
  plants: Plant[];
}

export interface HistoryOptions {
  /** Whether sellers change anything. */
  changes: boolean;
  /** The first search begins then, ms since the epoch. */
  start: number;
  /** How long a track remembers, ms; longer pauses occur unless sellers change something. */
  ttlMs: number;
}

/** What searches report, in words: `new LISTING`, `price-rose LISTING VARIATION`, `gone LISTING`. */
export function eventsOf(verdicts: Iterable<TrackVerdict>): string[] {
  return [...verdicts].flatMap(({ marks, gone }) => [
    ...[...marks].flatMap(([itemId, mark]) => {
      if (mark === null || mark === 'same') return [];
      const variation = mark === 'new' ? '' : ` ${itemId.split('|')[2]}`;
      return [`${mark} ${listingOf(itemId)}${variation}`];
    }),
    ...gone.map((itemId) => `gone ${listingOf(itemId)}`),
  ]);
}

const SITES = { EBAY_US: 'USD', EBAY_DE: 'EUR' } as const;
type SiteId = keyof typeof SITES;

interface Variation {
  id: string;
  /** Minor units of the listing's currency. */
  price: number;
}

interface Listing {
  legacyId: string;
  currency: string;
  variations: Variation[];
  shipping: 'free' | 'fixed' | 'calculated' | 'unknown';
  /** Minor units of the listing's currency. */
  cost: Record<SiteId, number>;
  isAuction: boolean;
  listedAt: number;
  hasDate: boolean;
  /** When a search last saw what its price is converted from, ms since the epoch. */
  namedAt: number;
}

const HOUR = 3_600_000;
const DECIMALS: Record<string, number> = { JPY: 0 };

/** Numbers from 0 to 1 that follow from the seed alone. */
function numbersFrom(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Searches of one track over answers of the shapes that eBay gives: exchange rates move, pages shift while they are read
 * and fail, searches are cut, cancelled, continued and repeated, variations take turns, amounts are missing or come without
 * their original, the figures of sellers cross the limits of the request, and memory runs out.
 */
export function historyOf(seed: number, { changes, start, ttlMs }: HistoryOptions): History {
  const random = numbersFrom(seed);
  const chance = (share: number) => random() < share;
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <Value>(values: readonly Value[]) => values[below(values.length)] as Value;
  const shuffled = <Value>(values: readonly Value[]) =>
    values
      .map((value) => [random(), value] as const)
      .sort(([a], [b]) => a - b)
      .map(([, value]) => value);

  const sites: SiteId[] = chance(0.3) ? ['EBAY_US', 'EBAY_DE'] : ['EBAY_US'];
  const pageSize = 2 + below(4);
  const isNewestFirst = chance(0.3);
  const hasDetails = chance(0.3);
  const dropsSome = chance(0.7);
  /** Of the request, in cents. */
  const priceLimit = chance(0.3) ? 3000 + below(4000) : undefined;
  const rates: Record<string, number> = { USD: 1, EUR: 1.1, GBP: 1.3, JPY: 0.007 };
  let now = start;
  let nextId = 1000;
  const plants: Plant[] = [];
  const steps: Step[] = [];

  const newListing = (listedAt: number): Listing => {
    const currency = chance(0.5) ? 'USD' : pick(['EUR', 'GBP', 'JPY']);
    const price = () => Math.round((500 + below(6000)) * (currency === 'JPY' ? 1.5 : 1));
    const cost = () => 100 + below(900);
    nextId += 1;
    return {
      legacyId: String(nextId),
      currency,
      variations: chance(0.3)
        ? ['1', '2', '3'].map((id) => ({ id, price: price() }))
        : [{ id: '0', price: price() }],
      shipping: pick(['free', 'fixed', 'fixed', 'calculated', 'unknown']),
      cost: { EBAY_US: cost(), EBAY_DE: cost() },
      isAuction: chance(0.05),
      listedAt,
      hasDate: chance(0.8),
      namedAt: Number.NEGATIVE_INFINITY,
    };
  };
  let listings = Array.from({ length: below(14) }, () => newListing(start - below(700) * 24 * HOUR - HOUR));

  const money = (units: number, currency: string): Money => {
    const decimals = DECIMALS[currency] ?? 2;
    return { value: (units / 10 ** decimals).toFixed(decimals), currency };
  };
  const shown = (units: number, from: string, to: string) => {
    if (from === to) return units;
    const value = (units / 10 ** (DECIMALS[from] ?? 2)) * ((rates[from] ?? 1) / (rates[to] ?? 1));
    return Math.max(1, Math.round(value * 100));
  };

  /** How eBay shows an amount of a listing on a site. */
  const amount = (units: number, listing: Listing, site: SiteId, named: boolean) => {
    const currency = SITES[site];
    const value = money(shown(units, listing.currency, currency), currency);
    const converted = named && listing.currency !== currency ? money(units, listing.currency) : null;
    return { value, converted };
  };

  const productOf = (
    listing: Listing,
    variation: Variation,
    site: SiteId,
    at: number,
    clean: boolean,
    turn: number,
  ): TrackedProduct => {
    // That a price is converted can be known only where an answer said so before.
    const isKnown = at - listing.namedAt < ttlMs / 2 && listing.currency !== SITES[site];
    const price = listing.isAuction
      ? null
      : amount(variation.price, listing, site, clean || !isKnown || !chance(0.05));
    const isItem = hasDetails && (clean ? turn % 6 < 3 : chance(0.7));
    const kind = clean
      ? listing.shipping
      : chance(0.05)
        ? 'unknown'
        : chance(0.05)
          ? 'calculated'
          : listing.shipping;
    const units = kind === 'calculated' ? 100 + below(2000) : listing.cost[site] + (isItem ? 700 : 0);
    const isNamed = clean || price?.converted === null || !chance(0.05);
    const cost =
      kind === 'unknown' || (kind === 'calculated' && !clean && chance(0.5))
        ? null
        : amount(kind === 'free' ? 0 : units, listing, site, isNamed);
    const isFree = kind === 'free' && cost !== null;
    const costValue = isFree ? money(0, SITES[site]) : (cost?.value ?? null);
    const converted = isFree ? null : cost?.converted;
    return {
      itemId: `v1|${listing.legacyId}|${variation.id}`,
      marketplace: site,
      price: price?.value ?? null,
      converted: price?.converted ?? null,
      shipping: { kind, cost: costValue, ...(converted ? { converted } : {}) },
      total: price && costValue && add(price.value, costValue),
      listedAt: listing.hasDate ? new Date(listing.listedAt).toISOString() : null,
      observedAt: new Date(isItem ? at + 50 : at).toISOString(),
      ...(hasDetails && { details: { observedAt: isItem ? new Date(at + 50).toISOString() : 'before' } }),
    };
  };

  const withinLimit = (listing: Listing, site: SiteId) =>
    listing.variations.filter(
      ({ price }) => priceLimit === undefined || shown(price, listing.currency, SITES[site]) <= priceLimit,
    );

  interface Page {
    site: SiteId;
    products: TrackedProduct[];
    unreadable: number;
    total: number | null;
    hasNext: boolean;
  }

  /** The pages of a search, in the order in which they are answered. `clean`: the search sees all there is, as it is. */
  const read = (clean: boolean, turn: number): { pages: Page[]; failed: boolean; early: boolean } => {
    const pages: Page[] = [];
    let failed = false;
    let early = false;
    for (const site of sites) {
      const there = listings.filter((each) => withinLimit(each, site).length > 0);
      let order = isNewestFirst ? there.toSorted((a, b) => b.listedAt - a.listedAt) : shuffled(there);
      const claim = chance(0.7) || clean ? 0 : pick([-2, -1, 1, 3, Number.NaN]);
      const most = clean || chance(0.4) ? 100 : 1 + below(4);
      for (let page = 0; page < most; page++) {
        now += 100 + below(500);
        if (!clean && chance(0.04)) {
          failed = true;
          break;
        }
        if (!clean && chance(0.2)) order = shuffled(order);
        const here = order.slice(page * pageSize, (page + 1) * pageSize);
        const readable = here.filter(() => clean || !chance(0.01));
        const products = readable.map((listing) => {
          const variations = withinLimit(listing, site);
          const variation = clean ? variations[turn % variations.length] : pick(variations);
          return productOf(listing, variation as Variation, site, now, clean, turn);
        });
        const total = Number.isNaN(claim) ? null : Math.max(0, order.length + claim);
        const hasNext = (page + 1) * pageSize < order.length;
        pages.push({ site, products, unreadable: here.length - readable.length, total, hasNext });
        if (!hasNext) break;
        early ||= page + 1 === most;
      }
    }
    return { pages, failed: failed || (!clean && chance(0.03)), early };
  };

  const coverageOf = (pages: readonly Page[]): Coverage => {
    const totals = pages.map(({ total }) => total);
    return {
      stoppedBy: (pages.at(-1)?.hasNext ?? true) ? pick(['wanted', 'window', 'max-calls', 'known']) : 'end',
      claimed: totals.includes(null) ? null : Math.max(...(totals as number[])),
      itemIds: pages.flatMap(({ products }) => products.map(({ itemId }) => itemId)),
      unreadable: pages.reduce((sum, page) => sum + page.unreadable, 0),
    };
  };

  const observationOf = (pages: readonly Page[], complete: boolean, began: number, clean: boolean) => {
    const all = pages.flatMap(({ products }) => products);
    const unique = [...new Map(all.toReversed().map((each) => [each.itemId, each])).values()].reverse();
    // Feedback figures cross the limits of the request, and the result is cut to the number that is wanted.
    const delivered = unique.filter(() => clean || !dropsSome || !chance(0.05));
    return {
      products:
        clean || !dropsSome || chance(0.8) ? delivered : delivered.slice(0, below(delivered.length + 1)),
      listed: new Set(all.map(({ itemId }) => itemId)),
      began,
      complete,
      whole:
        complete && sites.every((site) => sawWhole(coverageOf(pages.filter((page) => page.site === site)))),
      priceCurrency: priceLimit === undefined ? undefined : sites.length === 1 ? 'USD' : '',
    };
  };

  let searches = 0;
  let late: Step | undefined;
  const search = (clean: boolean) => {
    const number = searches++;
    const { pages, failed } = read(clean, number);
    if (pages.length === 0) return;
    const began = now - 100 * pages.length;
    const step = (some: readonly Page[], complete: boolean): Step => ({
      search: number,
      observation: observationOf(some, complete, Math.min(began, ...some.flatMap(firstSeen)), clean),
      now,
    });
    const whole = step(pages, !failed);
    if (!clean && chance(0.1)) {
      // It is summed up with a part of its pages and continued later.
      const first = step(pages.slice(0, 1 + below(pages.length)), false);
      const seen = new Set(first.observation.products.map(({ itemId }) => itemId));
      first.observation.products = whole.observation.products.filter(({ itemId }) => seen.has(itemId));
      steps.push({ ...first, observation: { ...first.observation, began: whole.observation.began } });
    }
    if (!changes && !clean && late === undefined && chance(0.05)) {
      late = whole;
      return;
    }
    steps.push(whole);
    const named = whole.observation.products.filter(({ converted }) => converted !== null);
    for (const listing of listings)
      if (named.some(({ itemId }) => listingOf(itemId) === listing.legacyId)) listing.namedAt = now;
    if (chance(0.1)) steps.push({ ...whole });
    if (late !== undefined) steps.push({ ...late, now });
    late = undefined;
  };
  const firstSeen = ({ products }: Page) => products.map(({ observedAt }) => Date.parse(observedAt));

  const pass = () => {
    now += HOUR + below(24 * HOUR);
    if (!changes && chance(0.05)) now += ttlMs * (0.5 + random());
    for (const currency of ['EUR', 'GBP', 'JPY'])
      rates[currency] = (rates[currency] ?? 1) * (0.85 + random() * 0.35);
  };

  /** A seller does something; each variation changes once at the most, so that each change is one event. */
  const changed = new Set<string>();
  const plant = () => {
    const what = pick(['new', 'gone', 'price', 'price']);
    const isSafe = ({ isAuction, currency }: Listing) =>
      priceLimit === undefined || (!isAuction && currency === 'USD' && sites.length === 1);
    if (what === 'new') {
      const listing = { ...newListing(now), isAuction: false };
      const fits = sites.every((site) => withinLimit(listing, site).length === listing.variations.length);
      // Without a date, one that is on the pages and left out at first looks like an old one.
      if (!fits || !isSafe(listing) || (dropsSome && !listing.hasDate)) return;
      listings.push(listing);
      fresh.add(listing.legacyId);
      plants.push({ event: `new ${listing.legacyId}`, step: steps.length });
      return;
    }
    const able = listings.filter(
      (each) => !fresh.has(each.legacyId) && !changed.has(each.legacyId) && isSafe(each),
    );
    if (able.length === 0) return;
    const listing = pick(able);
    changed.add(listing.legacyId);
    if (what === 'gone') {
      if (sites.every((site) => withinLimit(listing, site).length === 0)) return;
      listings = listings.filter((each) => each !== listing);
      plants.push({ event: `gone ${listing.legacyId}`, step: steps.length });
      return;
    }
    const variation = pick(listing.variations);
    const isCheaper = chance(0.5);
    // Without a price limit only: a change must not carry the listing over it.
    if (listing.shipping === 'unknown' || listing.isAuction || priceLimit !== undefined) return;
    variation.price = Math.round(variation.price * (isCheaper ? 0.7 : 1.4));
    plants.push({
      event: `price-${isCheaper ? 'dropped' : 'rose'} ${listing.legacyId} ${variation.id}`,
      step: steps.length,
    });
  };
  const fresh = new Set<string>();

  const cleanSearches = () => {
    // Each variation on each site and from each kind of answer.
    for (let turn = 0; turn < (hasDetails ? 12 : 6); turn++) {
      search(true);
      now += HOUR;
    }
  };
  if (changes) cleanSearches();
  const looks = 3 + below(12);
  for (let look = 0; look < looks; look++) {
    search(false);
    pass();
    if (changes && chance(0.5)) plant();
  }
  if (changes) cleanSearches();
  return { steps, plants };
}
