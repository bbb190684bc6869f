import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { Logger } from '../../telemetry/logger.ts';
import {
  type Ask,
  type AskAnswer,
  type CallClass,
  type CallGate,
  type CallOutcome,
  type CircuitChange,
  type ClosedReason,
  type Closure,
  type GateState,
  type GateStore,
  LATEST_SLOTS,
  type LedgerMark,
  type QuotaFigures,
  ROW_LENGTH,
  type ThrottlePause,
} from './gate.ts';
import { GATE_SCRIPTS } from './gateScript.ts';
import type { GateSettings } from './gateSettings.ts';
import { type GateMetrics, PacedGate } from './pacedGate.ts';
import { QuotaDays } from './quota.ts';

/** The state shared by the fleet: one hash, changed by one script a step. */
export class RedisGateStore implements GateStore {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #settings: GateSettings;
  readonly #days: QuotaDays;
  readonly #process = randomUUID().slice(0, 8);

  constructor(redis: Redis, key: string, settings: GateSettings, clock: () => number = Date.now) {
    this.#redis = redis;
    this.#key = key;
    this.#settings = settings;
    this.#days = new QuotaDays(clock);
  }

  async ask(ask: Ask): Promise<AskAnswer> {
    const settings = this.#settings;
    const [verdict, ...rest] = (await this.#run('ask', [
      ask.id,
      settings.shares[ask.class],
      microseconds(settings.intervalMs),
      settings.dailyLimit,
      ...this.#days.ends(),
      microseconds(settings.leadMs),
      settings.margin,
      ask.unused.map(({ id, reset }) => `${id} ${reset ?? '-'}`).join(' '),
      LATEST_SLOTS,
      ask.answered,
      this.#process,
      settings.circuitWindowMs,
      settings.probeTimeoutMs,
      settings.probeRetryMs,
      microseconds(settings.maxNapMs),
      ROW_LENGTH,
    ])) as [string, ...(number | string)[]];
    if (verdict === 'wait') return { is: 'wait', waitMs: Number(rest[0]) / 1000 };
    if (verdict === 'closed') {
      const [forMs, reason, scope] = rest as [number, ClosedReason, 'all' | 'class'];
      return { is: 'closed', forMs, reason, scope };
    }
    const [wait, interval, used, limit, reset, probe, newDay] = rest.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const pace = { waitMs: wait / 1000, intervalMs: interval / 1000 };
    return { is: 'go', ...pace, used, limit, reset, probe: probe === 1, newDay: newDay === 1 };
  }

  async sentLate(): Promise<void> {
    await this.#run('sentLate', [microseconds(this.#settings.lateMs)]);
  }

  async report(slotId: string, outcome: CallOutcome): Promise<{ change: CircuitChange; pauseMs: number }> {
    const { circuitWindowMs, circuitShare, circuitMinCalls, circuitPauseMs, maxCircuitPauseMs } =
      this.#settings;
    const rules = [circuitWindowMs, circuitShare, circuitMinCalls, circuitPauseMs, maxCircuitPauseMs];
    const answer = await this.#run('report', [slotId, outcome, this.#process, ...rules]);
    const [change, pauseMs] = answer as [CircuitChange, number];
    return { change, pauseMs };
  }

  async giveBack(slotId: string, reset: number): Promise<void> {
    await this.#run('giveBack', [slotId, reset]);
  }

  async throttled(retryAfterMs?: number): Promise<ThrottlePause> {
    const { throttlePauseMs, maxThrottlePauseMs } = this.#settings;
    const answer = await this.#run('throttled', [retryAfterMs ?? '', throttlePauseMs, maxThrottlePauseMs]);
    const [forMs, reason, began] = answer as [number, ClosedReason, number];
    return { forMs, reason, began: began === 1 };
  }

  async close(forMs: number, reason: ClosedReason): Promise<number> {
    return (await this.#run('close', [forMs, reason])) as number;
  }

  async read(): Promise<GateState> {
    const [time, hash] = await this.#guard(() =>
      Promise.all([this.#redis.time(), this.#redis.hgetall(this.#key)]),
    );
    const now = Number(time[0]) * 1000 + Number(time[1]) / 1000;
    return describeGate(recordOf(hash), now, this.#settings, this.#days.ends());
  }

  async reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean> {
    const { limit, remaining, reset } = figures;
    const ends = this.#days.ends();
    return (await this.#run('reconcile', [limit, remaining, reset, mark.granted, mark.reset, ...ends])) === 1;
  }

  async configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void> {
    await this.#run('configure', [microseconds(pace.intervalMs), pace.dailyLimit]);
  }

  #run(script: keyof typeof GATE_SCRIPTS, args: (string | number)[]): Promise<unknown> {
    return this.#guard(() => GATE_SCRIPTS[script].run(this.#redis, this.#key, args));
  }

  async #guard<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message.slice(0, 120);
      throw new Failure('redis-unavailable', `the call gate cannot count a call without Redis (${cause})`);
    }
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function recordOf(hash: Record<string, string>): GateRecord {
  const number = (field: string) => Number(hash[field] ?? 0);
  return {
    ...EMPTY_RECORD,
    at: number('at') / 1000,
    latest: (hash.by ?? '').split(' ').filter((id) => id !== ''),
    intervalMs: hash.i === undefined ? undefined : number('i') / 1000,
    limit: hash.limit === undefined ? undefined : number('limit'),
    used: number('used'),
    reset: number('reset'),
    granted: number('granted'),
    until: number('until'),
    reason: (hash.reason as ClosedReason | undefined) ?? 'pause',
    circuitPauseMs: number('cp'),
    probeBy: hash.pb ?? '',
    probeUntil: number('pu'),
  };
}

export interface RedisGateOptions {
  /** A connection of the `caller` profile: a question must fail rather than wait. */
  redis: Redis;
  /** `{ebay}`, the prefix that all keys share. */
  prefix: string;
  tenant: string;
  settings: GateSettings;
  log?: Logger;
  metrics?: GateMetrics;
  /** ms since the epoch, for the calendar only; pace and ledger run on Redis time. */
  clock?: () => number;
}

/** The gate of a whole fleet. Without Redis it refuses: no call is made that cannot be counted. */
export function redisGate({
  redis,
  prefix,
  tenant,
  settings,
  clock,
  ...telemetry
}: RedisGateOptions): CallGate {
  const store = new RedisGateStore(redis, gateKey(prefix, tenant), settings, clock);
  return new PacedGate({ store, settings, ...telemetry });
}

/** The one key that holds a credential's gate. */
export function gateKey(prefix: string, tenant: string): string {
  return `${prefix}:gate:${tenant}`;
}

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
  reason: ClosedReason;
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
  reason: 'pause',
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
    closed ?? (spent(call) ? { until: reset, reason: 'quota' } : undefined);
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
  if (used >= limit) return { until: reset, reason: 'quota' };
  if (record.until > now) return { until: record.until, reason: record.reason };
  if (record.circuitPauseMs > 0 && record.probeUntil > now && !mine)
    return { until: Math.min(record.probeUntil, now + probeRetryMs), reason: 'circuit' };
  return undefined;
}
