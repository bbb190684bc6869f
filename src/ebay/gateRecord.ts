import type { CallClass, ClosedBecause, Closure, GateState } from './gate.ts';
import type { GateSettings } from './gateSettings.ts';

/** The gate's whole state. Instants and durations in ms on the state's own clock; what never was is 0 or empty. */
export interface GateRecord {
  /** The last slot's time. */
  at: number;
  /** Names of the last `LATEST_SLOTS` slots, the latest first. */
  latest: readonly string[];
  /** Undefined until someone configured it. */
  intervalMs?: number | undefined;
  limit?: number | undefined;
  used: number;
  reset: number;
  /** Slots ever granted and not given back. */
  granted: number;
  until: number;
  because: ClosedBecause;
  /** Above 0 while the circuit is not closed: how long it last opened for. */
  circuitPauseMs: number;
  probeBy: string;
  probeUntil: number;
}

export const EMPTY_RECORD: Readonly<GateRecord> = {
  at: 0,
  latest: [],
  used: 0,
  reset: 0,
  granted: 0,
  until: 0,
  because: 'pause',
  circuitPauseMs: 0,
  probeBy: '',
  probeUntil: 0,
};

/** The end of the quota day that `now` is in: the recorded one until it has passed, then the calendar's. */
export function currentReset(recorded: number, now: number, calendar: [number, number]): number {
  if (recorded > now) return recorded;
  return calendar[0] > now ? calendar[0] : calendar[1];
}

const CLASSES: CallClass[] = ['interactive', 'scheduled', 'backfill'];

/** The reading form of the gate: what the next question would meet. */
export function describeGate(
  record: GateRecord,
  now: number,
  settings: GateSettings,
  calendar: [number, number],
): GateState {
  const intervalMs = record.intervalMs ?? settings.intervalMs;
  const limit = record.limit ?? settings.dailyLimit;
  const reset = currentReset(record.reset, now, calendar);
  const used = reset === record.reset ? record.used : 0;
  const closed = closureForAll(record, now, used, limit, reset, settings.probeRetryMs);
  const spent = (call: CallClass) => used >= Math.floor(limit * settings.shares[call]);
  const closureOf = (call: CallClass): Closure | undefined =>
    closed ?? (spent(call) ? { until: reset, because: 'quota' } : undefined);
  return {
    now,
    intervalMs,
    nextSlotMs: Math.max(0, record.at + intervalMs * (1 + settings.margin) - now),
    used,
    limit,
    remaining: Math.max(0, limit - used),
    reset,
    ...(closed ? { closed } : {}),
    classes: Object.fromEntries(CLASSES.map((call) => [call, closureOf(call)])) as GateState['classes'],
    circuit: record.circuitPauseMs === 0 ? 'closed' : record.until > now ? 'open' : 'half-open',
    mark: { granted: record.granted, reset },
  };
}

/** Why nobody may call at `now`, if so. `mine`: the prober itself may. */
export function closureForAll(
  record: GateRecord,
  now: number,
  used: number,
  limit: number,
  reset: number,
  probeRetryMs: number,
  mine = false,
): Closure | undefined {
  if (used >= limit) return { until: reset, because: 'quota' };
  if (record.until > now) return { until: record.until, because: record.because };
  if (record.circuitPauseMs > 0 && record.probeUntil > now && !mine)
    return { until: Math.min(record.probeUntil, now + probeRetryMs), because: 'circuit' };
  return undefined;
}
