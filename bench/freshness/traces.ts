import type { ChangeRate, Rhythm } from '../../src/queue/watch/changeRate.ts';
import type { MarketOptions, MarketQuery } from '../../src/simulator/market/market.ts';
import { createPace } from '../../src/simulator/market/pace.ts';
import { fraction, hash } from '../../src/simulator/random.ts';

/**
 * Traces of changes that anyone can make again from a seed. Search `i` of a trace lists `rate(i)` listings a day on
 * average: log-normal with the median 4 and the given σ. Every search has the same rhythm of the day: 80 % more than
 * the mean at its peak at 18:00 UTC and 80 % less at 6:00. On 5 % of the days of each search a burst begins, at any
 * time, that lasts 4 hours with 8 times as many listings. Random numbers are hashes of the seed: see `rateOf`.
 */
export interface TraceOptions {
  readonly seed: number;
  readonly searches: number;
  readonly sigma: number;
}

export const MEDIAN_PER_DAY = 4;
export const DAY_MS = 86_400_000;
/** Every trace begins at midnight UTC of a Sunday. */
export const START = Date.UTC(2026, 2, 1);
export const RHYTHM = { amplitude: 0.8, peak: 0.75 };
export const BURSTS = { share: 0.05, factor: 8, hours: 4 };
/** What the bursts add to the mean rate. */
export const WITH_BURSTS = 1 + (BURSTS.share * (BURSTS.factor - 1) * BURSTS.hours) / 24;

export interface Trace {
  readonly options: TraceOptions;
  readonly queries: readonly MarketQuery[];
  readonly market: MarketOptions;
  /** Listings that a search is truly expected to get between two times, bursts included, before any scaling. */
  expected(search: number, from: number, to: number): number;
}

export function traceOf(options: TraceOptions, clock: () => number): Trace {
  const { seed, searches } = options;
  const queries = Array.from({ length: searches }, (_, index) => ({
    words: `k${String(index).padStart(4, '0')}`,
    perDay: rateOf(options, index),
    changesPerDay: 0,
    listings: 3,
    rhythm: RHYTHM,
    bursts: BURSTS,
  }));
  const paces = queries.map((_, index) => createPace(hash(seed, 'pace', index), DAY_MS, RHYTHM, BURSTS));
  return {
    options,
    queries,
    market: { seed, dayMs: DAY_MS, clock, start: START, queries },
    expected: (search, from, to) => paces[search]?.expected(from, to, queries[search]?.perDay ?? 0) ?? 0,
  };
}

/** Listings a day of a search, bursts apart: Box and Muller's normal variable of two hashes. */
export function rateOf({ seed, sigma }: TraceOptions, search: number): number {
  const [one, other] = [fraction(seed, 'rate', search), fraction(seed, 'angle', search)];
  const normal = Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * other);
  return MEDIAN_PER_DAY * Math.exp(sigma * normal);
}

/** A rate that is known for sure, in the planner's form. */
export function knownRate(perDay: number): ChangeRate {
  return { v: 1, runs: [[1, perDay * 1e6, 1e6]] };
}

/** The trace's rhythm as the planner would know it after a long time. */
export function knownRhythm(): Rhythm {
  // The planner smooths neighbouring hours with weights ¼, ½, ¼, which takes this much from a cosine.
  const amplitude = RHYTHM.amplitude / (0.5 + 0.5 * Math.cos((2 * Math.PI) / 24));
  const hours = Array.from({ length: 24 }, (_, hour) => {
    return 1e6 * (1 + amplitude * Math.cos(2 * Math.PI * ((hour + 0.5) / 24 - RHYTHM.peak)));
  });
  return {
    v: 1,
    seen: [...hours, ...new Array<number>(7).fill(1e6)],
    expected: new Array<number>(31).fill(1e6),
    typical: [Math.log(MEDIAN_PER_DAY), 1e6],
    weeks: 1e3,
    at: null,
  };
}
