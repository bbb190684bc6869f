import { DelayedError, RateLimitError, UnrecoverableError, WaitingChildrenError, WaitingError } from 'bullmq';
import { type Failure, reasonOf } from '../../failures.ts';
import { isLockLost } from './worker.ts';

/** The errors by which a processor says what is to happen to its job. */
export const signals = {
  fail: (failure: Failure) => new UnrecoverableError(reasonOf(failure)),
  retry: (failure: Failure) => new Error(reasonOf(failure)),
  /** To the head of its class, without an attempt. BullMQ knows this error by its message. */
  handBack: () => new RateLimitError(),
  /** The job was moved to the head of its class. */
  waits: () => new WaitingError(),
  /** The job was moved to `delayed`. */
  delayed: () => new DelayedError(),
  /** The job was moved to `waiting-children`. */
  waitsForChildren: () => new WaitingChildrenError(),
};

/** Whether a thrown error says that the job was moved, by this worker or by another one, and is no failure. */
export function isSignal(thrown: unknown): boolean {
  return thrown instanceof WaitingChildrenError || thrown instanceof DelayedError || isLockLost(thrown);
}
