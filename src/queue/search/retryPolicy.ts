import { DelayedError, RateLimitError, UnrecoverableError } from 'bullmq';
import { asFailure, Failure, reasonOf } from '../../failures.ts';
import { redisFailure } from '../../redis/failure.ts';

/** What happens to a page whose call failed; the whole retry policy of the service. */
export type Verdict =
  /** Trying again cannot help, or the attempts are used up: the page failed for good. */
  | { action: 'fail'; failure: Failure }
  /** The trouble may pass: the next attempt after the backoff; one attempt is charged. */
  | { action: 'retry'; failure: Failure }
  /** Nobody may call now: the page goes back to the head, and the whole calls queue rests until then. */
  | { action: 'hold'; failure: Failure; until: number }
  /** This page's class may not call now, others may: only this page waits. */
  | { action: 'delay'; failure: Failure; until: number }
  /** This process cannot do it now, because it stops: back to the head at once. */
  | { action: 'handBack'; failure: Failure };

export interface Circumstances {
  /** Attempts charged so far, this one not counted, and how many there may be. */
  attemptsMade: number;
  attempts: number;
  /** When the search has waited too long, ms since the epoch. */
  deadline: number;
  now: number;
}

/** A hold is never longer than this at a time: it is renewed while its reason lasts, and lifted soon after. */
export const LONGEST_HOLD_MS = 60_000;

/** Where a failure does not say until when: look again after this. */
const UNKNOWN_WAIT_MS = 1000;

export function verdictOn(
  thrown: unknown,
  { attemptsMade, attempts, deadline, now }: Circumstances,
): Verdict {
  const failure = redisFailure(thrown) ?? asFailure(thrown);
  switch (failure.disposition) {
    case 'permanent':
      return { action: 'fail', failure };
    case 'transient':
      return attemptsMade + 1 < attempts ? { action: 'retry', failure } : { action: 'fail', failure };
    case 'wait': {
      if (now >= deadline) return { action: 'fail', failure: gaveUp(failure) };
      // Another process may serve it at once; nothing is to be held for it.
      if (failure.code === 'interrupted') return { action: 'handBack', failure };
      // Not at once, or a worker would go round in circles while one of its connections comes back.
      if (failure.code === 'redis-unavailable')
        return { action: 'delay', failure, until: now + UNKNOWN_WAIT_MS };
      const until = Math.min(failure.detail.until ?? now + UNKNOWN_WAIT_MS, now + LONGEST_HOLD_MS);
      return { action: failure.code === 'share-spent' ? 'delay' : 'hold', failure, until };
    }
  }
}

/** What a search or page fails with that waited until its deadline. */
export function gaveUp(last: Failure): Failure {
  return new Failure('gave-up-waiting', `waited until SEARCH_DEADLINE, last because: ${last.message}`);
}

/** The errors by which BullMQ learns a verdict. */
export const toBullMQ = {
  fail: (failure: Failure) => new UnrecoverableError(reasonOf(failure)),
  retry: (failure: Failure) => new Error(reasonOf(failure)),
  /** Back to the head of its class without an attempt; matched by BullMQ by its message. */
  backToHead: () => new RateLimitError(),
  delayed: () => new DelayedError(),
};
