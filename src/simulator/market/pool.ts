import { cached } from '../catalogue/catalogue.ts';
import { drawListing, drawSeller, encodeListing, type Listing } from '../catalogue/listing.ts';
import { SITES, type Site } from '../catalogue/marketplaces.ts';
import { indexed, type KeywordTerm, matchesKeywords, vocabulary } from '../catalogue/title.ts';
import { hash, pick, type Random, randomFrom } from '../random.ts';
import type { Pace } from './pace.ts';

/** What can happen to a listing after it was listed, with how often each does relative to the others. */
export type Changes = Readonly<Record<Exclude<EventKind, 'listed'>, number>>;

/**
 * `returned`: an ended listing is there again, under its own number or, half of the time, as a new listing. `stock`: another
 * quantity, which only the item itself says.
 */
export type EventKind = 'listed' | 'price' | 'stock' | 'sold-out' | 'restocked' | 'ended' | 'returned';

/** One thing that happened in a market. */
export interface MarketEvent {
  /** When, ms since the epoch by the market's clock. */
  readonly at: number;
  readonly kind: EventKind;
  /** The query's words; empty for a shop. */
  readonly words: string;
  /** The shop's seller; null for a query. */
  readonly seller: string | null;
  readonly legacyId: string;
  readonly itemId: string;
  readonly title: string;
  /** Price before, where it changed: a decimal string in the site's currency. */
  readonly from?: string;
  /** Price from now on. */
  readonly price: string;
  /** Listing number before, where an ended listing returned under a new one. */
  readonly was?: string;
}

export interface PoolOptions {
  readonly number: number;
  /** The simulator's: sellers follow from it. */
  readonly seed: number;
  /** The market's: everything else does. */
  readonly dice: number;
  readonly today: number;
  readonly site: Site;
  readonly family: Listing['family'];
  readonly words: string;
  readonly seller: string | null;
  /** How many listings there are at the start. */
  readonly listings: number;
  /** New listings a day, on average. */
  readonly perDay: number;
  /** Other changes a day. */
  readonly changesPerDay: number;
  readonly changes: Changes;
  readonly pace: Pace;
  readonly start: number;
  readonly dayMs: number;
  /** How often everything happens, relative to `perDay` and `changesPerDay`. */
  readonly factor: number;
}

/** What has happened to one listing. */
interface State {
  status: 'live' | 'sold-out' | 'ended';
  priceCents?: number;
  stock?: number;
  /** How often the seller changed it. */
  revisions: number;
  endedAt: number | null;
  /** Number of the listing that it is again. */
  copyOf?: number;
}

/** Numbers of sites from here on belong to pools: 100 each, as a site has families. */
const FIRST_SITE = SITES.length + 1;
/** Sellers of one query's listings. */
const SELLERS = 12;

/** Drawn listings that are kept, of all pools together: about 100 MB. */
const DRAWN = 50_000;

/** The number of the pool that a listing is of, and its number there. */
export function poolOf(decoded: { site: number; family: number; number: number } | null) {
  if (decoded === null || decoded.site < FIRST_SITE) return null;
  return { pool: (decoded.site - FIRST_SITE) * 100 + decoded.family, number: decoded.number };
}

/**
 * The listings that one query finds, or those of one shop. What happens is drawn in order from one seed, however late it
 * is asked for. Listings are numbered by age; one is drawn when it is shown, so that thousands cost nothing.
 */
export class Pool {
  readonly site: Site;
  readonly family: Listing['family'];
  readonly words: string;
  readonly seller: string | null;
  readonly sellers: ReadonlySet<string>;
  /** Every word that a title may hold, see `indexed`. */
  readonly vocabulary: string;
  readonly events: MarketEvent[] = [];
  private readonly options: PoolOptions;
  private readonly dice: number;
  private readonly random: Random;
  private readonly sellerNumbers: readonly number[];
  private readonly wordsIndex: string;
  /** Times of the listings after the first ones. */
  private readonly listedAt: number[] = [];
  private readonly states = new Map<number, State>();
  private readonly soldOut: number[] = [];
  private readonly ended: number[] = [];
  /** Ended listings that are there again under another number. */
  private retired = 0;
  private readonly drawn: Map<string, Listing>;
  private factor: number;
  /** The next event: so many expected ones after `from`, and when that is. */
  private due: { from: number; events: number; at: number };

