/** Reading of Redis's clock: it was `redisNow` at some moment between `askedAt` and `answeredAt` of this process. */
interface Sample {
  answeredAt: number;
  /** Least and greatest difference between the two clocks that the reading allows, ms. */
  low: number;
  high: number;
}

const KEPT_SAMPLES = 8;
/** Clocks drift apart by up to half a millisecond a second. */
const MAX_AGE_MS = 60_000;
/** One reading alone says enough if it took at most this long, ms. */
const QUICK_MS = 20;

/**
 * Redis's clock on this process's `performance` clock. The difference that all recent readings allow is known to half
 * a round trip at worst; a reading whose answer lay in the socket while this process was stopped does no harm.
 */
export class RedisClock {
  #samples: Sample[] = [];

  /** @param askedAt and `answeredAt` on `performance`'s clock. @param redisNow ms since the epoch. */
  learn(askedAt: number, answeredAt: number, redisNow: number): void {
    const sample = { answeredAt, low: redisNow - answeredAt, high: redisNow - askedAt };
    const recent = this.#samples.filter((other) => answeredAt - other.answeredAt < MAX_AGE_MS);
    this.#samples = [sample, ...recent].slice(0, KEPT_SAMPLES);
    const { low, high } = this.#bounds();
    // Readings contradict each other when a clock was set or another Redis answers.
    if (low > high) this.#samples = [sample];
  }

  /** False where one slow reading is all there is: this process may have been stopped during it. */
  get isKnown(): boolean {
    return this.#samples.length > 1 || this.roundTripMs <= QUICK_MS;
  }

  /** The median of the recent ones; 0 before the first. */
  get roundTripMs(): number {
    const sorted = this.#samples.map(({ low, high }) => high - low).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** An instant of Redis's clock on this process's. */
  toLocal(redisMs: number): number {
    const { low, high } = this.#bounds();
    return redisMs - (low + high) / 2;
  }

  /** The inverse of `toLocal`. */
  toRedis(localMs: number): number {
    const { low, high } = this.#bounds();
    return localMs + (low + high) / 2;
  }

  #bounds(): { low: number; high: number } {
    return {
      low: Math.max(...this.#samples.map(({ low }) => low)),
      high: Math.min(...this.#samples.map(({ high }) => high)),
    };
  }
}
