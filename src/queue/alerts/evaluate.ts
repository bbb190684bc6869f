import { createHash } from 'node:crypto';
import type { TrackComparison } from '../../events/searchEvents.ts';
import type { Hit } from '../../product/alertMessage.ts';
import type { AlertCondition } from '../../product/alertSchema.ts';
import type { Product } from '../../product/product.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { redisFailure } from '../../redis/failure.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import {
  fitsAlert,
  hitIdOf,
  judge,
  likenessOf,
  type Met,
  needsTwins,
  priceOf,
  type SeenListing,
} from './conditions.ts';
import { type BaselineEntry, type ReleaseContext, release } from './release.ts';
import { noneShared, packState, packTwin, readState, readTwin, type Twin } from './state.ts';
import { type AlertKnowledge, AlertStore, readKnowledge, type StoredAlert } from './store.ts';

/** How long eBay lets texts of a listing be shown after its answer, ms: six hours. */
export const LONGEST_SHOWN_MS = 6 * 3_600_000;

/** What searches and looks are evaluated with. */
export interface AlertsContext extends ReleaseContext {
  /** TRACK_TTL: how long a listing is remembered, ms. */
  ttlMs: number;
  /** How long after eBay's answer the title and picture of a listing are kept, ms. */
  textsMs: number;
  /** Makes the messages be sent of every channel that has some and is not at work. */
  wakeWaiting: () => Promise<void>;
  /** Counts hits. */
  hit?: (condition: AlertCondition) => void;
  log: Logger;
}

/** What one answer says of a listing, with what its owner keeps of it. */
export interface SeenEntry extends SeenListing {
  /** Of a watchlist. */
  columns?: Record<string, string>;
  /** Another variation of an entry of a watchlist: a first look counts the entry once. */
  isFurther?: boolean;
}

/** What alerts are compared with. */
export interface Look {
  searchId: string;
  /** The same for everything that belongs to one first look: a search, or all looks at a watchlist. */
  baseline: string;
  /** When it began, ms since the epoch. */
  began: number;
  /** The track starts afresh: what an alert knows is about other listings. */
  isFresh: boolean;
  /** Whether the first look of an alert is over with this. */
  isWhole: (known: Pick<AlertKnowledge, 'seen' | 'began'>) => boolean;
}

/** What an alert may be about. */
type Source = Partial<Record<'track' | 'schedule' | 'watchlist', string>>;

/** The alerts that are about one of these and are not paused; one command. */
export async function alertsOn(
  { redis, prefix, tenant }: Pick<AlertsContext, 'redis' | 'prefix' | 'tenant'>,
  source: Source,
): Promise<StoredAlert[]> {
  const all = await new AlertStore(redis, prefix, tenant).all();
  const kinds = Object.keys(source) as Array<keyof Source>;
  return all.filter(({ record: { paused, definition } }) => {
    return !paused && kinds.some((kind) => source[kind] !== undefined && definition[kind] === source[kind]);
  });
}

/**
 * Compares a search that was compared with its track with the alerts on the track, and on the schedule that it is a run of,
 * before its job ends: done again, what was kept of it already has no effect.
 * @param timestamp of its job
 */
export async function evaluateSearch(
  context: AlertsContext,
  { searchId, timestamp, schedule }: { searchId: string; timestamp: number; schedule: string | null },
  comparison: TrackComparison,
  summary: SearchSummary,
): Promise<void> {
  const { name: track, verdict, products, seenAt } = comparison;
  // Another request uses the track: nothing is known of what has changed.
  if (verdict.note !== undefined && verdict.marks.size === 0) return;
  const alerts = await alertsOn(context, { track, ...(schedule !== null && { schedule }) });
  if (alerts.length === 0) return;
  const times = [...seenAt.values(), ...(seenAt.size === 0 ? [summary.startedAt] : [])].map(Date.parse);
  const began = Math.min(...times);
  // As for the track: a search with pages that are missing is no first one. Details may be missing.
  const isComplete =
    summary.outcome !== 'cancelled' &&
    summary.missing.every(({ page }) => page === null && summary.pages > 0);
  const all = products.map(seenIn);
  const there = new Set(all.map(({ itemId }) => itemId));
  const gone = new Set(summary.gone.filter((itemId) => !there.has(itemId)));
  const look: Look = {
    searchId,
    baseline: `${searchId}@${timestamp}`,
    began,
    isFresh: verdict.firstRun === true,
    isWhole: () => isComplete,
  };
  await evaluate(context, alerts, look, [...all, ...[...gone].map((itemId) => goneSeen(itemId, began))]);
}

/** What a product says of its listing. */
export function seenIn(product: Product): SeenEntry {
  const { itemId, observedAt, details, mark } = product;
  const hasEnded = details?.availability === 'gone' || details?.availability === 'ended';
  return {
    itemId,
    at: Date.parse(observedAt),
    product: hasEnded ? null : product,
    source: details !== undefined && details.observedAt === observedAt ? 'item' : 'search',
    isNew: mark === 'new',
    isOut: details?.availability === 'out-of-stock',
    quantity: details?.availableQuantity ?? null,
    moreThan: details?.availableQuantityMoreThan ?? null,
  };
}

