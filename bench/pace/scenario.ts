import type { Bed } from './bed.ts';

/** One figure of the table. */
export interface Figure {
  /** What was measured. */
  what: string;
  measured: number | string;
  /** What is promised, in words; empty for a figure that stands beside others. */
  bar: string;
  ok: boolean;
}

export interface Scenario {
  name: string;
  title: string;
  /** Time to measure for, seconds; scenarios that end by themselves ignore it. */
  seconds: number;
  run(bed: Bed, seconds: number): Promise<Figure[]>;
}

/** A figure that must be at most, or at least, so much. */
export function atMost(what: string, measured: number, most: number, unit = ''): Figure {
  return { what, measured: round(measured), bar: `≤ ${most}${unit}`, ok: measured <= most };
}

export function atLeast(what: string, measured: number, least: number, unit = ''): Figure {
  return { what, measured: round(measured), bar: `≥ ${least}${unit}`, ok: measured >= least };
}

export function exactly(what: string, measured: number | string, wanted: number | string): Figure {
  return { what, measured, bar: String(wanted), ok: measured === wanted };
}

/** For comparison only. */
export function beside(what: string, measured: number | string): Figure {
  return { what, measured: typeof measured === 'number' ? round(measured) : measured, bar: '', ok: true };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
