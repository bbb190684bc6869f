import type { Fault } from './fault.ts';

export interface LatencyParameters {
  /** Milliseconds, or a range to draw from. Default 1000. */
  readonly ms?: number | readonly [low: number, high: number];
}

/** The usual answer, later. */
export const latency: Fault<LatencyParameters> = ({ ms = 1000 }, { random }) => ({
  delayMs: typeof ms === 'number' ? ms : ms[0] + random() * (ms[1] - ms[0]),
});