/** @param at when eBay answered without it, ms since the epoch */
export function goneSeen(itemId: string, at: number): SeenEntry {
  const unknown = { quantity: null, moreThan: null };
  return { itemId, at, product: null, source: 'search', isNew: false, isOut: false, ...unknown };
}

/** Listings of one script, so that it blocks Redis for a moment only. */
const BATCH = 200;
/** Listings that the message about a first look names. */
const MOST_CHEAPEST = 3;

/** Compares what was seen with what alerts know, keeps hits and releases them. An alert that fails keeps no other from it. */
export async function evaluate(
  context: AlertsContext,
  alerts: readonly StoredAlert[],
  look: Look,
  all: readonly SeenEntry[],
): Promise<void> {
  for (const alert of alerts) {
    const { name } = alert.record.definition;
    try {
      const hits = await new Evaluation(context, alert, look).run(all);
      if (hits === 0) continue;
      context.log.info('alert met', { alert: name, searchId: look.searchId, hits });
      await release(context, name);
    } catch (error) {
      // The job waits for Redis. What else is wrong with one alert must not fail the search.
      if (redisFailure(error) !== undefined) throw error;
      context.log.warn('alert not evaluated', {
        alert: name,
        searchId: look.searchId,
        reason: String(error),
      });
    }
  }
}

/** One alert and one look. */
class Evaluation {
  readonly #context: AlertsContext;
  readonly #store: AlertStore;
  readonly #look: Look;
  #alert: StoredAlert;

  constructor(context: AlertsContext, alert: StoredAlert, look: Look) {
    this.#context = context;
    this.#store = new AlertStore(context.redis, context.prefix, context.tenant);
    this.#alert = alert;
    this.#look = look;
  }