  /** @param drawn where drawn listings are kept, by listing number; shared by all pools */
  constructor(options: PoolOptions, drawn: Map<string, Listing>) {
    const { number, seed, dice, site, family, words, seller, start } = options;
    this.options = options;
    this.factor = options.factor;
    this.drawn = drawn;
    this.site = site;
    this.family = words === '' ? family : { ...family, noun: words };
    this.words = words;
    this.seller = seller;
    this.dice = hash(dice, 'pool', number);
    this.random = randomFrom(hash(this.dice, 'events'));
    this.sellerNumbers =
      seller === null
        ? Array.from({ length: SELLERS }, (_, index) => hash(this.dice, 'seller', index) % 4000)
        : [Number(seller.slice('seller_'.length))];
    this.sellers = new Set(this.sellerNumbers.map((each) => drawSeller(seed, each).username));
    this.vocabulary = indexed(vocabulary(this.family, site.language));
    this.wordsIndex = indexed(words);
    this.due = this.dueAfter(start);
  }

  /** Rises with every event. */
  get version(): number {
    return this.events.length;
  }

  /** Number of the newest listing. */
  get newest(): number {
    return this.options.listings + this.listedAt.length - 1;
  }

  /** How many listings a search may show. */
  get live(): number {
    return this.newest + 1 - this.soldOut.length - this.ended.length - this.retired;
  }

  /** Whether the keywords are in every title. */
  matchesAll(terms: readonly KeywordTerm[]): boolean {
    return matchesKeywords(terms, this.wordsIndex);
  }

  /** Lets everything happen until this time. */
  advance(now: number): void {
    for (let { at } = this.due; Math.floor(at) <= now; { at } = this.due) {
      this.happen(Math.floor(at));
      this.due = this.dueAfter(at);
    }
  }

  /** From now on everything happens this many times as often as at the start. */
  scale(factor: number, now: number): void {
    this.advance(now);
    const { pace } = this.options;
    const passed = pace.expected(this.due.from, now, this.rate);
    const events = Math.max(0, this.due.events - passed);
    this.factor = factor;
    this.due = { from: now, events, at: pace.reach(now, events, this.rate) };
  }

  isLive(number: number): boolean {
    return (this.states.get(number)?.status ?? 'live') === 'live';
  }

  statusOf(number: number): State['status'] {
    return this.states.get(number)?.status ?? 'live';
  }

  /** When a listing was listed. Those of the start are as far apart as the rate says, at most two years old in all. */
  listedAtOf(number: number): number {
    const { listings, perDay, start, dayMs } = this.options;
    if (number >= listings) return this.listedAt[number - listings] as number;
    const apart = Math.max(2, Math.min(dayMs / Math.max(perDay, 1e-9), (700 * dayMs) / listings));
    const jitter = (hash(this.dice, 'age', number) % 1000) / 1000;
    return Math.floor(start - (listings - number - jitter) * apart) - 1;
  }

  /** The listing as it is after the last event. */
  listing(number: number): Listing {
    const legacyId = this.idOf(number);
    return cached(this.drawn, legacyId, () => this.draw(number, legacyId), DRAWN);
  }

  private get rate(): number {
    return (this.options.perDay + this.options.changesPerDay) * this.factor;
  }

  private dueAfter(from: number) {
    const events = -Math.log(1 - this.random());
    return { from, events, at: this.options.pace.reach(from, events, this.rate) };
  }

  private idOf(number: number): string {
    const { number: pool } = this.options;
    return encodeListing(FIRST_SITE + Math.floor(pool / 100), pool % 100, number);
  }

  private draw(number: number, legacyId: string): Listing {
    const { seed, today, site } = this.options;
    const state = this.states.get(number);
    const origin = state?.copyOf ?? number;
    const model = drawListing(this.dice, today, site, this.family, origin);
    const seller = this.sellerNumbers[model.dice % this.sellerNumbers.length] as number;
    const isGone = state !== undefined && state.status !== 'live';
    return {
      ...model,
      itemId: `v1|${legacyId}|${model.itemId.split('|')[2]}`,
      legacyId,
      // Neither bids nor exchange rates change a price: only events do.
      buyingOptions: model.buyingOptions.includes('BEST_OFFER')
        ? ['FIXED_PRICE', 'BEST_OFFER']
        : ['FIXED_PRICE'],
      auction: null,
      foreignCurrency: null,
      priceCents: state?.priceCents ?? priceOf(model),
      seller: drawSeller(seed, seller),
      revision: 1 + (state?.revisions ?? 0),
      stock: isGone ? 0 : (state?.stock ?? Math.max(1, model.stock)),
      listedAt: this.listedAtOf(number),
      ofMarket: true,
      endedAt: state?.endedAt ?? null,
    };
  }

