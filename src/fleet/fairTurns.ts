import { setTimeout as sleep } from 'node:timers/promises';

/** How many times as long as its work took a tenant rests after it: it has a fifth of the time at most. */
const REST = 4;

/** Longest rest, ms: one slow answer of Redis need not hold up a tenant for several times as long. */
const LONGEST_REST_MS = 250;

/**
 * Keeps one tenant from taking all of this process's time: its pieces of work go on one after the other, with a rest
 * after each. Searches cost the process time before they cost a call, and nothing else bounds how fast they begin; what a
 * flood begins beyond its pace only waits in the next queue. The busier the process, the longer the rests.
 */
export class FairTurns {
  /** Tenant → the moment from which on its next piece may begin. */
  readonly #free = new Map<string, Promise<void>>();

  /** Does the work when this tenant's earlier work is over and it has rested. */
  take<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    let began = 0;
    const done = (this.#free.get(tenant) ?? Promise.resolve()).then(() => {
      began = performance.now();
      return work();
    });
    const rested = () => rest(performance.now() - began);
    this.#free.set(tenant, done.then(rested, rested));
    return done;
  }
}

function rest(workedMs: number): Promise<void> {
  return sleep(Math.min(REST * workedMs, LONGEST_REST_MS), undefined, { ref: false });
}