  /** @returns entries that wait for a message now */
  async run(all: readonly SeenEntry[]): Promise<number> {
    const fits = fitsAlert(this.#alert.record.definition);
    const own = all.filter(({ product }) => product === null || fits(product));
    const counted = (list: readonly SeenEntry[]) => list.filter(({ isFurther }) => isFurther !== true).length;
    await clockOf(this.#context.redis, this.#context.prefix).current();
    let hits = 0;
    for (let from = 0; from < own.length; from += BATCH) {
      const added = await this.#batch(
        own.slice(from, from + BATCH),
        from === 0 ? counted(all) - counted(own) : 0,
      );
      if (added === undefined) return hits;
      hits += added;
    }
    return hits + (await this.#arm());
  }

  /** @returns hits that were kept; undefined: the alert is another one by now, is paused or was removed */
  async #batch(all: readonly SeenEntry[], unfit: number): Promise<number | undefined> {
    for (;;) {
      const learned = await this.#learn(all, unfit);
      if (learned === undefined) return 0;
      const kept = await this.#store.learn(this.#alert, learned, this.#context.ttlMs);
      if (kept === 'kept') {
        for (const { on } of learned.hits) this.#context.hit?.(on);
        return learned.hits.length;
      }
      if (kept === 'removed' && !(await this.#isSame())) return undefined;
    }
  }

  /** Reads the alert again. Where only its channels or times were changed the look goes on. */
  async #isSame(): Promise<boolean> {
    const { definition, born } = this.#alert.record;
    const present = await this.#store.get(definition.name);
    if (present === undefined || present.record.paused || present.record.born !== born) return false;
    this.#alert = present;
    return true;
  }

  /** What these answers change; undefined: nothing. */
  async #learn(all: readonly SeenEntry[], unfit: number) {
    const { definition, born } = this.#alert.record;
    const { ttlMs, textsMs } = this.#context;
    const { name, when } = definition;
    const likenesses = needsTwins(definition)
      ? all.map(({ product }) => (product === null ? undefined : likenessOf(product)))
      : [];
    const itemIds = [...new Set(all.map(({ itemId }) => itemId))];
    const likes = [...new Set(likenesses.filter((each) => each !== undefined))];
    const { text, values } = await this.#store.look(name, [...itemIds, ...likes]);
    const present = readKnowledge(text, definition);
    const isFresh = this.#startsAfresh(present);
    const known = present === undefined || isFresh ? this.#none() : present;
    const read = isFresh ? [] : values;
    const states = new Map(itemIds.map((id, index) => [id, readState(read[index], when.length)]));
    const twins = new Map<string, Twin | undefined>(
      likes.map((like, index) => [like, readTwin(read[itemIds.length + index], when.length)]),
    );
    const now = clockOf(this.#context.redis, this.#context.prefix).now();
    const fields = new Map<string, string>();
    const hits: Hit[] = [];
    const texts: Array<[string, string, number]> = [];
    const matching: Hit[] = [];
    let { shared } = known;
    let seen = 0;
    for (const [index, seenNow] of all.entries()) {
      const { itemId, product } = seenNow;
      const like = likenesses[index];
      const state = states.get(itemId);
      const twin = like === undefined ? undefined : twins.get(like);
      const isBaseline = !known.isArmed;
      const judged = judge(definition, seenNow, { state, twin, shared, isBaseline, now, ttlMs });
      if (judged.after !== undefined) {
        states.set(itemId, judged.after);
        fields.set(itemId, packState(judged.after));
      }
      if (judged.twin !== undefined && like !== undefined) {
        twins.set(like, judged.twin);
        fields.set(like, packTwin(judged.twin));
      }
      shared = judged.shared ?? shared;
      if (state === undefined && seenNow.isFurther !== true) seen += 1;
      if (state === undefined && judged.matches) matching.push(this.#matchOf(seenNow));
      for (const met of judged.met) {
        const hit = this.#hitOf(seenNow, met, hitIdOf(born, met, seenNow));
        hits.push(hit);
        const left = Math.min(seenNow.at, now) + textsMs - now;
        if (product === null || left < 1) continue;
        const own = { title: product.title, image: product.images[0] ?? null, condition: product.condition };
        texts.push([hit.id, JSON.stringify(own), left]);
      }
    }
    if (!isFresh && present !== undefined && fields.size === 0 && shared === known.shared) return undefined;
    const after: AlertKnowledge = { ...known, version: known.version + 1, shared };
    if (!known.isArmed) {
      after.seen += seen + unfit;
      after.matching += matching.length;
      after.cheapest = [...known.cheapest, ...matching].sort(byPrice).slice(0, MOST_CHEAPEST);
    }
    return { before: text, after, isFresh, fields: [...fields], hits, texts };
  }

  #startsAfresh(present: AlertKnowledge | undefined): boolean {
    const { isFresh, baseline, began } = this.#look;
    return isFresh && present !== undefined && present.baseline !== baseline && present.began < began;
  }

  #none(): AlertKnowledge {
    const { baseline, began } = this.#look;
    const nothing = { version: 0, isArmed: false, seen: 0, matching: 0, cheapest: [] };
    return { ...nothing, baseline, began, shared: noneShared(this.#alert.record.definition) };
  }

  /** Ends the first look, where this is one: from now on there are hits. @returns 1 where a message says what is there */
  async #arm(): Promise<number> {
    for (;;) {
      const { definition } = this.#alert.record;
      const { text } = await this.#store.look(definition.name, []);
      const present = readKnowledge(text, definition);
      const isFresh = this.#startsAfresh(present);
      const known = present === undefined || isFresh ? this.#none() : present;
      if (known.isArmed || !this.#look.isWhole(known)) return 0;
      const { matching, cheapest, baseline } = known;
      const entry: BaselineEntry = { baseline, matching, hits: cheapest };
      const after = { ...known, version: known.version + 1, isArmed: true, matching: 0, cheapest: [] };
      const entries = matching > 0 ? [entry] : [];
      const learned = { before: text, after, isFresh, fields: [], hits: entries, texts: [] };
      const kept = await this.#store.learn(this.#alert, learned, this.#context.ttlMs);
      if (kept === 'kept') return entries.length;
      if (kept === 'removed' && !(await this.#isSame())) return 0;
    }
  }

  #hitOf(
    seenNow: SeenEntry,
    met: Pick<Met, 'on' | 'basis' | 'from' | 'fromAt' | 'to' | 'quantity'>,
    id: string,
  ): Hit {
    const { itemId, at, product, quantity, columns } = seenNow;
    return {
      id,
      on: met.on,
      at: new Date(at).toISOString(),
      searchId: this.#look.searchId,
      itemId,
      marketplace: product?.marketplace ?? null,
      url: product?.affiliateUrl ?? product?.url ?? null,
      basis: met.basis,
      from: met.from,
      to: met.to,
      fromSeenAt: met.fromAt === null ? null : new Date(met.fromAt).toISOString(),
      quantity: met.quantity ?? quantity,
      priceDisplay: product?.priceDisplay ?? null,
      ...(columns !== undefined && { columns: { ...columns } }),
      ...{ title: null, image: null, condition: null },
    };
  }

  /** A listing that meets a condition at the first look. */
  #matchOf(seenNow: SeenEntry): Hit {
    const { record } = this.#alert;
    const condition = record.definition.when.find(({ on }) => on === 'price-below' || on === 'stock-below');
    const on = condition?.on ?? 'price-below';
    const basis = condition !== undefined && 'basis' in condition ? condition.basis : 'delivered';
    const to = (seenNow.product && priceOf(seenNow.product, basis)?.shown) ?? null;
    const text = JSON.stringify([record.born, 'baseline', seenNow.itemId, seenNow.at]);
    const id = createHash('sha256').update(text).digest('hex').slice(0, 32);
    return this.#hitOf(seenNow, { on, basis: to && basis, from: null, fromAt: null, to, quantity: null }, id);
  }
}

/** What has no price comes last. */
function byPrice(one: Hit, other: Hit): number {
  return Number(one.to?.value ?? Number.MAX_VALUE) - Number(other.to?.value ?? Number.MAX_VALUE);
}
