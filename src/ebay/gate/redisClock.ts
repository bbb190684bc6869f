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

/**
 * Redis's clock on this process's `performance` clock, from the quickest of the recent readings. One whose answer lay in
 * the socket while this process was stopped took long, and so does no harm.
 */
export class RedisClock {
  #readings: Reading[] = [];

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

  #best(): Reading | undefined {
    return this.#readings.reduce<Reading | undefined>(
      (best, other) => (best !== undefined && best.roundTripMs <= other.roundTripMs ? best : other),
      undefined,
    );
  }
}
