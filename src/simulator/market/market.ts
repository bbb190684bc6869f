import type { Living, Wanted } from '../catalogue/catalogue.ts';
import { FAMILIES } from '../catalogue/families.ts';
import { decodeListing, type Listing } from '../catalogue/listing.ts';
import { SITES } from '../catalogue/marketplaces.ts';
import { indexed, matchesKeywords, parseKeywords } from '../catalogue/title.ts';
import { hash } from '../random.ts';
import { type Bursts, createPace, type Rhythm } from './pace.ts';
import { type Changes, type MarketEvent, Pool, poolOf } from './pool.ts';

/** What a query and a shop have alike. */
interface Source {
  /** Default EBAY_US. */
  readonly marketplace?: string;
  /** Id of a leaf category; default: that of the product that the words name, else any. */
  readonly category?: string;
  /** How many there are at the start. */
  readonly listings: number;
  /** Other changes than new listings a day, on average. Default: half of `perDay` for a query, `listings` ÷ 10 for a shop. */
  readonly changesPerDay?: number;
  /** Which changes these are: weights, in place of the usual ones. */
  readonly changes?: Partial<Changes>;
  readonly rhythm?: Rhythm;
  readonly bursts?: Bursts;
}

/** A search that finds listings of its own. */
export interface MarketQuery extends Source {
  /** In every title. Without words that other listings have, a search for them finds nothing else. */
  readonly words: string;
  /** New listings a day, on average; bursts come on top. */
  readonly perDay: number;
}

/** A seller with listings in one category. */
export interface MarketShop extends Source {
  /** `seller_4000` to `seller_4999`; default: the next one. */
  readonly seller?: string;
  /** New listings a day. Default 0. */
  readonly perDay?: number;
}

/** A living market: listings appear, change price, sell out, are restocked, end and return. */
export interface MarketOptions {
  /** Default: the simulator's. Same seed, same start: same events at the same times. */
  readonly seed?: number;
  /** Length of a day in ms of the clock. Default 86,400,000. */
  readonly dayMs?: number;
  /** The market's time, ms since the epoch; default: the machine's. It may jump forward, not back. */
  readonly clock?: () => number;
  /** When the market begins; default: the clock's time when the simulator starts. */
  readonly start?: number;
  /** How often everything happens at first, as `scaleRates` sets it later; 0: nothing does until then. Default 1. */
  readonly factor?: number;
  readonly queries?: readonly MarketQuery[];
  readonly shops?: readonly MarketShop[];
}

const QUERY_CHANGES: Changes = { price: 5, stock: 0, 'sold-out': 2, restocked: 2, ended: 3, returned: 1 };
const SHOP_CHANGES: Changes = { price: 3, stock: 3, 'sold-out': 3, restocked: 3, ended: 1, returned: 1 };
const FIRST_SHOP = 4000;
/** As many as listing numbers have room for. */
const MOST = 4900;

export type Market = ReturnType<typeof createMarket>;

