import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { clockOf } from '../../../redis/redisClock.ts';
import { hasEnded, SEARCH_JOB } from '../../bullmq/queues.ts';
import { checkedRequest, searchOptions } from '../../search/jobData.ts';
import type { JobDefaults } from '../../search/retryPolicy.ts';
import { PlanStore } from '../planStore.ts';
import type { Look, LookSource, UnitDefinition } from '../unit.ts';
import { readWatched, type Watched } from './compare.ts';
import { atomOf, expectedCalls, formGroups, type Group, type Known, newAtOnce } from './groups.ts';
import { groupOfUnit, watchJobId, watchUnit } from './lookIds.ts';
import { type GroupSummary, type LookState, placeOf, type StoredList, WatchStore } from './store.ts';

export interface WatchLooksOptions {
  searches: Queue;
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** How long what was seen is kept, and the length of the planner's day, ms. */
  watch: { ttlMs: number; dayMs: number };
}

/** Listings that one request may name. */
export const ITEMS_AT_ONCE = 200;
/** eBay shows so many listings of a search (12029). */
const REACHABLE = 10_000;
const PAGE = 200;
/** A search that eBay refused is tried again after so many days of the planner. */
const REFUSED_DAYS = 7;
/** As many listings as no search is worth. */
export const REFUSED = 1_000_000_000;
/** What stands for a total that is to be measured again: with others, or alone where it `isPartly`. */
export const UNMEASURED = -1;
const SELLER = /^[^\s,:{}[\]|\\]{1,64}$/;

/** Watchlists as the planner sees them: a unit for each group of listings. */
export class WatchLooks implements LookSource {
  readonly #options: WatchLooksOptions;
  readonly #store: WatchStore;

  constructor(options: WatchLooksOptions) {
    const { redis, prefix, tenant } = options;
    this.#options = options;
    this.#store = new WatchStore(redis, prefix, tenant);
  }

  /** The groups of the lists that are not paused. Those of a list that has changed are formed first. */
  async units(): Promise<UnitDefinition[]> {
    const units: UnitDefinition[] = [];
    for (const list of await this.#store.all()) {
      if (list.record.paused) continue;
      const groups = list.plan.change === list.change ? list.plan.groups : await this.#form(list);
      units.push(...unitsOf(list, groups));
    }
    return units;
  }