  /** One event, drawn and recorded. */
  private happen(at: number): void {
    const kind = this.drawKind();
    if (kind === 'listed') this.list(at, kind);
    else if (kind === 'restocked')
      this.change(at, kind, this.take(this.soldOut), { status: 'live', stock: this.drawStock() });
    else if (kind === 'returned') this.bringBack(at, this.take(this.ended));
    else {
      const number = this.drawLive();
      if (kind === 'price') this.reprice(at, number);
      else if (kind === 'stock') this.change(at, kind, number, { stock: this.drawStock() });
      else if (kind === 'sold-out') {
        this.soldOut.push(number);
        this.change(at, kind, number, { status: 'sold-out' });
      } else {
        this.ended.push(number);
        this.change(at, kind, number, { status: 'ended', endedAt: at });
      }
    }
  }

  private drawKind(): EventKind {
    const { perDay, changesPerDay, changes } = this.options;
    if (this.random() * (perDay + changesPerDay) < perDay) return 'listed';
    const kinds = Object.entries(changes) as [Exclude<EventKind, 'listed'>, number][];
    const draw = this.random() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
    let [kind, sum]: [EventKind, number] = ['price', 0];
    for (const [each, weight] of kinds) {
      if (draw >= sum && draw < sum + weight) kind = each;
      sum += weight;
    }
    if (kind === 'restocked' && this.soldOut.length === 0) kind = 'sold-out';
    if (kind === 'returned' && this.ended.length === 0) kind = 'ended';
    const needsLive = kind !== 'restocked' && kind !== 'returned';
    if (needsLive && this.live === 0) return this.soldOut.length > 0 ? 'restocked' : 'listed';
    return kind;
  }

  /** Number of a live listing; of a query's the newer ones are more likely. */
  private drawLive(): number {
    const power = this.seller === null ? 2 : 1;
    const count = this.newest + 1;
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const number = this.newest - Math.floor(this.random() ** power * count);
      if (this.isLive(number)) return number;
    }
    let number = this.newest;
    while (!this.isLive(number)) number -= 1;
    return number;
  }

  private drawStock(): number {
    return 1 + Math.floor(this.random() ** 2 * 40);
  }

  private take(numbers: number[]): number {
    const index = Math.floor(this.random() * numbers.length);
    const [number] = numbers.splice(index, 1);
    return number as number;
  }

  private list(at: number, kind: 'listed' | 'returned', more: Partial<State> = {}, was?: string): void {
    this.listedAt.push(at);
    this.change(at, kind, this.newest, more, was === undefined ? {} : { was });
  }

  private bringBack(at: number, number: number): void {
    if (this.random() < 0.5) this.change(at, 'returned', number, { status: 'live', endedAt: null });
    else {
      const { priceCents, copyOf = number } = this.states.get(number) as State;
      const same = { copyOf, ...(priceCents !== undefined && { priceCents }) };
      // The old number stays that of an ended listing, which does not return a second time.
      this.retired += 1;
      this.list(at, 'returned', same, this.idOf(number));
    }
  }

  private reprice(at: number, number: number): void {
    const before = priceOf(this.listing(number));
    const factor = pick(this.random, [0.7, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3]);
    const priceCents = Math.max(99, Math.round(before * factor));
    const different = priceCents === before ? before + 50 : priceCents;
    this.change(at, 'price', number, { priceCents: different }, { from: decimal(before) });
  }

  private change(
    at: number,
    kind: EventKind,
    number: number,
    change: Partial<State>,
    more: Partial<MarketEvent> = {},
  ): void {
    const state = this.states.get(number) ?? { status: 'live', revisions: 0, endedAt: null };
    const isNew = number === this.newest && (kind === 'listed' || more.was !== undefined);
    if (!isNew || Object.keys(change).length > 0) {
      this.states.set(number, { ...state, ...change, revisions: state.revisions + (isNew ? 0 : 1) });
    }
    this.drawn.delete(this.idOf(number));
    const { legacyId, itemId, wording, priceCents } = this.listing(number);
    const { words, seller } = this;
    const price = decimal(priceCents ?? 0);
    this.events.push({ at, kind, words, seller, legacyId, itemId, title: wording.title, price, ...more });
  }
}

/** A pure auction's bid is the price of the same listing in a market. */
function priceOf({ priceCents, auction }: Listing): number {
  return priceCents ?? auction?.bidCents ?? 99;
}

function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}
