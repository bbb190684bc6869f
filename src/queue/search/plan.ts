import { isDeepStrictEqual } from 'node:util';
import type { Job, JobsOptions } from 'bullmq';
import { assembleHeads } from '../../collector/assemble.ts';
import { deliveredBy, itemsDecide } from '../../collector/deliver.ts';
import { fewestCalls, type PageAddress, pageNumber, shareOf } from '../../collector/paging.ts';
import { Failure, withBecause } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { searchTitle } from '../../product/subject.ts';
import { clockOf, type RedisClock } from '../../redis/redisClock.ts';
import {
  itemField,
  pageField,
  type Run,
  type SearchRef,
  type SearchStore,
  type Step,
  type StoredCall,
  type WantedItem,
} from '../../results/searchStore.ts';
import { inSpan } from '../../telemetry/tracing.ts';
import {
  FOREIGN_DELAY_MS,
  itemJobId,
  LONGEST_DELAY_MS,
  LOWEST_PRIORITY,
  PRIORITY,
  pageJobId,
  resumeSearch,
} from '../bullmq/queues.ts';
import { dueAt } from '../bullmq/repeat.ts';
import type { QueueContext } from './context.ts';
import { type CallJobData, callOptions, callVersion, type ItemJobData } from './jobData.ts';
import { deadlineOf, NEXT_LOOK_AT_ANSWER_MS } from './retryPolicy.ts';

/** Bounds what one step looks at. Where all of these are there, the search itself adds the next once nothing is under way. */
const LOOK_AHEAD = 20;

/** The items that may follow this one, in order. */
export function itemsAfter(wanted: readonly WantedItem[], itemId: string): WantedItem[] {
  const index = wanted.findIndex((item) => item.itemId === itemId);
  return index < 0 ? [] : wanted.slice(index + 1, index + 1 + LOOK_AHEAD);
}

/** With no interval there is no rate to fill; a search may still have this many calls under way. */
const MOST_CONCURRENT = 10;

/**
 * How many calls of a search are under way: each call that is done adds so many of those after it. Every slot is in use when
 * it is the number of intervals from a call's slot until its followers are added, and half of one more for the way through
 * the queue (measured: without it a fifth of the slots goes unused).
 */
export function concurrencyFor(busyMs: number, intervalMs: number): number {
  const needed = intervalMs > 0 ? Math.ceil(busyMs / intervalMs + 0.5) : MOST_CONCURRENT;
  return Math.min(Math.max(needed, 1), MOST_CONCURRENT);
}

/** The chain of the items of a search, beside its marketplaces. */
export const DETAILS = 'details';

/** All items will be called for, so one more may wait in the queue than are under way, and no slot goes unused. */
export function itemConcurrency(busyMs: number, intervalMs: number): number {
  return concurrencyFor(busyMs, intervalMs) + 1;
}

/** A search, what it asks for, and its present run. */
export interface SearchRun extends Run {
  search: SearchRef;
  request: NormalRequest;
}

/** A page or an item that is to be called for, as the job that it becomes. */
export interface PlannedCall {
  /** The same call of the same run always has the same. */
  jobId: string;
  /** For people who look at the queue. */
  name: string;
  /** Of its answer in the search store. */
  field: string;
  data: CallJobData;
}

export function pageCall(
  { search, number, request, campaignId }: SearchRun,
  address: PageAddress,
): PlannedCall {
  const { marketplace } = address;
  const page = pageNumber(request, address);
  return {
    jobId: pageJobId(search.searchId, number, page),
    name: `page ${page}: ${searchTitle(request)} (${marketplace})`,
    field: pageField(page),
    data: { v: callVersion(request, campaignId), kind: 'page', search, run: number, page, ...address },
  };
}

export function itemCall(
  { search, number, request, campaignId }: SearchRun,
  { itemId, marketplace }: WantedItem,
): PlannedCall {
  const v = callVersion(request, campaignId);
  return {
    jobId: itemJobId(search.searchId, number, itemId),
    name: `item ${itemId} (${marketplace})`,
    field: itemField(itemId),
    data: { v, kind: 'item', search, run: number, itemId, marketplace },
  };
}

/**
 * Stores an answer, then adds the calls that follow it, or resumes a search that was summed up; both may be done twice.
 * @param resumes whether this call can be new to a search that was summed up
 */