  async begin({ unit, number, at }: Look): Promise<'begun' | 'gone'> {
    const named = groupOfUnit(unit);
    if (named === undefined) return 'gone';
    const { list, group } = named;
    const [stored, found, present] = await Promise.all([
      this.#store.get(list),
      this.#store.group(list, group, this.#options.watch.ttlMs),
      this.#store.look(list, group),
    ]);
    if (stored === undefined || stored.record.paused) return 'gone';
    if (present?.look.number === number) {
      // Its process stopped between the state and the job, or the job was lost.
      await this.#addJob(stored, group, present.look);
      return 'begun';
    }
    if (found === undefined) {
      // It has expired, or Redis lost it: groups are formed again.
      await this.#store.changed(list);
      return 'gone';
    }
    const { kind, category, sellers, total, members } = found;
    const begun: LookState = {
      ...{ number, at, step: 1, kind, category, sellers, total },
      ...{ open: members, asked: [], calls: 0, compared: 0, changes: 0, began: null, complete: true },
      place: placeOf(stored.record.definition),
    };
    const look =
      kind === 'search' ? begun : await withItems(this.#store, list, begun, this.#options.watch.dayMs);
    if (!(await this.#store.setLook(list, group, present?.text, look))) return 'gone';
    await this.#addJob(stored, group, look);
    return 'begun';
  }

  async isUnderWay({ unit, number }: Look): Promise<boolean> {
    const named = groupOfUnit(unit);
    if (named === undefined) return false;
    const { list, group } = named;
    const present = await this.#store.look(list, group);
    if (present?.look.number !== number) return false;
    const jobId = watchJobId({ list, group, number, step: present.look.step });
    return !hasEnded(await this.#options.searches.getJobState(jobId));
  }

  /** A look that has nothing to ask for ends at once. */
  async #addJob(list: StoredList, group: string, look: LookState): Promise<void> {
    const { redis, prefix, tenant } = this.#options;
    const { name } = list.record.definition;
    if (look.kind !== 'search' && look.asked.length === 0)
      await reportLook({ redis, prefix, tenant }, this.#store, { list: name, group }, look);
    else await addLookJob(this.#options, this.#store, list, group, look);
  }

  /** Groups from all that is known of the listings. */
  async #form(list: StoredList): Promise<GroupSummary[]> {
    const { redis, watch } = this.#options;
    const { record, change, plan } = list;
    const { name, quantity } = record.definition;
    const now = await clockOf(redis).current();
    const [ids, seen, sellers, before, totals] = await Promise.all([
      this.#store.entryIds(name),
      this.#store.allSeen(name),
      this.#store.allSellers(name),
      this.#store.groups(name),
      this.#store.totals(name),
    ]);
    const ended = new Set<string>();
    const listings = ids.map((entry): Known => {
      const watched = readWatched(seen[entry]);
      const isEnded = watched?.state === 'ended';
      if (isEnded) ended.add(entry);
      // No search shows it, so its seller's name is of no use.
      const seller = isEnded ? undefined : sellers[entry];
      return {
        entry,
        seller: seller !== undefined && SELLER.test(seller) ? seller : null,
        category: watched?.category ?? null,
        isSearchable: !quantity && !entry.startsWith('v1|'),
        isKnown: watched !== undefined,
        isAway: watched !== undefined && watched.state !== 'in-stock',
      };
    });
    const current = new Map(
      [...totals].flatMap(([atom, { total, at }]) =>
        total === UNMEASURED || (total === REFUSED && now - at > REFUSED_DAYS * watch.dayMs)
          ? []
          : [[atom, total] as const],
      ),
    );
    const partly = new Set([...totals].flatMap(([atom, { isPartly }]) => (isPartly ? [atom] : [])));
    let { sequence } = plan;
    const nextId = () => {
      sequence += 1;
      return `${record.born}${sequence.toString(36)}`;
    };
    const groups = formGroups(listings, current, before, nextId, `${record.born}z`, partly);
    const callsOf = ({ members, ...group }: Group) =>
      expectedCalls({ ...group, members: members.filter((entry) => !ended.has(entry)) });
    const summaries = groups.map((group) => ({
      ...{ id: group.id, kind: group.kind, listings: group.members.length, calls: callsOf(group) },
      isMeasured: group.total !== null && !group.isPartly,
    }));
    const formed = { change, sequence, groups: summaries };
    const isWritten = await this.#store.writeGroups(name, formed, groups, watch.ttlMs);
    const used = new Set(listings.map(({ category, seller }) => atomOf(category ?? '', seller ?? '')));
    await this.#store.forgetSellers(
      name,
      [...ended].filter((entry) => sellers[entry] !== undefined),
      [...totals.keys()].filter((atom) => !used.has(atom)),
    );
    return isWritten ? summaries : plan.groups;
  }
}

/**
 * Listings of unknown sellers are asked for when every search has been measured: each one may show some of them, which then
 * take no call of their own.
 */
export function unitsOf({ record }: StoredList, groups: readonly GroupSummary[]): UnitDefinition[] {
  const { name, value, atLeastEvery, atMostEvery, dailyCalls } = record.definition;
  const isMeasuring = groups.some(({ kind, isMeasured }) => kind === 'search' && !isMeasured);
  const planned = groups.filter(({ kind }) => kind !== 'new' || !isMeasuring);
  const calls = planned.reduce((sum, group) => sum + group.calls, 0);
  return planned.map((group) => {
    const unit = watchUnit(name, group.id);
    return {
      id: unit,
      flows: [{ flow: unit, value }],
      expectedCalls: Math.max(1, group.calls),
      atMostEveryMs: atMostEvery * 1000,
      atLeastEveryMs: atLeastEvery * 1000,
      dailyCalls:
        dailyCalls === undefined ? undefined : (dailyCalls * Math.max(1, group.calls)) / Math.max(1, calls),
    };
  });
}

/**
 * Chooses the next members that are asked for item by item. What has ended, and what is sold out where a search would show that
 * it is back, is asked for once a day.
 */
export async function withItems(
  store: WatchStore,
  list: string,
  look: LookState,
  dayMs: number,
): Promise<LookState> {
  const seen = await store.seen(list, look.open);
  const isDue = (watched: Watched | undefined) => {
    if (watched === undefined || watched.state === 'in-stock') return true;
    if (watched.state === 'out-of-stock' && look.kind === 'items') return true;
    return look.at - watched.checked >= dayMs;
  };
  const due = look.open.filter((_, index) => isDue(readWatched(seen[index])));
  const most = look.kind === 'new' ? newAtOnce(due.length) : ITEMS_AT_ONCE;
  // Each look begins with others, so that those that always fail do not keep the rest waiting.
  const first = due.length === 0 ? 0 : (look.number * most) % due.length;
  return { ...look, asked: [...due.slice(first), ...due.slice(0, first)].slice(0, most) };
}

/** Adds the present job of a look; a second time it adds nothing. */
export async function addLookJob(
  { searches, tenant, rules }: Pick<WatchLooksOptions, 'searches' | 'tenant' | 'rules'>,
  store: WatchStore,
  { record }: Pick<StoredList, 'record'>,
  group: string,
  look: LookState,
): Promise<void> {
  const { name, marketplace, shipTo } = record.definition;
  const jobId = watchJobId({ list: name, group, number: look.number, step: look.step });
  const common = { tenant, marketplaces: [marketplace], priority: 'scheduled', ...(shipTo && { shipTo }) };
  const own =
    look.asked.length > 0
      ? {
          items: itemsOf(look.asked, await store.seen(name, look.asked)),
          variations: 'all',
          // What another search was answered may be older than the last look.
          detailsMaxAge: 0,
        }
      : {
          categoryIds: [look.category],
          filters: { sellers: look.sellers },
          // An order that prices do not change, so that listings do not move between two pages.
          sort: 'newlyListed',
          maxItems: mostItems(look.total),
          // Without the filter the search would go through the whole category.
          strictFilters: true,
        };
  const request: NormalRequest = checkedRequest({ ...common, ...own }, { tenant, marketplace });
  await searches.add(SEARCH_JOB, request, { ...searchOptions(request, rules), jobId });
}

/** Room for what was listed since the last look. The first look asks for one page, which says how many there are. */
function mostItems(total: number | null): number {
  if (total === null) return PAGE;
  return Math.min(REACHABLE, Math.ceil((total * 1.2) / PAGE) * PAGE + PAGE);
}

/** A listing that is known to have variations is asked for with all of them at once. */
function itemsOf(entries: readonly string[], seen: ReadonlyArray<string | null>): string[] {
  return entries.map((entry, index) => {
    const itemId = readWatched(seen[index])?.known?.itemId ?? '';
    return /^v1\|[0-9]+\|0*[1-9]/.test(itemId) ? itemId : entry;
  });
}

/** Says how a look ended, once, and forgets it. */
export async function reportLook(
  { redis, prefix, tenant }: Pick<WatchLooksOptions, 'redis' | 'prefix' | 'tenant'>,
  store: WatchStore,
  { list, group }: { list: string; group: string },
  look: LookState,
): Promise<void> {
  const unit = watchUnit(list, group);
  const { number, at, calls, complete, compared, changes, began } = look;
  await new PlanStore(redis, prefix, tenant).report({
    ...{ unit, number, at, calls, complete, seenUntil: began ?? at },
    // What is unknown stays unseen: the planner asks for it as soon as it may and calls are left.
    flows: look.kind === 'new' ? [] : [{ flow: unit, changes: compared === 0 ? null : changes, times: [] }],
  });
  const present = await store.look(list, group);
  if (present?.look.number === number) await store.setLook(list, group, present.text, undefined);
}
