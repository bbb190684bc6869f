import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEntry } from '../../src/simulator/log.ts';
import { gapsOf } from '../../test/support/gates.ts';
import type { Figure } from './scenario.ts';
import { atLeast, atMost } from './scenario.ts';

/** The tolerance that the promise names, ms. */
const TOLERANCE_MS = 5;

/** A worker's first pages run uncompiled, and a process of eight sees one in eight of them. */
export const WARM_UP_S = 12;

export interface Pace {
  calls: number;
  /** (calls − 1) × interval ÷ (last − first arrival). */
  use: number;
  minGapMs: number;
  maxGapMs: number;
  /** Gaps below the interval − 5 ms. */
  short: number;
  /** Most calls in any second. */
  inASecond: number;
}

/** @param times of calls, ms, in any order */
export function paceOf(times: readonly number[], intervalMs: number): Pace {
  const sorted = times.toSorted((a, b) => a - b);
  const gaps = gapsOf(sorted);
  const span = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0);
  return {
    calls: sorted.length,
    use: span > 0 ? (gaps.length * intervalMs) / span : 0,
    minGapMs: Math.min(...gaps),
    maxGapMs: Math.max(...gaps),
    short: gaps.filter((gap) => gap < intervalMs - TOLERANCE_MS).length,
    inASecond: mostWithin(sorted, 1000),
  };
}

/** When they arrived, ms. */
export function timesOf(calls: readonly LogEntry[]): number[] {
  return calls.map(({ at }) => at);
}

function mostWithin(sorted: readonly number[], windowMs: number): number {
  let from = 0;
  let most = 0;
  sorted.forEach((time, index) => {
    while (time - (sorted[from] as number) >= windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

/** The two promises of pace. */
export function paceFigures(label: string, pace: Pace, leastUse: number): Figure[] {
  return [
    atMost(`${label}: gaps below interval − 5 ms (least ${pace.minGapMs.toFixed(1)} ms)`, pace.short, 0),
    atLeast(`${label}: use of ${pace.calls} calls`, pace.use, leastUse),
  ];
}

/** Waits, telling how far it is. */
export async function during(seconds: number, say: (line: string) => void, what: string): Promise<void> {
  for (let left = Math.ceil(seconds); left > 0; left -= 1) {
    say(`${what}: ${left} s`);
    await sleep(Math.min(1, seconds) * 1000);
  }
}