export async function advance(
  context: QueueContext,
  run: SearchRun,
  step: Omit<Step, 'run' | 'followers'>,
  followers: readonly PlannedCall[],
  resumes = true,
): Promise<void> {
  const { store, searches, calls, log } = context;
  const { search } = run;
  const take = () =>
    store.step(search, {
      ...step,
      run: run.number,
      followers: followers.map(({ field, jobId }) => ({ field, jobKey: calls.toKey(jobId) })),
    });
  const isAnswer = Object.keys(step.answer).length > 0;
  const { ended, open } = await (isAnswer ? inSpan('store answer', {}, take) : take());
  if (ended) {
    if (resumes) await resumeSearch(searches, search.searchId);
    return;
  }
  const added = await Promise.all(
    open.map(async ({ index, job }) => {
      const call = followers[index] as PlannedCall;
      if (job === undefined) return [call];
      if (await isOwn(context, run, call, job)) return [];
      // Left by an earlier search of the same id that is gone, or added by another program.
      if ((await calls.remove(call.jobId)) === 1) {
        log.warn('job removed that had the id of a call', { searchId: search.searchId, jobId: call.jobId });
        return [call];
      }
      const message = `another program’s job has the id ${call.jobId} and is under way`;
      throw new Failure('redis-unavailable', message);
    }),
  );
  await addCalls(context, run, added.flat());
}

/** Whether this is the job that the search adds for this call: any program may have added one of the same id. */
async function isOwn(
  { searches, redis }: QueueContext,
  { search, request }: SearchRun,
  { data: planned }: PlannedCall,
  { data, parentKey, opts, timestamp }: StoredCall,
): Promise<boolean> {
  if (parentKey !== searches.toKey(search.searchId) || !isSameCall(request, planned, data)) return false;
  const { delay = 0, priority = 0 } = (parsed(opts) ?? {}) as JobsOptions;
  if (priority > LOWEST_PRIORITY) return false;
  return !(delay > 0) || timestamp + delay <= (await clockOf(redis).current()) + FOREIGN_DELAY_MS;
}

