import type { Redis } from 'ioredis';
import type { Config } from '../../config/config.ts';
import { asFailure, Failure, type FailureCode } from '../../failures.ts';
import { redisFailure } from '../../redis/failure.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { Run } from '../../results/searchStore.ts';

/**
 * The retry policy of searches, pages and items. It decides for every failure whether the job runs again, when, and which
 * limit that counts against. Only quick retries inside one call (connection resets, single 502–504) are decided elsewhere,
 * in `src/ebay/retryPolicy.ts`; how `failures.ts` groups the codes is what the first column refers to.
 *
 * | what happened                          | what follows            | after                            | counts against            |
 * |----------------------------------------|-------------------------|----------------------------------|---------------------------|
 * | `permanent`: bad data, refused by eBay | fails                   |                                  |                           |
 * | `transient`: eBay or its network       | retry                   | PAGE_BACKOFF × 2ⁿ, less ≤ 50 %   | PAGE_ATTEMPTS             |
 * | a page that contradicts itself         | one retry               | the same                         | 2 attempts                |
 * | an answer that cannot change           | fails                   |                                  | 1 attempt                 |
 * | `wait`: pause, circuit, quota, token   | the calls queue is held | its end, 1 min at most at a time | SEARCH_DEADLINE           |
 * | `budget_exceeded`: of its search       | fails                   |                                  |                           |
 * | `share-spent`: only this class waits   | this job is delayed     | its end, 1 min at most at a time | SEARCH_DEADLINE           |
 * | `redis-unavailable`                    | this job is delayed     | 1 s                              | SEARCH_DEADLINE           |
 * | `interrupted`: the process stops       | back to the head        | at once                          | SEARCH_DEADLINE           |
 * | the worker died twice or more          | alone in its process    | up to WORKER_LOCK_DURATION / 5   | WORKER_MAX_RESTARTS       |
 * | a newer release wrote the job          | this job is delayed     | as long as it has waited so far  | NEWER_VERSION_TIMEOUT     |
 * | a search whose class may not call      | this job is delayed     | half of the way, 1 min at least  | SEARCH_DEADLINE           |
 * | a search waits for an identical one    | this job is delayed     | 15 s; its end ends the wait      | SEARCH_DEADLINE           |
 * | an item that another job asks for      | this job is delayed     | 15 s, or the call; its answer    | SEARCH_DEADLINE           |
 * |                                        |                         | ends the wait and this job       |                           |
 * | the results of a search expire         | it starts over, once    | at once                          | half of RESULTS_TTL, from |
 * |                                        |                         |                                  | its new first answer      |
 * | a search waits for its calls, or for   | the sweep releases it,  | SEARCH_DEADLINE                  | SEARCH_DEADLINE           |
 * | children of another program            | it ends with what it has|                                  |                           |
 *
 * A search job itself has one attempt: its pages and items are what is retried. A page that failed ends its marketplace
 * (the result is partial from there on); a failed item ends nothing. `dpf search --retry`, the API and the dashboard start
 * an ended search again, and then only what is missing is called for.
 */
export type Verdict = { failure: Failure } & (
  | { action: 'fail' }
  /** The next attempt, of so many, comes after the backoff: then at the latest, since BullMQ takes a random part of it off. */
  | { action: 'retry'; attempt: number; attempts: number; until: number }
  /** Another process may do it at once. */
  | { action: 'handBack' }
  /** Nobody may call until then: the job goes back to the head and the whole queue rests. */
  | { action: 'hold'; until: number }
  /** Only this job waits until then. */
  | { action: 'delay'; until: number }
);

interface Circumstances {
  /** Attempts charged so far, this one not counted, and how many there may be. */
  attemptsMade: number;
  attempts: number;
  /** Wait before the second attempt; each further one is twice as long. */
  backoffMs: number;
  /** When the search has waited too long, see `deadlineOf`. */
  deadline: number;
  /** The setting that the deadline follows from, see `limitOf`. */
  limit?: Limit;
  /** By this process's clock, as are all instants of a verdict, ms since the epoch. */
  now: number;
}

/** What a failure of the group `wait` leads to. Every other code of it concerns all calls. */
const WAITS: Partial<Record<FailureCode, 'handBack' | 'delay' | 'fail'>> = {
  // Its budget concerns this search alone, and the next day is far.
  budget_exceeded: 'fail',
  interrupted: 'handBack',
  'share-spent': 'delay',
  'redis-unavailable': 'delay',
};

/** A hold is renewed while its reason lasts, and ends soon after it. */
export const LONGEST_HOLD_MS = 60_000;

/** Where nothing says until when. */
const UNKNOWN_WAIT_MS = 1000;

export function verdictOn(
  thrown: unknown,
  { attemptsMade, attempts, backoffMs, deadline, limit, now }: Circumstances,
): Verdict {
  const failure = redisFailure(thrown) ?? asFailure(thrown);
  if (failure.disposition === 'permanent') return { action: 'fail', failure };
  if (failure.disposition === 'transient') {
    const most = Math.min(attempts, failure.detail.attempts ?? attempts);
    if (attemptsMade + 1 >= most) return { action: 'fail', failure };
    const until = now + backoffMs * 2 ** attemptsMade;
    return { action: 'retry', failure, attempt: attemptsMade + 2, attempts: most, until };
  }
  const action = WAITS[failure.code] ?? 'hold';
  if (action === 'fail') return { action, failure };
  if (now >= deadline) return { action: 'fail', failure: gaveUp(failure, limit) };
  if (action === 'handBack') return { action, failure };
  const until = Math.min(failure.detail.until ?? now + UNKNOWN_WAIT_MS, now + LONGEST_HOLD_MS);
  return { action, failure, until };
}

