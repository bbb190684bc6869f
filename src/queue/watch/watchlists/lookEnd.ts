import type { Job } from 'bullmq';
import type { FieldChange } from '../../../events/stream.ts';
import type { Failure } from '../../../failures.ts';
import { listingNamed } from '../../../product/itemReference.ts';
import type { SearchSummary } from '../../../product/summary.ts';
import { listingOf } from '../../../product/track.ts';
import { clockOf } from '../../../redis/redisClock.ts';
import { keyOf, type SearchRef } from '../../../results/searchStore.ts';
import { keptFor } from '../../../results/tracks.ts';
import { alertsOn, evaluate, goneSeen, type SeenEntry, seenIn } from '../../alerts/evaluate.ts';
import type { StoredAlert } from '../../alerts/store.ts';
import type { QueueContext } from '../../search/context.ts';
import { PlanStore } from '../planStore.ts';
import {
  compareSeen,
  type Observed,
  observedIn,
  packWatched,
  readWatched,
  type Watched,
  watchEvents,
} from './compare.ts';
import { atomOf } from './groups.ts';
import type { OwnColumns } from './import.ts';
import { type WatchLook, watchLookOf } from './lookIds.ts';
import { type ListRecord, type LookState, placeOf, type StoredList, WatchStore } from './store.ts';
import { addLookJob, ITEMS_AT_ONCE, REFUSED, reportLook, UNMEASURED, withItems } from './watchLooks.ts';

/** How a job of a look ended. */
type JobEnd = { summary: SearchSummary } | { failure: Failure };

/** Item answers that are read at once: each may be all variations of a listing. */
const ITEMS_READ = 20;
/** How long the answers of a look are kept after they were compared, ms: a list of 20,000 listings has 60 MB of them a look. */
const RESULT_MS = 600_000;
/** Listings that the first look at the search of a seller shows. */
const FIRST_PAGE = 200;
/** A search found so much more or less than before that the groups may be better formed otherwise. */
const OTHER_TOTAL = 0.2;

/**
 * What follows from a job of a look at a group of a watchlist, before the job ends: what was seen is compared and kept together
 * with its events, then the next job of the look is added, or the look is reported. It may run any number of times: a listing
 * is compared with what an answer of the same time has left, which changes nothing, and ids follow from the look.
 * @returns false for a search that is no such job
 */
export async function endLookJob(context: QueueContext, job: Job, ended: JobEnd): Promise<boolean> {
  const id = watchLookOf(job.id as string);
  if (id === undefined) return false;
  const search = { tenant: context.tenant, searchId: job.id as string, timestamp: job.timestamp };
  const step = new LookStep(context, id, search);
  await step.end(ended);
  // Nobody else reads it. A job that runs again because its process stopped now finds it for so long.
  await context.redis.pexpire(keyOf(prefixOf(context), 'pages', search), RESULT_MS, 'LT');
  return true;
}

class LookStep {
  readonly #context: QueueContext;
  readonly #id: WatchLook;
  readonly #search: SearchRef;
  readonly #store: WatchStore;
  #alerts: Promise<StoredAlert[]> | undefined;

  constructor(context: QueueContext, id: WatchLook, search: SearchRef) {
    this.#context = context;
    this.#id = id;
    this.#search = search;
    this.#store = new WatchStore(context.redis, prefixOf(context), context.tenant);
  }

