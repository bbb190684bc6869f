import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import type {
  CallOutcome,
  ClosedBecause,
  GateState,
  LedgerMark,
  QuotaFigures,
  ThrottlePause,
} from './gate.ts';
import { describeGate, EMPTY_RECORD, type GateRecord } from './gateRecord.ts';
import { GATE_SCRIPTS } from './gateScript.ts';
import type { GateSettings } from './gateSettings.ts';
import {
  type Ask,
  type AskAnswer,
  type CircuitChange,
  type GateStore,
  LATEST_SLOTS,
  ROW_LENGTH,
} from './gateStore.ts';
import { QuotaDays } from './quotaDay.ts';

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
      const [forMs, because, scope] = rest as [number, ClosedBecause, 'all' | 'class'];
      return { is: 'closed', forMs, because, scope };
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
    const [forMs, because, began] = answer as [number, ClosedBecause, number];
    return { forMs, because, began: began === 1 };
  }

  async close(forMs: number, because: ClosedBecause): Promise<number> {
    return (await this.#run('close', [forMs, because])) as number;
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
    because: (hash.because as ClosedBecause | undefined) ?? 'pause',
    circuitPauseMs: number('cp'),
    probeBy: hash.pb ?? '',
    probeUntil: number('pu'),
  };
}