/**
 * When the search of this run has waited too long, by this process's clock. It counts from Redis's time when the run began:
 * the clock of the program that added the job may be wrong. Never for a run that is not known.
 */
export function deadlineOf(
  { redis, deadlineMs }: { redis: Redis; deadlineMs: number },
  run: TimedRun | undefined,
): number {
  if (run === undefined) return Number.POSITIVE_INFINITY;
  const { startedAt, collectBy = Number.POSITIVE_INFINITY } = run;
  return clockOf(redis).toHere(Math.min(startedAt + deadlineMs, collectBy));
}

type TimedRun = Pick<Run, 'startedAt'> & Partial<Pick<Run, 'collectBy'>>;
type Limit = 'SEARCH_DEADLINE' | 'RESULTS_TTL';

/** The setting that the deadline of this run follows from. */
export function limitOf({ deadlineMs }: { deadlineMs: number }, run: TimedRun | undefined): Limit {
  return run?.collectBy !== undefined && run.collectBy < run.startedAt + deadlineMs
    ? 'RESULTS_TTL'
    : 'SEARCH_DEADLINE';
}

/** What a search or a page fails with that waited until its deadline. @param last why it could not go on, where that is known */
export function gaveUp(last?: Failure, limit: Limit = 'SEARCH_DEADLINE'): Failure {
  const why = last === undefined ? '' : `, last because: ${last.message}`;
  const until =
    limit === 'SEARCH_DEADLINE'
      ? 'waited until SEARCH_DEADLINE'
      : 'it needs longer than RESULTS_TTL: its first results expired, and it was not done in time when it started over; ask ' +
        'for less at a time';
  return new Failure('gave-up-waiting', until + why);
}

/** After which failures of an item none of the others can succeed. */
export function endsAllItems({ code }: { code: string }): boolean {
  return code === 'credential-refused' || code === 'gave-up-waiting' || code === 'budget_exceeded';
}

/** A single crash may be a kill in a deploy, after which the job should run again without delay. */
const CRASHES_TO_ISOLATE = 2;

/** How a job may run that took down so many workers in a row. @throws Failure `crashed-worker` at the limit */
export function runAfterCrashes(crashes: number, { maxRestarts }: JobDefaults): 'freely' | 'isolated' {
  if (crashes >= maxRestarts)
    throw new Failure(
      'crashed-worker',
      `${crashes} times in a row this job’s lock ran out: its workers died or froze, or Redis took no writes`,
    );
  return crashes < CRASHES_TO_ISOLATE ? 'freely' : 'isolated';
}

/** Undefined when it has waited long enough. Early looks are close together: in a deploy a newer worker comes soon. */
export function nextLookAtNewerVersion(
  since: number,
  now: number,
  { newerVersion: { longestDelayMs, timeoutMs } }: JobDefaults,
): number | undefined {
  if (now - since >= timeoutMs) return undefined;
  const delayMs = Math.min(Math.max(now - since, UNKNOWN_WAIT_MS), longestDelayMs);
  return Math.min(now + delayMs, since + timeoutMs);
}

/** When a search looks again whose class may not call until then. Figures may change before a far end. */
export function nextLookAtGate(until: number, now: number): number {
  const half = now + (until - now) / 2;
  return Math.max(now + UNKNOWN_WAIT_MS, Math.min(until, Math.max(half, now + LONGEST_HOLD_MS)));
}

/** A search is resumed when the identical one ends that it waits for; this is for one that vanished. */
export const NEXT_LOOK_AT_LEADER_MS = 15_000;

/**
 * The answer of a call that another job is to make ends the wait for it. This is for one whose search was cancelled. Every
 * look costs a place in the queue.
 */
export const NEXT_LOOK_AT_ANSWER_MS = 15_000;

/** What holds for every job, whatever options it was added with. */
export type JobDefaults = ReturnType<typeof jobDefaults>;

export function jobDefaults({ worker, search }: Pick<Config, 'worker' | 'search'>) {
  return {
    /** Attempts of a page or an item before its failure is final. */
    attempts: worker.attempts,
    /** Wait before the second attempt, ms. */
    backoffMs: worker.backoff * 1000,
    /** How long (s) and how many finished jobs are kept. */
    keep: { age: Math.ceil(search.resultsTtl), count: search.retained },
    /** Workers that a job may take down in a row before it fails as `crashed-worker`. */
    maxRestarts: worker.maxRestarts,
    /** A job that has to run alone while another one does: within what time it looks again, ms. */
    isolatedLookAgainMs: worker.lockDuration * 200,
    /** A job that a newer release wrote: how long it is put aside at most at a time, and altogether, ms. */
    newerVersion: {
      longestDelayMs: worker.newerVersionDelay * 1000,
      timeoutMs: worker.newerVersionPatience * 1000,
    },
  };
}

/** A search may wait until its deadline and is then kept for as long as its result. */
export function runsTtlMs({ search }: Pick<Config, 'search'>): number {
  return (search.deadline + search.resultsTtl) * 1000;
}
