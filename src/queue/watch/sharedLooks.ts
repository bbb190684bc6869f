import type { Job } from 'bullmq';
import type { PageAnswer } from '../../collector/answers.ts';
import { conditionsOf, headOf } from '../../collector/assemble.ts';
import { pageNumber } from '../../collector/paging.ts';
import { type FailureCode, parseReason } from '../../failures.ts';
import { requestHash } from '../../product/parseRequest.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { listingOf, newsAmong, priceCurrencyOf, type Track, trackFingerprint } from '../../product/track.ts';
import type { SearchRef } from '../../results/searchStore.ts';
import { hasEnded, SEARCH_JOB } from '../bullmq/queues.ts';
import { lookRunId, scheduleOf } from '../schedules/scheduledRun.ts';
import { type ScheduleRecord, ScheduleStore } from '../schedules/store.ts';
import type { QueueContext } from '../search/context.ts';
import { searchOptions } from '../search/jobData.ts';
import { changesPerDay, newRate } from './changeRate.ts';
import { PlanStore } from './planStore.ts';
import {
  formGroups,
  indexLagMs,
  isExplained,
  isOwnTurn,
  type Member,
  type OwnCallReason,
  type SharedGroup,
  type Sharer,
  sharedRequest,
  shareKeyOf,
  splitAnswer,
  wordOf,
} from './sharedCalls.ts';
import { type SharedLook, SharedStore, unitOf } from './sharedStore.ts';
import type { Look, LookSource, UnitDefinition } from './unit.ts';

/** What shared looks need of a tenant's context. */
type SharingContext = Pick<
  QueueContext,
  'tenant' | 'redis' | 'searches' | 'store' | 'tracks' | 'rules' | 'deadlineMs' | 'sharing' | 'log'
>;

/** `shared_GROUP_AT`: the search whose answer is split. */
const JOINT = /^shared_([0-9a-f]{12})_(\d{1,15})$/;

function jointId({ group, at }: Pick<SharedLook, 'group' | 'at'>): string {
  return `shared_${group}_${at}`;
}

function storesOf({ redis, searches, tenant }: SharingContext) {
  const prefix = searches.opts.prefix as string;
  return {
    shared: new SharedStore(redis, prefix, tenant),
    schedules: new ScheduleStore(redis, prefix, tenant),
    plan: new PlanStore(redis, prefix, tenant),
  };
}

/**
 * Schedules that share calls, as units: one for each group. A schedule in a group is no unit of its own. A look is one search,
 * `shared_GROUP_AT`, whose end adds searches for members, `look_NAME_AT`, that find their page stored or make calls of their own.
 */
export class SharedLooks implements LookSource {
  readonly #context: SharingContext;
  readonly #minIntervalMs: number;
  #formed = { from: '', at: Number.NEGATIVE_INFINITY };

  /** @param minIntervalMs SCHEDULE_MIN_INTERVAL */
  constructor(context: SharingContext, minIntervalMs: number) {
    this.#context = context;
    this.#minIntervalMs = minIntervalMs;
  }