/** @param seed of the simulator @param today midnight UTC, epoch ms: the day that delivery dates depend on */
export function createMarket(options: MarketOptions, seed: number, today: number) {
  const { dayMs = 86_400_000, clock = Date.now, factor = 1 } = options;
  const own = options.seed ?? seed;
  const start = options.start ?? clock();
  const drawn = new Map<string, Listing>();
  const sources = [
    ...(options.queries ?? []).map((query) => ({
      ...query,
      seller: null,
      changesPerDay: query.changesPerDay ?? query.perDay / 2,
      changes: { ...(query.changes === undefined ? QUERY_CHANGES : NOTHING), ...query.changes },
    })),
    ...(options.shops ?? []).map((shop, index) => ({
      words: '',
      perDay: 0,
      ...shop,
      seller: shop.seller ?? `seller_${FIRST_SHOP + index}`,
      changesPerDay: shop.changesPerDay ?? shop.listings / 10,
      changes: { ...(shop.changes === undefined ? SHOP_CHANGES : NOTHING), ...shop.changes },
    })),
  ];
  if (sources.length > MOST) throw new Error(`a market has at most ${MOST} queries and shops`);
  const pools = sources.map((source, number) => {
    const site = SITES.find(({ id }) => id === (source.marketplace ?? 'EBAY_US'));
    if (site === undefined) throw new Error(`no marketplace ${source.marketplace}`);
    const pace = createPace(hash(own, 'pace', number), dayMs, source.rhythm, source.bursts);
    const family = familyFor(source.words, source.category, number);
    return new Pool(
      { ...source, number, seed, dice: own, today, site, family, pace, start, dayMs, factor },
      drawn,
    );
  });
  const index = indexWords(pools);

  /** Pools that may have what a search asks for, as they are now. */
  const candidates = (wanted: Wanted): Pool[] => {
    const { site, terms, categoryId, family, sellers } = wanted;
    const now = clock();
    const found = index.find(wanted).filter((pool) => {
      const { leaf } = pool.family;
      return (
        pool.site === site &&
        (categoryId === null || leaf.id === categoryId || leaf.department.id === categoryId) &&
        (family === undefined || pool.family.number === family) &&
        (sellers?.some((seller) => pool.sellers.has(seller)) ?? true) &&
        matchesKeywords(terms, pool.vocabulary)
      );
    });
    for (const pool of found) pool.advance(now);
    return found;
  };
  const matches = ({ terms, searchInDescription }: Wanted, pool: Pool) =>
    pool.matchesAll(terms) || searchInDescription
      ? () => true
      : (listing: Listing) => matchesKeywords(terms, listing.index);

  function* newestFirst(wanted: Wanted, from: readonly Pool[]): Generator<Listing, void> {
    const heads = from.map((pool) => ({ pool, fits: matches(wanted, pool), number: pool.newest, at: 0 }));
    const settle = (head: (typeof heads)[number]) => {
      while (head.number >= 0 && !head.pool.isLive(head.number)) head.number -= 1;
      head.at = head.number < 0 ? Number.NEGATIVE_INFINITY : head.pool.listedAtOf(head.number);
    };
    heads.forEach(settle);
    for (;;) {
      let first = heads[0];
      for (const head of heads) if (first === undefined || head.at > first.at) first = head;
      if (first === undefined || first.number < 0) return;
      const listing = first.pool.listing(first.number);
      first.number -= 1;
      settle(first);
      if (first.fits(listing)) yield listing;
    }
  }

  const living: Living = {
    version: (wanted) => {
      const found = candidates(wanted);
      return `${found.length}:${found.reduce((sum, { version }) => sum + version, 0)}`;
    },
    matching: (wanted) =>
      candidates(wanted).flatMap((pool) => [...liveOf(pool)].filter(matches(wanted, pool))),
    newest: (wanted) => {
      const found = candidates(wanted);
      const count = found.reduce((sum, { live }) => sum + live, 0);
      return { count, listings: newestFirst(wanted, found) };
    },
    find: (legacyId) => {
      const place = poolOf(decodeListing(legacyId));
      const pool = place === null ? undefined : pools[place.pool];
      if (place === null || pool === undefined) return null;
      const now = clock();
      pool.advance(now);
      if (place.number > pool.newest) return null;
      const listing = pool.listing(place.number);
      // eBay shows an ended listing for some time.
      return listing.endedAt !== null && now >= listing.endedAt + dayMs ? null : listing;
    },
  };

  const named = (name: string | undefined) =>
    name === undefined ? pools : pools.filter(({ words, seller }) => words === name || seller === name);
  const advance = () => {
    const now = clock();
    for (const pool of pools) pool.advance(now);
    return now;
  };
  const controls = {
    /** Everything that happened until now, in order, after the time `since`. */
    trace({ since = 0 }: { readonly since?: number | undefined } = {}): MarketEvent[] {
      advance();
      return pools.flatMap(({ events }) => events.filter(({ at }) => at > since)).sort((a, b) => a.at - b.at);
    },
    /** From now on everything happens this many times as often as at the start, with all or one query's or seller's listings. */
    scaleRates(factor: number, name?: string): void {
      if (!(factor >= 0)) throw new Error(`${factor} is no factor`);
      const now = clock();
      const scaled = named(name);
      if (scaled.length === 0) throw new Error(`no query or seller ${name}`);
      for (const pool of scaled) pool.scale(factor, now);
    },
    /** The listings that a search may show now, of all or of one query or seller. */
    listings(name?: string) {
      advance();
      return named(name).flatMap((pool) =>
        [...liveOf(pool)].map(({ itemId, legacyId, wording, seller, family, priceCents, stock }) => ({
          itemId,
          legacyId,
          title: wording.title,
          words: pool.words,
          seller: seller.username,
          categoryId: family.leaf.id,
          price: ((priceCents ?? 0) / 100).toFixed(2),
          stock,
        })),
      );
    },
    /** The clock, and how many of each there are. */
    state() {
      const now = advance();
      const listings = pools.reduce((sum, { live }) => sum + live, 0);
      const events = pools.reduce((sum, { version }) => sum + version, 0);
      return { now, start, dayMs, pools: pools.length, listings, events };
    },
  };
  return { ...living, controls };
}

const NOTHING: Changes = { price: 0, stock: 0, 'sold-out': 0, restocked: 0, ended: 0, returned: 0 };

function* liveOf(pool: Pool): Generator<Listing, void> {
  for (let number = pool.newest; number >= 0; number -= 1) {
    if (pool.isLive(number)) yield pool.listing(number);
  }
}

function familyFor(words: string, category: string | undefined, number: number): Listing['family'] {
  const ofCategory = FAMILIES.filter(({ leaf }) => category === undefined || leaf.id === category);
  if (ofCategory.length === 0) throw new Error(`no leaf category ${category}`);
  const named = ofCategory.find(({ noun }) => matchesKeywords(parseKeywords(noun), indexed(words)));
  return named ?? (ofCategory[hash(words, number) % ofCategory.length] as Listing['family']);
}

/** Finds pools by the rarest word of a search, so that one of a thousand queries costs no more than one of ten. */
function indexWords(pools: readonly Pool[]) {
  const byWord = new Map<string, Pool[]>();
  for (const pool of pools) {
    for (const word of new Set(pool.vocabulary.trim().split(' '))) {
      const known = byWord.get(word);
      if (known === undefined) byWord.set(word, [pool]);
      else known.push(pool);
    }
  }
  const withWords = (words: readonly string[]) => {
    const lists = words.map((word) => byWord.get(word) ?? []);
    return lists.reduce((fewest, list) => (list.length < fewest.length ? list : fewest), pools);
  };
  const find = ({ terms }: Wanted): Pool[] => {
    const lists = terms.map((term) => [...new Set(term.flatMap(withWords))]);
    return lists.reduce<readonly Pool[]>(
      (fewest, list) => (list.length < fewest.length ? list : fewest),
      pools,
    ) as Pool[];
  };
  return { find };
}