  async end(ended: JobEnd): Promise<void> {
    const { list: name, group, number, step } = this.#id;
    const [list, present] = await Promise.all([this.#store.get(name), this.#store.look(name, group)]);
    if (list === undefined || present?.look.number !== number) return;
    if (present.look.step !== step) {
      // This job ran before, and its process stopped before the next one was added.
      if (present.look.step === step + 1)
        await addLookJob(this.#context, this.#store, list, group, present.look);
      return;
    }
    if (present.look.place !== undefined && present.look.place !== placeOf(list.record.definition)) {
      // What it has found is about another place: the next look is the first one of this place.
      await this.#report({ ...present.look, complete: false, asked: [] });
      return;
    }
    const look =
      'summary' in ended
        ? await this.#seen(list, present.look, ended.summary)
        : await this.#failed(list, present.look, ended.failure);
    const after = await this.#store.get(name);
    if (after !== undefined && placeOf(after.record.definition) !== placeOf(list.record.definition)) {
      // The list was given another place while the answers were compared.
      await this.#store.forgetSeen(name);
      await this.#report({ ...look, complete: false, asked: [] });
      return;
    }
    if (look.asked.length === 0) {
      await this.#report(look);
      return;
    }
    const next = { ...look, step: step + 1 };
    if (await this.#store.setLook(name, group, present.text, next))
      await addLookJob(this.#context, this.#store, list, group, next);
  }

  async #report(look: LookState): Promise<void> {
    const { list, group } = this.#id;
    const { redis, tenant, log } = this.#context;
    await reportLook({ redis, prefix: prefixOf(this.#context), tenant }, this.#store, { list, group }, look);
    const { calls, changes, complete, open } = look;
    log.info('look at watchlist ended', {
      watchlist: list,
      group,
      look: look.number,
      calls,
      changes,
      open: open.length,
      complete,
    });
  }

  /** What the answers of a job say, and which listings are asked for next. */
  async #seen(
    list: StoredList,
    look: LookState,
    { outcome, calls, missing }: SearchSummary,
  ): Promise<LookState> {
    // An item that fails keeps no other one from being seen; a page that is missing may have any of them.
    const mayMiss = look.asked.length / 2;
    const isWhole = outcome !== 'cancelled' && missing.length <= mayMiss;
    const counts = { ...look, calls: look.calls + calls, complete: look.complete && isWhole };
    const { source } = (await this.#context.store.readRun(this.#search)) ?? {};
    const from = source === undefined ? this.#search : { ...this.#search, ...source };
    const isSearch = look.asked.length === 0;
    const found = isSearch ? await this.#pages(list, counts, from) : await this.#items(list, counts, from);
    if (isSearch) await this.#measure(list, look, found.total);
    if (found.isNews || look.kind === 'new') await this.#changed();
    const { definition } = list.record;
    const open = look.open.filter((entry) => !found.seen.has(entry) && !look.asked.includes(entry));
    const next = { ...found.look, open, asked: [] };
    const isMeasuring = look.kind === 'search' && look.total === null;
    // What is not on these pages may be on those that are missing.
    const mayAsk = isWhole && !isMeasuring && look.kind !== 'new';
    if (!mayAsk) return next;
    const withDue = await withItems(this.#store, definition.name, next, this.#context.watch.dayMs);
    return { ...withDue, asked: [...new Set([...found.unsure, ...withDue.asked])].slice(0, ITEMS_AT_ONCE) };
  }

  async #failed(list: StoredList, look: LookState, failure: Failure): Promise<LookState> {
    const { name } = list.record.definition;
    const calls = look.calls + (failure.detail.calls ?? 0);
    const isRefused =
      look.asked.length === 0 && (failure.code === 'filter-ignored' || failure.code === 'ebay-refused');
    if (!isRefused) return { ...look, calls, complete: false, asked: [] };
    // A seller has another name now, or eBay does not search this category: the calls for the items say more.
    const at = await clockOf(this.#context.redis).current();
    const atoms = look.sellers.map((seller) => atomOf(look.category ?? '', seller));
    // One wrong name refuses all of them: measuring them again, in the end one by one, says which it is.
    const isOne = look.sellers.length === 1;
    const again = { total: UNMEASURED, at, isPartly: look.total === null };
    const refused = { total: REFUSED, at, isPartly: false };
    const totals = new Map(atoms.map((atom) => [atom, isOne ? refused : again]));
    await this.#store.writeTotals(name, totals, this.#context.watch.ttlMs);
    await this.#changed();
    this.#context.log.warn('search of watchlist refused', {
      watchlist: name,
      group: this.#id.group,
      code: failure.code,
    });
    return withItems(this.#store, name, { ...look, calls, kind: 'items' }, this.#context.watch.dayMs);
  }

  async #pages(list: StoredList, look: LookState, from: SearchRef) {
    const { store } = this.#context;
    const seen = new Set<string>();
    const unsure: string[] = [];
    let total: number | null = null;
    let state = look;
    let isNews = false;
    for (const page of await store.storedPages(from)) {
      const answer = await store.readPage(from, page);
      if (answer === undefined) continue;
      total = Math.max(total ?? 0, answer.total ?? 0);
      const at = Date.parse(answer.observedAt);
      const answers = new Map<string, Observed>();
      for (const product of answer.products)
        for (const entry of [listingOf(product.itemId), product.itemId]) {
          const products = [...(answers.get(entry)?.products ?? []), product];
          answers.set(entry, { at, source: 'search', products });
        }
      const compared = await this.#compare(list, state, answers);
      for (const entry of compared.there) seen.add(entry);
      unsure.push(...compared.unsure);
      ({ look: state } = compared);
      isNews ||= compared.isNews;
    }
    return { look: state, seen, unsure, total, isNews };
  }

  async #items(list: StoredList, look: LookState, from: SearchRef) {
    const { store } = this.#context;
    const references = [...(await store.storedItems(from))];
    const byListing = new Map<string, string[]>();
    for (const entry of look.asked) {
      const listing = listingOf(entry);
      byListing.set(listing, [...(byListing.get(listing) ?? []), entry]);
    }
    const seen = new Set<string>();
    let state = look;
    let isNews = false;
    for (let start = 0; start < references.length; start += ITEMS_READ) {
      const batch = await store.readItems(from, references.slice(start, start + ITEMS_READ));
      const answers = new Map<string, Observed>();
      for (const [reference, answer] of batch)
        for (const entry of byListing.get(listingNamed(reference)) ?? []) {
          const observed = observedIn(entry, answer);
          if (observed !== undefined) answers.set(entry, observed);
        }
      const compared = await this.#compare(list, state, answers);
      for (const entry of compared.there) seen.add(entry);
      ({ look: state } = compared);
      isNews ||= compared.isNews;
    }
    return { look: state, seen, unsure: [], total: null, isNews };
  }

  /** Compares answers with what is remembered, and keeps them with their events. */
  async #compare({ record }: StoredList, look: LookState, answers: ReadonlyMap<string, Observed>) {
    const { events, redis, tenant, watch } = this.#context;
    const { name, quantity } = record.definition;
    const entries = [...answers.keys()];
    const columns = await this.#store.columns(name, entries);
    const there = entries.filter((_, index) => columns[index] !== undefined);
    const own = new Map(entries.map((entry, index) => [entry, columns[index]]));
    const stored = await this.#store.seen(name, there);
    const rememberedFrom = clockOf(redis).now() - keptFor(watch.ttlMs);
    const changes: FieldChange[] = [];
    const all: SeenEntry[] = [];
    let [comparedNow, changedNow, isNews] = [0, 0, false];
    let began = look.began;
    const unsure = new Set<string>();
    for (const [index, entry] of there.entries()) {
      const observed = answers.get(entry) as Observed;
      const text = stored[index] ?? undefined;
      const known = readWatched(text);
      // What is too old to be kept is not compared either.
      const before = known !== undefined && known.seen >= rememberedFrom ? known : undefined;
      began = Math.min(began ?? observed.at, observed.at);
      // eBay's search lags behind: that it shows what was sold out is checked by a call, as an absence is.
      if (observed.source === 'search' && before !== undefined && before.state !== 'in-stock') {
        unsure.add(entry);
        continue;
      }
      const compared = compareSeen(entry, before, observed, { quantity });
      if (compared === undefined) continue;
      if (before !== undefined) comparedNow += 1;
      if (compared.changes.length > 0) changedNow += 1;
      isNews ||=
        before === undefined ||
        before.category !== compared.after.category ||
        before.state !== compared.after.state;
      all.push(...allSeenIn(entry, before, observed, compared.after, own.get(entry) ?? {}));
      const about = { tenant, watchlist: name, searchId: this.#search.searchId, entry, at: observed.at };
      const follow = watchEvents({ ...about, columns: own.get(entry) ?? {} }, compared.changes);
      changes.push({ field: entry, before: text, after: packWatched(compared.after), events: follow });
    }
    // Before the listings are known as they are now: a job that runs again then compares them again.
    await this.#evaluate(record, all);
    const keys = { hash: this.#store.key(name, 'seen'), within: this.#store.key(name, 'entries') };
    await events.change(tenant, { ...keys, lifeMs: watch.ttlMs }, changes);
    const after = {
      ...look,
      began,
      compared: look.compared + comparedNow,
      changes: look.changes + changedNow,
    };
    return { look: after, there: there.filter((entry) => !unsure.has(entry)), unsure, isNews };
  }

  async #evaluate({ definition, born }: ListRecord, all: readonly SeenEntry[]): Promise<void> {
    const { alerts: context } = this.#context;
    const { name: watchlist, atLeastEvery } = definition;
    if (all.length === 0) return;
    this.#alerts ??= alertsOn(context, { watchlist });
    const alerts = await this.#alerts;
    if (alerts.length === 0) return;
    const entries = await this.#store.count(watchlist);
    const began = Math.min(...all.map(({ at }) => at));
    const look = {
      ...{ searchId: this.#search.searchId, baseline: born, began, isFresh: false },
      // Every listing was seen, or could have been: some are never answered.
      isWhole: ({ seen, began: first }: { seen: number; began: number }) =>
        seen >= entries || began - first >= atLeastEvery * 1000,
    };
    await evaluate(context, alerts, look, all);
  }

  /** Groups follow from what is known: they are formed again before the planner decides on the next look. */
  async #changed(): Promise<void> {
    const { redis, tenant } = this.#context;
    await this.#store.changed(this.#id.list);
    await new PlanStore(redis, prefixOf(this.#context), tenant).touch();
  }

  /** Keeps how many listings the sellers have, as the search says. */
  async #measure(
    list: StoredList,
    { category, sellers, total: before }: LookState,
    total: number | null,
  ): Promise<void> {
    if (total === null || category === null) return;
    const { name } = list.record.definition;
    const atoms = sellers.map((seller) => atomOf(category, seller));
    const totals = await this.#store.totals(name, atoms);
    const at = await clockOf(this.#context.redis).current();
    const known = (seller: string) => Math.max(0, totals.get(atomOf(category, seller))?.total ?? 0);
    const sum = sellers.reduce((all, seller) => all + known(seller), 0);
    // Of several sellers one listing each is watched, and known already.
    const isPartly = before === null && sellers.length === 1 && total > FIRST_PAGE;
    const wasPartly = atoms.some((atom) => totals.get(atom)?.isPartly);
    for (const seller of sellers) {
      const share = sum > 0 && sum < REFUSED ? known(seller) / sum : 1 / sellers.length;
      const each = Math.round(total * share * 100) / 100;
      totals.set(atomOf(category, seller), { total: each, at, isPartly });
    }
    await this.#store.writeTotals(name, totals, this.#context.watch.ttlMs);
    const isOther = before === null || Math.abs(total - before) > OTHER_TOTAL * Math.max(before, 1);
    if (isOther || wasPartly) await this.#changed();
  }
}

/** What an answer says of the variations of an entry. What has ended is one listing, as its event is. */
function allSeenIn(
  entry: string,
  before: Watched | undefined,
  { at, products }: Observed,
  { state }: Watched,
  columns: OwnColumns,
): SeenEntry[] {
  const own = Object.keys(columns).length === 0 ? {} : { columns: { ...columns } };
  if (state !== 'ended')
    return products.map((product, index) => ({ ...seenIn(product), ...own, isFurther: index > 0 }));
  const itemId = before?.known?.itemId ?? products[0]?.itemId ?? entry;
  return [{ ...goneSeen(itemId, at), ...own }];
}

function prefixOf({ searches }: Pick<QueueContext, 'searches'>): string {
  return searches.opts.prefix as string;
}

/** Keeps the sellers' names of an answer in the state of the list whose look the search belongs to, and nowhere else. */
export async function noteSellers(
  { redis, searches, tenant, watch }: Pick<QueueContext, 'redis' | 'searches' | 'tenant' | 'watch'>,
  searchId: string,
  sellers: ReadonlyMap<string, string>,
): Promise<void> {
  const id = watchLookOf(searchId);
  if (id === undefined || sellers.size === 0) return;
  const store = new WatchStore(redis, searches.opts.prefix as string, tenant);
  await store.noteSellers(id.list, sellers, watch.ttlMs);
}