  async units(): Promise<UnitDefinition[]> {
    const { shared, schedules } = storesOf(this.#context);
    const [{ groups: before, members }, records] = await Promise.all([shared.load(), schedules.all()]);
    const byName = new Map(records.map((record) => [record.definition.name, record]));
    const sharing = records.flatMap((record) => {
      const { name, auto, request } = record.definition;
      const terms = termsOf(record, this.#minIntervalMs);
      const known = members.get(name);
      const isKnown = known?.explained && known.request === requestHash(request);
      return terms === undefined || !isKnown ? [] : [{ name, ...terms, value: auto?.value ?? 1 }];
    });
    const groups = await this.#groups(sharing, before);
    await shared.forget([...members.keys()].filter((name) => !byName.has(name)));
    return groups.map((group) => this.#unitOf(group, byName));
  }

  /** Groups follow who there is, and every hour how often their listings change. */
  async #groups(sharing: readonly Omit<Sharer, 'rate'>[], before: SharedGroup[]): Promise<SharedGroup[]> {
    const { dayMs = 0 } = this.#context.sharing ?? {};
    const from = JSON.stringify([sharing, before]);
    const isRecent = performance.now() - this.#formed.at < dayMs / 24;
    if (from === this.#formed.from && isRecent) return before;
    const { shared, plan } = storesOf(this.#context);
    const { flows, rhythm } = await plan.load();
    const groups = formGroups(
      sharing.map((each) => {
        const { rate = newRate() } = flows.get(each.name) ?? {};
        return { ...each, rate: changesPerDay(rate, rhythm) };
      }),
      before,
    );
    if (JSON.stringify(groups) !== JSON.stringify(before)) await shared.putGroups(groups);
    this.#formed = { from: JSON.stringify([sharing, groups]), at: performance.now() };
    return groups;
  }

  #unitOf({ id, members }: SharedGroup, byName: ReadonlyMap<string, ScheduleRecord>): UnitDefinition {
    const autos = members.flatMap((name) => {
      const { auto } = byName.get(name)?.definition ?? {};
      return auto === undefined ? [] : [{ flow: name, ...auto }];
    });
    return {
      id: unitOf(id),
      flows: autos.map(({ flow, value }) => ({ flow, value })),
      expectedCalls: 1,
      // The same for all of them, see `termsOf`.
      atMostEveryMs: atMostEveryMs(autos[0]?.atMostEvery, this.#minIntervalMs),
      atLeastEveryMs: Math.min(...autos.map(({ atLeastEvery }) => atLeastEvery * 1000)),
    };
  }

  async begin({ unit, number, at }: Look): Promise<'begun' | 'gone'> {
    const { searches, rules, deadlineMs } = this.#context;
    const { shared, schedules } = storesOf(this.#context);
    const id = unit.slice(unitOf('').length);
    const group = (await shared.groups()).find((each) => each.id === id);
    const planned = group && { group: id, at, number, members: group.members };
    const look = planned
      ? await shared.begin(planned, 2 * deadlineMs + 24 * 3600 * 1000)
      : await shared.look({ group: id, at });
    if (look === undefined) return 'gone';
    const joint = await searches.getJob(jointId(look));
    if (joint !== undefined) {
      const state = await joint.getState();
      // Its worker died between the answer and the searches of the members, or is of a release that knows none.
      const failure = state === 'failed' ? parseReason(joint.failedReason ?? '').code : undefined;
      if (state === 'completed' || state === 'failed') await endSharedCall(this.#context, joint, failure);
      return 'begun';
    }
    const terms = (await schedules.all()).flatMap((record) => {
      const { name, request } = record.definition;
      const own = look.members.includes(name) ? termsOf(record, this.#minIntervalMs) : undefined;
      return own === undefined ? [] : [{ ...own, request }];
    });
    // One that was changed since may have nothing in common with the others any more.
    const key = group?.key ?? terms[0]?.key;
    const sharing = terms.filter((each) => each.key === key);
    const [first] = sharing;
    if (first === undefined) return 'gone';
    const request = sharedRequest(
      first.request,
      sharing.map(({ word }) => word),
    );
    await searches.add(SEARCH_JOB, request, {
      ...searchOptions(request, rules),
      jobId: jointId(look),
      timestamp: at,
    });
    return 'begun';
  }

  async isUnderWay({ unit, at }: Look): Promise<boolean> {
    const { searches } = this.#context;
    const { shared } = storesOf(this.#context);
    const group = unit.slice(unitOf('').length);
    const look = await shared.look({ group, at });
    const ids = [jointId({ group, at }), ...(look?.members ?? []).map((name) => lookRunId(name, at))];
    for (const id of ids) {
      if (!hasEnded(await searches.getJobState(id))) return true;
    }
    return false;
  }
}

/** What a schedule's search shares by, undefined where its calls are its own. */
function termsOf(
  { definition, paused }: ScheduleRecord,
  minIntervalMs: number,
): Pick<Sharer, 'word' | 'key'> | undefined {
  const { auto, start, end, limit, dailyCalls, request } = definition;
  const word = wordOf(request);
  // Its bounds are its own: a shared look would end with the first member that is done, or has no calls left.
  const isBound = [start, end, limit, dailyCalls].some((bound) => bound !== undefined);
  if (auto === undefined || paused || isBound || word === undefined) return undefined;
  const key = [shareKeyOf(request), request.priority, atMostEveryMs(auto.atMostEvery, minIntervalMs)];
  return { word, key: key.join(' ') };
}

function atMostEveryMs(seconds: number | undefined, minIntervalMs: number): number {
  return Math.max(minIntervalMs, (seconds ?? 0) * 1000);
}

/**
 * Splits the answer of a shared call and adds the searches of those members that it has news for; where eBay refused the call,
 * or a part cannot be decided, they make calls of their own. Where it failed otherwise, theirs would fail too: the look has
 * failed, and only those make one whose turn it is. It may be done any number of times. A member that is paused, changed or gone
 * by now is left out.
 * @param failure of the shared call @returns false for a job that is the search of a caller
 */
export async function endSharedCall(
  context: SharingContext,
  job: Job,
  failure?: FailureCode,
): Promise<boolean> {
  const [, group = '', at] = JOINT.exec(job.id as string) ?? [];
  const { searches, store, rules, log, tenant, sharing } = context;
  const { shared, plan } = storesOf(context);
  const look = at === undefined ? undefined : await shared.look({ group, at: Number(at) });
  if (look === undefined || sharing === undefined) return false;
  const { dayMs } = sharing;
  const joint: SearchRef = { tenant, searchId: job.id as string, timestamp: job.timestamp };
  const run = await store.readRun(joint);
  const source = { ...joint, ...run?.source };
  const page = await store.readPage(source, 1);
  await shared.share(look, {
    calls: (run?.source ? 0 : (page?.calls ?? 0)) + (run?.failedCalls ?? 0),
    observedAt: page === undefined ? null : Date.parse(page.observedAt),
  });
  const members = await membersOf(context, look, run?.request, page);
  const parts = page === undefined ? undefined : partsOf(members, page, dayMs);
  const ended = await shared.ended(look);
  for (const name of look.members) {
    const searchId = lookRunId(name, look.at);
    // It was shared before: the searches that were added then go on.
    if (ended.has(name) || (await searches.getJob(searchId)) !== undefined) continue;
    const member = members.get(name);
    const isAlike = page === undefined && failure !== undefined && !OF_THE_JOINT_CALL.has(failure);
    if (member === undefined || (isAlike && !isOwnTurn(member, look.at, dayMs))) {
      await shared.end(name, look.at, { calls: 0, flow: null });
      continue;
    }
    // An earlier answer of its own would be older than the shared one.
    const request = { ...member.request, maxAge: 0 };
    const part = parts?.get(name) ?? 'answer';
    if (typeof part !== 'string' && hasNoNews(member, part)) {
      const flow = { flow: name, changes: 0, times: [] };
      await shared.note(name, { request: requestHash(request), seen: Date.parse(part.observedAt) });
      await shared.end(name, look.at, { calls: 0, flow });
      continue;
    }
    if (typeof part === 'string') log.debug('shared answer not split', { searchId, reason: part });
    else {
      const number = pageNumber(request, part);
      const search = { tenant, searchId, timestamp: look.at };
      await store.give(search, source, { page: number, answer: part, head: headOf(request, part) });
    }
    await searches.add(SEARCH_JOB, request, {
      ...searchOptions(request, rules),
      jobId: searchId,
      timestamp: look.at,
    });
  }
  const report = await shared.report(look);
  if (report !== undefined) await plan.report(report);
  return true;
}

/** Failures of a shared call that say nothing of what calls of the members would meet. */
const OF_THE_JOINT_CALL: ReadonlySet<FailureCode> = new Set(['ebay-refused', 'filter-ignored']);

interface SearchedMember extends Member {
  name: string;
  request: NormalRequest;
  track: Track;
}

/**
 * Whether a search of a member would find what its track knows, at the prices that it knows: none is added then. What is gone
 * is known from the whole of a listing alone, and what item calls say is for a search to ask.
 */
function hasNoNews({ request, track }: SearchedMember, part: PageAnswer): boolean {
  if (!part.hasNext || request.details === 'full' || request.variations === 'all') return false;
  const fitting = part.products.filter(conditionsOf(request)).slice(0, request.maxItems);
  return newsAmong(track, fitting, priceCurrencyOf(request)).size === 0;
}

/** Those that take part in a look as they were when it began, by name. */
async function membersOf(
  context: SharingContext,
  { members }: SharedLook,
  joint: NormalRequest | undefined,
  page: PageAnswer | undefined,
): Promise<Map<string, SearchedMember>> {
  const { tracks, tenant } = context;
  const { shared, schedules } = storesOf(context);
  const itemIds = (page?.products ?? []).map(({ itemId }) => itemId);
  const asked = new Set(joint?.query?.match(/[\p{L}\p{N}]+/gu));
  const [known, records] = await Promise.all([shared.members(members), schedules.all()]);
  const found = new Map<string, SearchedMember>();
  for (const record of records) {
    const { name, request } = record.definition;
    const own = known.get(name);
    const terms = members.includes(name) ? termsOf(record, 0) : undefined;
    const isSame = own?.request === requestHash(request) && joint !== undefined;
    if (terms === undefined || own === undefined || !isSame) continue;
    const { word } = terms;
    if (!asked.has(word) || shareKeyOf(joint) !== shareKeyOf(request)) continue;
    const trackName = { tenant, name: request.track as string, request: trackFingerprint(request) };
    const track = await tracks.look(trackName, itemIds);
    const knows = (itemId: string) => track.listings.has(listingOf(itemId));
    found.set(name, { ...own, name, request, word, knows, track });
  }
  return found;
}

/** The parts of the members, or why one makes calls of its own. */
function partsOf(
  members: ReadonlyMap<string, SearchedMember>,
  page: PageAnswer,
  dayMs: number,
): Map<string, PageAnswer | OwnCallReason | 'track' | 'turn'> {
  const all = [...members.values()];
  const answered = splitAnswer(page, all, indexLagMs(dayMs));
  const parts = new Map<string, PageAnswer | OwnCallReason | 'track' | 'turn'>();
  for (const [index, member] of all.entries()) {
    const isTurn = isOwnTurn(member, Date.parse(page.observedAt), dayMs);
    const part = answered[index] as PageAnswer | OwnCallReason;
    parts.set(member.name, member.track.since === null ? 'track' : isTurn ? 'turn' : part);
  }
  return parts;
}

/** Notes what a search of a schedule has seen: whether the schedule may share calls, and how far an answer must reach back. */
export async function noteSeen(context: QueueContext, job: Job, summary: SearchSummary): Promise<void> {
  const { sharing, store, tenant } = context;
  const name = scheduleOf(job);
  const request = job.data as NormalRequest;
  const { missing, outcome } = summary;
  if (sharing === undefined || name === null || missing.length > 0) return;
  if (outcome === 'cancelled' || outcome === 'skipped') return;
  const word = wordOf(request);
  if (word === undefined) return;
  const search = { tenant, searchId: job.id as string, timestamp: job.timestamp };
  const [page, isShared] = await Promise.all([store.readPage(search, 1), store.isReused(search)]);
  // Another search has collected the same: nothing of its own is there.
  if (page === undefined) return;
  const seen = Date.parse(page.observedAt);
  const { shared, plan } = storesOf(context);
  const own = isShared ? {} : { own: seen, explained: isExplained(page.products, word) };
  const isChanged = await shared.note(name, { request: requestHash(request), seen, ...own });
  // The schedule becomes a member of a group, or a unit of its own again.
  if (isChanged) await plan.touch();
}
