import { setTimeout as sleep } from 'node:timers/promises';

/** How many times as long as its work took a tenant pauses after it: it has a fifth of the time at most. */
const PAUSE_FACTOR = 4;

/** Longest pause, ms: one slow answer of Redis must not hold up a tenant for several times as long. */
const MAX_PAUSE_MS = 250;

/**
 * Keeps one tenant from taking all of this process's time: its tasks run one after the other, with a pause after each.
 * Beginning a search costs the process time, and nothing else bounds how many begin: the calls queue only holds them up
 * later. The busier the process, the longer the pauses.
 */
export class FairTurns {
  /** Tenant → when its next task may begin. */
  readonly #free = new Map<string, Promise<void>>();

  /** Does the work after this tenant's earlier work and the pause after it. */
  take<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    let began = 0;
    const done = (this.#free.get(tenant) ?? Promise.resolve()).then(() => {
      began = performance.now();
      return work();
    });
    const pause = () => {
      const pauseMs = Math.min(PAUSE_FACTOR * (performance.now() - began), MAX_PAUSE_MS);
      return sleep(pauseMs, undefined, { ref: false });
    };
    this.#free.set(tenant, done.then(pause, pause));
    return done;
  }
}
