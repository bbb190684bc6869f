import type { Config } from '../../config/config.ts';
import type { CallClass } from './gate.ts';

/** What a process brings to the gate. Interval and limit count only while the shared state has none. */
export interface GateSettings {
  intervalMs: number;
  dailyLimit: number;
  /** The part of the day's calls that each class may use up to. */
  shares: Record<CallClass, number>;
  /** The part of the day's calls that may be used while eBay has not confirmed a count that Redis lost. */
  unconfirmedShare: number;
  throttlePauseMs: number;
  maxThrottlePauseMs: number;
  circuitWindowMs: number;
  circuitShare: number;
  circuitMinCalls: number;
  circuitPauseMs: number;
  maxCircuitPauseMs: number;
  /**
   * A half-open circuit whose prober has not reported after this long lets another call probe. So long eBay is asked for a count
   * that Redis lost.
   */
  probeTimeoutMs: number;
  /** How soon calls that wait for a probe, or for eBay's count, should come again. */
  probeRetryMs: number;
  /** A slot is granted at most this long (and a quarter of the interval) and one round trip to Redis ahead of its time. */
  leadMs: number;
  /** A call that is later than this asks for its slot again. */
  lateMs: number;
  /** The interval is kept with this margin, so that jitter on the way to eBay does not shorten it. */
  margin: number;
  /** Longest sleep before asking again: how soon a changed interval is noticed. */
  maxSleepMs: number;
}

/** Lead, lateness and margin are the measured ones: 98 % of the permitted calls and no short gap, 1 to 8 processes. */
const MEASURED = { leadMs: 20, lateMs: 4, margin: 0.005, maxSleepMs: 1000, probeRetryMs: 500 };

export function gateSettings({ pace, ebay }: Pick<Config, 'pace' | 'ebay'>): GateSettings {
  return {
    intervalMs: pace.minApiCallInterval * 1000,
    dailyLimit: pace.dailyCallLimit,
    shares: { interactive: 1, scheduled: pace.scheduledShare, backfill: pace.backfillShare },
    unconfirmedShare: pace.unconfirmedShare,
    throttlePauseMs: pace.throttlePause * 1000,
    maxThrottlePauseMs: pace.maxThrottlePause * 1000,
    circuitWindowMs: pace.circuitWindow * 1000,
    circuitShare: pace.circuitShare,
    circuitMinCalls: pace.circuitMinCalls,
    circuitPauseMs: pace.circuitPause * 1000,
    maxCircuitPauseMs: pace.maxCircuitPause * 1000,
    // A probe ends by the call's deadline; the rest is for its way through the process.
    probeTimeoutMs: ebay.callTimeout * 1000 + 2000,
    ...MEASURED,
  };
}