/** The data of release 0.1 has a copy of the request, and its pages may be as small as what is wanted. */
function isSameCall(request: NormalRequest, planned: CallJobData, json: string): boolean {
  const { v, limit, request: _, ...call } = (parsed(json) ?? {}) as Record<string, unknown>;
  if (planned.kind === 'item')
    return isDeepStrictEqual({ ...planned, v: undefined }, { ...call, v: undefined });
  const { v: _v, limit: wanted, ...page } = planned;
  return (
    isDeepStrictEqual(page, call) && [wanted, shareOf(request, planned.marketplace)].includes(limit as number)
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * Adds calls as children of their search. None of them has a job: BullMQ would take a kept failed job of the same id for
 * the child, and the search would wait for ever. Calls whose class may not spend now are delayed by a
 * minute at most: what closes it for hours may end early.
 */
async function addCalls(context: QueueContext, run: SearchRun, added: PlannedCall[]): Promise<void> {
  const { calls, searches, rules, admission } = context;
  const { search, request } = run;
  const { priority } = request;
  // What closes the gate for `interactive` closes it for everybody and holds the queue.
  const isBound = priority !== 'interactive' && added.length > 0;
  const closed = isBound ? await admission.closedFor(priority) : undefined;
  const delay = closed === undefined ? 0 : Math.min(Math.max(0, closed.until - Date.now()), LONGEST_DELAY_MS);
  const options = {
    ...callOptions(rules),
    priority: PRIORITY[priority],
    parent: { id: search.searchId, queue: searches.qualifiedName },
    ...(delay > 0 ? { delay } : {}),
  };
  await Promise.all(
    added.map(async ({ jobId, name, data }) => {
      const isExpected = data.kind === 'item' && (await expectAnswer(context, run, jobId, data));
      const waits = isExpected ? { delay: Math.max(delay, NEXT_LOOK_AT_ANSWER_MS) } : {};
      const job = await calls.add(name, data, { ...options, ...waits, jobId });
      // The answer may have been stored before the job was there, when its wait could not be ended.
      if (isExpected && !(await context.itemAnswers.isExpected(request, data, jobId))) await promote(job);
    }),
  );
  if (closed !== undefined || run.waiting) await publishProgress(context, run, closed);
}

/** Whether another job is to call for this item. Then its answer is stored with this search too, and this job is removed. */
function expectAnswer(
  { itemAnswers }: QueueContext,
  { request }: SearchRun,
  jobId: string,
  data: ItemJobData,
): Promise<boolean> {
  return itemAnswers.expect(request, data, { jobId, data }, PRIORITY[request.priority]);
}

/** Ends a delay, unless another process has ended it. */
export async function promote(job: Job | undefined): Promise<boolean> {
  const promoted = job?.promote().then(() => true);
  return (await promoted?.catch(() => false)) ?? false;
}

/** Whether a search has waited until its deadline, as seen by this process or by the sweep. */
export function isOverdue(
  context: QueueContext,
  run: Pick<Run, 'startedAt' | 'overdue' | 'collectBy'>,
): boolean {
  return run.overdue || Date.now() >= deadlineOf(context, run);
}

/** No clock of a program that works is that far ahead. */
const WRONG_CLOCK_MS = 24 * 3600 * 1000;

/**
 * Marks a search that has waited until its deadline, and says whether it has. One that never began, because another program
 * added it with children, has waited since it was added.
 */
export async function markOverdue(context: QueueContext, search: SearchRef): Promise<boolean> {
  const { redis, store, deadlineMs } = context;
  const now = await clockOf(redis).current();
  const addedAt = dueAt(search.searchId, search.timestamp);
  // The program that adds a job says when.
  const isFalse = addedAt > now + WRONG_CLOCK_MS;
  if (now < addedAt + deadlineMs && !isFalse) return false;
  const { startedAt = isFalse ? 0 : addedAt } = (await store.readRun(search)) ?? {};
  if (now < startedAt + deadlineMs) return false;
  await store.mark(search, 'overdue');
  return true;
}

/** How a search is getting on. */
export interface SearchProgress {
  /** `done`: the counts are final. */
  state: 'collecting' | 'waiting' | 'done';
  /** Pages that are there, and known to be needed: more where items are repeated or do not fit. */
  pages: number;
  of: number;
  /** Products so far. */
  products: number;
  /** Calls so far, failed ones included; only of a search that is under way. */
  calls?: number;
  /** Once the pages are there: of the item calls that are needed, how many are answered, and all of them. */
  details?: { there: number; of: number };
  /** Of `waiting`: why, and until when at the latest as known now (ms since the epoch by Redis's clock). */
  reason?: string;
  until?: number;
  /**
   * A call failed with `reason` and is repeated: the number of its next attempt, and of how many. With `collecting` that
   * attempt is due or under way.
   */
  attempt?: number;
  attempts?: number;
  /** @deprecated The name of `reason` in version 0.1. */
  because?: string;
  /** Of the reason `identical-search`: the one that it waits for. */
  leader?: string;
  /** Of the reason `newer-version`: since when it waits for a worker that can read it, ms since the epoch. */
  since?: number;
}

/**
 * For those who follow the queue: a search begins to collect, must wait or goes on. Others ask `currentProgress`.
 * @param waiting its `until` by this process's clock
 */
export async function publishProgress(
  { redis, store, searches }: QueueContext,
  { search, request }: SearchRun,
  waiting: Pick<SearchProgress, 'reason' | 'until' | 'attempt' | 'attempts' | 'leader'> | undefined,
): Promise<void> {
  const state = waiting === undefined ? 'collecting' : 'waiting';
  const { until } = waiting ?? {};
  const { calls: _calls, ...there } = await counts(store, search, request);
  const progress: SearchProgress = {
    state,
    ...there,
    ...waiting,
    ...(until !== undefined && { until: Math.round(clockOf(redis).fromHere(until)) }),
  };
  // The mark outlives the text in both directions: a step that finds it publishes again.
  if (state === 'waiting') await store.mark(search, 'waiting');
  await searches.updateJobProgress(search.searchId, withBecause(progress));
  if (state === 'collecting') await store.unmark(search, 'waiting');
}

/** The progress of a search from what is stored of it. @param written the progress of its job */
export async function currentProgress(
  store: SearchStore,
  search: SearchRef,
  run: Run | undefined,
  written: SearchProgress | null,
  clock: RedisClock,
): Promise<SearchProgress | null> {
  if (run?.request === undefined) return written;
  const { calls, ...there } = await counts(store, { ...search, ...run.source }, run.request);
  // What another search has called for costs this one nothing.
  const now = { ...there, calls: run.failedCalls + (run.source === undefined ? calls : 0) };
  if (written?.state !== 'waiting') return { state: 'collecting', ...now };
  const { until, ...rest } = written;
  const isDue = rest.attempt !== undefined && (until ?? 0) <= (await clock.current());
  return isDue ? { ...rest, ...now, state: 'collecting' } : { ...written, ...now };
}

async function counts(store: SearchStore, search: SearchRef, request: NormalRequest) {
  const { heads, ...details } = await store.progress(search);
  const assembled = assembleHeads(request, heads);
  const answers = itemsDecide(request) ? await store.readDetails(search) : new Map();
  const { products } = deliveredBy(request, assembled, answers).counts;
  const { pages } = assembled;
  const calls = heads.reduce((sum, head) => sum + head.calls, details.details?.there ?? 0);
  return { pages, products, ...details, of: Math.max(pages, fewestCalls(request)), calls };
}
