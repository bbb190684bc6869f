import type { Redis } from 'ioredis';
import { LuaScript } from './luaScript.ts';

/** Reading of Redis's clock: it was asked and answered at two moments of this process, and read in the middle, give or take. */
interface Reading {
  answeredAt: number;
  /** Redis's clock less this process's, ms. */
  difference: number;
  roundTripMs: number;
}

const KEPT_READINGS = 8;
/** Clocks drift apart by up to 0.1 ms a second: an older reading may be wrong by more than a call may be late. */
const MAX_AGE_MS = 20_000;
/** What clocks may drift meanwhile, and what Redis's clock may lag behind within a script, ms. */
const TOLERANCE_MS = 2;
/** One reading alone is exact enough if it took at most this long, ms: it is wrong by half of it at most. */
const QUICK_MS = 8;

/** A clock that is used is read again so often: Redis's may be set, and `performance` stands still while a machine sleeps. */
const READ_AGAIN_MS = 10_000;
/** Within this no one waits for the reading. */
const USABLE_MS = 60_000;

/** On a Cluster the script's key decides which node answers; `TIME` alone would be answered by any. */
const TIME = new LuaScript(`return redis.call('TIME')`);

/**
 * Redis's clock on this process's `performance` clock, from the quickest of the recent readings. One whose answer lay in
 * the socket while this process was stopped took long, and so does no harm.
 *
 * All that processes share is timed by it: their own clocks may be wrong by days, or jump.
 */
export class RedisClock {
  readonly #source: { redis: Redis; key: string } | undefined;
  #readings: Reading[] = [];
  #reading: Promise<void> | undefined;

  /** @param source where it is read again once the last reading is old; without one it knows only what it learns */
  constructor(source?: { redis: Redis; key: string }) {
    this.#source = source;
  }

  /** ms since the epoch, as last known; of this process's own clock before the first reading. */
  now(): number {
    if (this.#ageMs > READ_AGAIN_MS) this.#read().catch(() => undefined);
    return this.#readings.length === 0 ? Date.now() : Math.floor(this.toRedis(performance.now()));
  }

  /**
   * The same after a reading of at most a minute ago, which may have to be made. Without Redis, as last known.
   * @throws what Redis throws, before the first reading
   */
  async current(): Promise<number> {
    if (this.#ageMs > USABLE_MS)
      await this.#read().catch((error) => {
        if (this.#readings.length === 0) throw error;
      });
    return this.now();
  }

  /** An instant of Redis's clock on the one that this process's `Date` shows, ms since the epoch. */
  toHere(redisMs: number): number {
    return redisMs - this.now() + Date.now();
  }

  /** The inverse of `toHere`: what is stored for other processes is on Redis's clock. */
  fromHere(hereMs: number): number {
    return hereMs - Date.now() + this.now();
  }

  /** Redis's time as a `Date`. */
  date(): Date {
    return new Date(this.now());
  }

  /** @param askedAt and `answeredAt` on `performance`'s clock. @param redisNow ms since the epoch. */
  learn(askedAt: number, answeredAt: number, redisNow: number): void {
    const difference = redisNow - (askedAt + answeredAt) / 2;
    const reading = { answeredAt, difference, roundTripMs: answeredAt - askedAt };
    const best = this.#best();
    const recent = this.#readings.filter((other) => answeredAt - other.answeredAt < MAX_AGE_MS);
    const possible = (reading.roundTripMs + (best?.roundTripMs ?? 0)) / 2 + TOLERANCE_MS;
    // Readings contradict each other when a clock was set or another Redis answers.
    const wasSet = best !== undefined && Math.abs(difference - best.difference) > possible;
    this.#readings = wasSet ? [reading] : [reading, ...recent].slice(0, KEPT_READINGS);
  }

  /** False where one slow reading is all there is: this process may have been stopped during it. */
  get isKnown(): boolean {
    return this.#readings.length > 1 || this.roundTripMs <= QUICK_MS;
  }

  /** The median of the recent ones; 0 before the first. */
  get roundTripMs(): number {
    const sorted = this.#readings.map(({ roundTripMs }) => roundTripMs).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** An instant of Redis's clock on this process's. */
  toLocal(redisMs: number): number {
    return redisMs - (this.#best()?.difference ?? 0);
  }

  /** The inverse of `toLocal`. */
  toRedis(localMs: number): number {
    return localMs + (this.#best()?.difference ?? 0);
  }

  get #ageMs(): number {
    return performance.now() - (this.#readings[0]?.answeredAt ?? Number.NEGATIVE_INFINITY);
  }

  #read(): Promise<void> {
    this.#reading ??= this.#ask().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #ask(): Promise<void> {
    if (this.#source === undefined) return;
    const { redis, key } = this.#source;
    const askedAt = performance.now();
    const [seconds, micros] = (await TIME.run(redis, key, [])) as [string, string];
    this.learn(askedAt, performance.now(), Number(seconds) * 1000 + Number(micros) / 1000);
  }

  #best(): Reading | undefined {
    return this.#readings.reduce<Reading | undefined>(
      (best, other) => (best !== undefined && best.roundTripMs <= other.roundTripMs ? best : other),
      undefined,
    );
  }
}

const CLOCK = Symbol('clock');

/** The clock of the Redis behind a connection: one for all who use the connection. @param prefix of this service's keys */
export function clockOf(redis: Redis & { [CLOCK]?: RedisClock }, prefix = '{ebay}'): RedisClock {
  redis[CLOCK] ??= new RedisClock({ redis, key: `${prefix}:clock` });
  return redis[CLOCK];
}
