import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import { asHash } from '../../redis/ownHash.ts';
import { clockOf, RedisClock } from '../../redis/redisClock.ts';
import { type Logger, NOOP_LOGGER } from '../../telemetry/logger.ts';
import type { CallMetrics } from '../../telemetry/metrics.ts';
import { tracedAsNow, untraced } from '../../telemetry/tracing.ts';
import { QuotaDays } from '../pacificDay.ts';
import type {
  CallClass,
  CallGate,
  CallOutcome,
  ClosedReason,
  Closure,
  GateCall,
  GateState,
  QuotaFigures,
  QuotaMark,
  Slot,
  ThrottlePause,
} from './gate.ts';
import { GATE_SCRIPTS } from './gateScript.ts';
import type { GateSettings } from './gateSettings.ts';

export interface RedisGateOptions {
  /** A connection of the `caller` profile: a command must fail rather than wait. */
  redis: Redis;
  /** `{ebay}`, the prefix that all keys share. */
  prefix: string;
  tenant: string;
  /** A function where they may change while the gate is in use. */
  settings: GateSettings | (() => GateSettings);
  log?: Logger;
  metrics?: Pick<CallMetrics, 'waited' | 'refused'>;
  /**
   * Brings the count in line with eBay's, by `reconcile`; false where eBay did not state it. Called where Redis has no count, or
   * lost it: calls wait meanwhile. Without it they do not wait.
   */
  verify?: () => Promise<boolean>;
}

/** The gate of a whole fleet. Without Redis it refuses: no call is made that cannot be counted. */
export function redisGate(options: RedisGateOptions): CallGate {
  return new RedisGate(options);
}

/** The one key that holds a credential's gate. */
export function gateKey(prefix: string, tenant: string): string {
  return `${prefix}:gate:${tenant}`;
}

/** How many of the latest slots are known by id: beyond them a lost answer counts as a call. */
const LATEST_SLOTS = 16;

/** Of the processes that wait so many ask for the same slot: enough that one is awake in time. */
const ROW_LENGTH = 8;

/** A slot further ahead than this, ms, is from a clock that went back; slots are granted `MAX_ROUND_TRIP_MS` ahead at most. */
const FURTHEST_MS = 2000;
const MAX_ROUND_TRIP_MS = 1000;

/** The most urgent first. */
const CLASSES: CallClass[] = ['interactive', 'scheduled', 'backfill'];

/** A slot that this process was granted and did not use; without `reset` one that may have been, its answer was lost. */
interface UnusedSlot {
  id: string;
  /** The end of the quota day that it was counted in. */
  reset?: number;
}

/** The answers of the script; instants in µs are texts. */
type AskAnswer =
  | { kind: 'closed'; forMs: number; reason: ClosedReason; scope: 'all' | 'class'; pause?: Closure }
  | { kind: 'wait'; nowUs: string; askAtUs: string; verify?: boolean; lost?: number }
  | ({ kind: 'go'; nowUs: string; askAtUs: string } & Grant);

interface Grant {
  slotUs: string;
  intervalUs: number;
  used: number;
  limit: number;
  reset: number;
  probe: boolean;
  /** The first slot of a quota day. */
  dayBegan: boolean;
  ledger: string;
  number: number;
  serial: number;
  tokenMark: string;
}

type Refusal = Pick<Extract<AskAnswer, { kind: 'closed' }>, 'forMs' | 'reason' | 'scope'>;

/** What the last grant of this process said about the day. Redis gets it with each ask, because it may lose its own count. */
type SeenCount = Pick<Grant, 'ledger' | 'number' | 'serial' | 'used' | 'limit' | 'reset'>;

interface ReportAnswer {
  change: 'none' | 'opened' | 'reopened' | 'closed';
  pauseMs?: number;
}

interface ReadAnswer {
  nowUs: string;
  nextUs: string;
  intervalUs: number;
  used: number;
  limit: number;
  reset: number;
  granted: number;
  ledger: string;
  doubt: '' | 'new' | 'lost' | 'unknown' | 'unconfirmed';
  circuit: GateState['circuit'];
  closed?: Closure;
}

/**
 * One process's side of the gate: the line of its waiting calls, and a loop that asks Redis for one slot after another.
 * The rules and the state are those of `gateScript.ts`.
 */
class RedisGate implements CallGate {
  readonly #options: RedisGateOptions;
  readonly #key: string;
  readonly #log: Logger;
  readonly #days: QuotaDays;
  readonly #line = new GateLine();
  readonly #clock = new RedisClock();
  readonly #process = randomUUID().slice(0, 8);
  #intervalMs: number;
  #asked = 0;
  #isAsking = false;
  /** When the next ask makes sense, on `performance`'s clock. */
  #askAt = 0;
  /** Asks since this process's last slot that were answered with a wait: the count of those who wait contains them. */
  #refused = 0;
  #sleeping = new AbortController();
  /** Calls that eBay answered since the last ask. */
  #answered = 0;
  #seen: SeenCount | undefined;
  /** The latest pause or open circuit that this process heard of. */
  #closed: Closure | undefined;
  #unused: UnusedSlot[] = [];

  constructor(options: RedisGateOptions) {
    this.#options = options;
    this.#key = gateKey(options.prefix, options.tenant);
    this.#log = options.log ?? NOOP_LOGGER;
    this.#days = new QuotaDays(() => this.#clock.now());
    this.#intervalMs = this.#settings.intervalMs;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  enter(call: GateCall): Promise<Slot> {
    const slot = this.#line.join(call, () => this.#wake());
    if (call.insteadOf instanceof GateSlot) this.#remember(call.insteadOf);
    // The loop serves others too: what it logs, and the count that it asks eBay for, belong to no call's trace.
    void untraced(() => this.#serve());
    return slot;
  }

  async check(callClass: CallClass): Promise<void> {
    const { now, closed, classes } = await this.read();
    const closure = classes[callClass];
    if (closure === undefined) return;
    const scope = closed === undefined ? 'class' : 'all';
    throw refusedFailure({ forMs: closure.until - now, reason: closure.reason, scope }, callClass, now);
  }

  async report(slot: Slot, outcome: CallOutcome): Promise<void> {
    if (!slot.probe && outcome === 'unknown') return;
    // An ordinary answer travels with the next ask: it costs no command of its own.
    if (!slot.probe && outcome === 'answered') {
      this.#answered += 1;
      return;
    }
    const settings = this.#settings;
    try {
      const { change, pauseMs } = await this.#run<ReportAnswer>('report', {
        id: slot.id,
        outcome,
        process: this.#process,
        windowMs: settings.circuitWindowMs,
        share: settings.circuitShare,
        fewestCalls: settings.circuitMinCalls,
        pauseMs: settings.circuitPauseMs,
        longestPauseMs: settings.maxCircuitPauseMs,
      });
      if (change === 'opened') this.#log.error('circuit opened: eBay is failing', { pauseMs });
      if (change === 'reopened') this.#log.warn('circuit stays open: the probe failed', { pauseMs });
      if (change === 'closed') this.#log.info('circuit closed: eBay answers again');
    } catch (error) {
      this.#log.debug('call not reported to the gate', { cause: (error as Error).message });
    }
  }

  async giveBack(slot: Slot): Promise<void> {
    if (!(slot instanceof GateSlot) || slot.wasSent) return;
    this.#remember(slot);
    if (!this.#isAsking) await this.#returnUnused();
  }

  async throttled(retryAfterMs?: number): Promise<ThrottlePause> {
    const { throttlePauseMs, maxThrottlePauseMs } = this.#settings;
    const { until, ...pause } = await this.#run<ThrottlePause & Closure>('throttled', {
      namedMs: retryAfterMs,
      firstPauseMs: throttlePauseMs,
      longestPauseMs: maxThrottlePauseMs,
    });
    this.#closed = { until, reason: pause.reason };
    if (pause.began) this.#log.warn('paused: eBay throttles', { forMs: pause.forMs });
    return pause;
  }

  async close(forMs: number, reason: ClosedReason): Promise<number> {
    const closedForMs = await this.#run<number>('close', { forMs, reason });
    this.#log.warn('gate closed', { reason, forMs: closedForMs });
    return closedForMs;
  }

  async read(): Promise<GateState> {
    const { shares } = this.#settings;
    const answer = await this.#run<ReadAnswer>('read', this.#rules());
    const { intervalUs, used, limit, reset, granted, ledger, doubt, closed, circuit } = answer;
    const [nowUs, nextUs] = [Number(answer.nowUs), Number(answer.nextUs)];
    const closureOf = (call: CallClass): Closure | undefined =>
      closed ?? (used >= Math.floor(limit * shares[call]) ? { until: reset, reason: 'quota' } : undefined);
    return {
      now: nowUs / 1000,
      intervalMs: intervalUs / 1000,
      nextSlotMs: Math.max(0, (nextUs - nowUs) / 1000),
      used,
      limit,
      remaining: Math.max(0, limit - used),
      reset,
      ...(closed ? { closed } : {}),
      classes: Object.fromEntries(CLASSES.map((call) => [call, closureOf(call)])) as GateState['classes'],
      circuit,
      countLost: doubt === 'unconfirmed' ? doubt : doubt === 'lost',
      mark: { ledger, granted, reset },
    };
  }

  async reconcile(figures: QuotaFigures, mark: QuotaMark): Promise<boolean> {
    return (await this.#run<number>('reconcile', { ...figures, mark, days: this.#days.times() })) === 1;
  }

  async configure({ intervalMs, dailyLimit }: { intervalMs: number; dailyLimit: number }): Promise<void> {
    await this.#run('configure', { intervalUs: microseconds(intervalMs), dailyLimit });
  }

  get #settings(): GateSettings {
    const { settings } = this.#options;
    return typeof settings === 'function' ? settings() : settings;
  }

  /** What the programs need to know of this process's settings. */
  #rules() {
    const { intervalMs, dailyLimit, unconfirmedShare, leadMs, margin, probeRetryMs } = this.#settings;
    return {
      intervalUs: microseconds(intervalMs),
      dailyLimit,
      unconfirmedShare,
      days: this.#days.times(),
      leadUs: microseconds(leadMs),
      roundTripUs: microseconds(Math.min(this.#clock.roundTripMs, MAX_ROUND_TRIP_MS)),
      furthestUs: microseconds(FURTHEST_MS),
      margin,
      probeRetryMs,
    };
  }

  /** One ask at a time: the fleet's N processes make N + 1 asks for a slot at most, one process alone makes one. */
  async #serve(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      while (this.#line.first() !== undefined) {
        await this.#untilAsking();
        // Another call may be the first by now.
        const first = this.#line.first();
        if (first !== undefined) await this.#askFor(first);
      }
    } finally {
      this.#isAsking = false;
    }
    await this.#returnUnused();
  }

  async #untilAsking(): Promise<void> {
    const ms = Math.min(this.#askAt - performance.now(), this.#settings.maxSleepMs);
    // A slot that was missed can be taken up again, but only at once.
    const wasMissed = this.#unused.some(({ reset }) => reset !== undefined);
    if (ms <= 0 || wasMissed) return;
    this.#sleeping = new AbortController();
    await sleep(Math.ceil(ms), undefined, { signal: this.#sleeping.signal }).catch(() => undefined);
  }

  #wake(): void {
    this.#sleeping.abort();
  }

  async #askFor(waiter: Waiter): Promise<void> {
    this.#asked += 1;
    const id = `${this.#process}-${this.#asked}`;
    const [answered, unused] = [this.#answered, this.#unused];
    this.#answered = 0;
    this.#unused = [];
    const { shares, circuitWindowMs, probeTimeoutMs, maxSleepMs } = this.#settings;
    // A call that could not be prepared leaves as it is.
    const prepare = (mark?: string) =>
      waiter.traced(async () => waiter.call.beforeSend?.(mark).catch(() => undefined));
    const prepared = prepare();
    const askedAt = performance.now();
    try {
      const answer = await this.#run<AskAnswer>('ask', {
        ...this.#rules(),
        id,
        seen: this.#seen,
        closed: this.#closed,
        verifies: this.#options.verify !== undefined,
        replacesToken: waiter.call.replacesToken,
        share: shares[waiter.call.class],
        unused,
        answered,
        refused: this.#refused,
        process: this.#process,
        keptSlots: LATEST_SLOTS,
        rowLength: ROW_LENGTH,
        longestSleepUs: microseconds(maxSleepMs),
        windowMs: circuitWindowMs,
        probeTimeoutMs,
      });
      if (answer.kind === 'closed') {
        this.#closed = answer.pause;
        this.#turnAway(waiter, answer);
        return;
      }
      if (answer.kind === 'wait' && answer.verify) void this.#verify(answer.lost);
      this.#clock.learn(askedAt, performance.now(), Number(answer.nowUs) / 1000);
      this.#askAt = this.#clock.toLocal(Number(answer.askAtUs) / 1000);
      this.#refused = answer.kind === 'wait' ? this.#refused + 1 : 0;
      if (answer.kind === 'go')
        void this.#use(waiter, id, answer, Promise.all([prepared, prepare(answer.tokenMark)]));
    } catch (error) {
      this.#answered += answered;
      // Whether Redis got this ask is not known: the next one names its slot, and again those that it named.
      this.#keep(...unused.map((slot) => ({ id: slot.id })), { id });
      this.#options.metrics?.refused('redis');
      this.#line.turnAway(() => error as Failure);
    }
  }

  /** Asks eBay for its count. One process of the fleet does so at a time. */
  async #verify(known?: number): Promise<void> {
    if (known !== undefined)
      this.#log.warn('Redis lost the count of the day’s calls: calls wait for eBay’s count', { known });
    const wasVerified = await this.#options.verify?.().catch(() => false);
    if (!wasVerified) {
      const { probeTimeoutMs, probeRetryMs } = this.#settings;
      const left = await this.#run<string>('unconfirmed', { probeTimeoutMs, probeRetryMs }).catch(() => '');
      if (left === 'unconfirmed')
        this.#log.warn('eBay did not confirm the count of the day’s calls: a share of the day is used', {
          share: this.#settings.unconfirmedShare,
        });
    }
    this.#askAt = 0;
    this.#wake();
  }

  /** Waits for the slot's time, and lets its call go unless that has left or is late. The next ask does not wait for it. */
  async #use(waiter: Waiter, id: string, grant: Grant, prepared: Promise<unknown>): Promise<void> {
    this.#intervalMs = grant.intervalUs / 1000;
    const { ledger, number, serial, used, limit, reset } = grant;
    this.#seen = { ledger, number, serial, used, limit, reset };
    waiter.isGranted = true;
    const slot = new GateSlot(id, waiter, grant, this.#clock, this.#settings.lateMs, (sentUs) => {
      void this.#run('sentLate', { sentUs }).catch(() => undefined);
    });
    if (!slot.isLate) await slot.untilDue(prepared);
    if (slot.isLate && this.#line.has(waiter)) {
      waiter.missed += 1;
      waiter.isGranted = false;
      this.#remember(slot);
      void this.#serve();
    } else if (this.#line.leave(waiter)) {
      this.#options.metrics?.waited(waiter.call.class, slot.waitedMs);
      this.#logQuota(grant);
      const fields = { class: waiter.call.class, waitedMs: Math.round(slot.waitedMs) };
      waiter.traced(() => this.#log.debug('call admitted', fields));
      waiter.resolve(slot);
    } else await this.giveBack(slot);
  }

  /** With nobody in line there is no further ask that could name them. */
  async #returnUnused(): Promise<void> {
    const idle = this.#unused;
    this.#unused = idle.filter(({ reset }) => reset === undefined);
    for (const { id, reset } of idle)
      if (reset !== undefined) await this.#run('giveBack', { id, reset }).catch(() => this.#keep({ id }));
  }

  #remember({ id, reset }: GateSlot): void {
    this.#keep({ id, reset });
    // Asked for now, its place in time can still be taken up.
    this.#wake();
  }

  /** The first of them are those that may have been granted before Redis went away. */
  #keep(...unused: UnusedSlot[]): void {
    this.#unused = [...this.#unused, ...unused].slice(0, LATEST_SLOTS);
  }

  #turnAway(waiter: Waiter, refusal: Refusal): void {
    const { scope, reason } = refusal;
    this.#options.metrics?.refused(scope === 'class' ? 'share' : reason);
    const only = scope === 'class' ? waiter.call.class : undefined;
    const now = clockOf(this.#options.redis).now();
    this.#line.turnAway(({ call }) => refusedFailure(refusal, call.class, now), only);
  }

  #logQuota({ dayBegan, used, limit, reset }: Grant): void {
    const until = new Date(reset).toISOString();
    if (dayBegan) this.#log.info('quota day began', { limit, until });
    for (const [call, share] of Object.entries(this.#settings.shares))
      if (used === Math.floor(limit * share))
        this.#log.warn('quota share spent', { class: call, used, limit, until });
  }

  async #run<Answer>(script: keyof typeof GATE_SCRIPTS, args: object, again = false): Promise<Answer> {
    const askedAt = performance.now();
    try {
      const { redis } = this.#options;
      // A late call must be known before the next slot is asked for.
      const run = script === 'sentLate' ? 'runInOrder' : 'run';
      const ask = () => GATE_SCRIPTS[script][run](redis, this.#key, [JSON.stringify(args)]);
      const answer = await asHash(redis, this.#key, ask);
      return (typeof answer === 'string' && answer.startsWith('{') ? JSON.parse(answer) : answer) as Answer;
    } catch (error) {
      const redisNow = /^CLOCK (\d+)/.exec((error as Error).message)?.[1];
      if (redisNow !== undefined && !again) {
        // This process's clock is wrong, or Redis has another one than before.
        this.#clock.learn(askedAt, performance.now(), Number(redisNow));
        return this.#run<Answer>(script, { ...args, days: this.#days.times() }, true);
      }
      const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message.slice(0, 120);
      throw new Failure('redis-unavailable', `the call gate cannot count a call without Redis (${cause})`);
    }
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

/** Its message has the time of Redis's clock; `until` is by this process's. */
function refusedFailure({ forMs, reason, scope }: Refusal, callClass: CallClass, redisNow: number): Failure {
  const until = Date.now() + Math.ceil(forMs);
  const when = new Date(redisNow + Math.ceil(forMs)).toISOString();
  return scope === 'all'
    ? new Failure('gate-closed', `no call to eBay before ${when} (${reason})`, { until, reason })
    : new Failure(
        'share-spent',
        `${callClass} searches have used their share of today's calls; more at ${when}`,
        { until, reason },
      );
}

/** Of two calls the one with the lower rank gets the next slot. */
function rankOf({ again, class: callClass }: GateCall): number {
  return again ? -1 : CLASSES.indexOf(callClass);
}

/** One call in line. */
interface Waiter {
  readonly call: GateCall;
  readonly since: number;
  /** Runs what is done for this call alone, in its trace. */
  readonly traced: <T>(work: () => T) => T;
  /** It has a slot whose time has not come. */
  isGranted: boolean;
  /** Slots that it got and missed. */
  missed: number;
  resolve(slot: Slot): void;
  reject(failure: Failure): void;
}

/**
 * The calls of one process that wait for a slot: retries and replays before all others, then class by class, first come, first
 * served within one. A worker may hold many calls of a lower class, taken before the one of a higher class was there.
 */
class GateLine {
  #waiters: Waiter[] = [];

  /** Rejects with `interrupted` when the call's signal aborts, and calls `left`. */
  join(call: GateCall, left: () => void): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const interrupt = () => {
        this.leave(waiter);
        waiter.reject(new Failure('interrupted', 'stopped while waiting for a slot to call eBay'));
        left();
      };
      const settled = () => call.signal?.removeEventListener('abort', interrupt);
      const waiter: Waiter = {
        call,
        since: performance.now(),
        traced: tracedAsNow(),
        isGranted: false,
        missed: call.insteadOf === undefined ? 0 : call.insteadOf.missed + 1,
        resolve(slot) {
          settled();
          resolve(slot);
        },
        reject(failure) {
          settled();
          reject(failure);
        },
      };
      if (call.signal?.aborted) {
        interrupt();
        return;
      }
      call.signal?.addEventListener('abort', interrupt);
      const place = this.#waiters.findIndex((other) => rankOf(call) < rankOf(other.call));
      this.#waiters.splice(place < 0 ? this.#waiters.length : place, 0, waiter);
    });
  }

  /** The one that the next slot is for. */
  first(): Waiter | undefined {
    return this.#waiters.find(({ isGranted }) => !isGranted);
  }

  has(waiter: Waiter): boolean {
    return this.#waiters.includes(waiter);
  }

  /** False if it had left already. */
  leave(waiter: Waiter): boolean {
    const wasThere = this.has(waiter);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    return wasThere;
  }

  /** Rejects all that have no slot, or those of one class. */
  turnAway(why: (waiter: Waiter) => Failure, only?: CallClass): void {
    for (const waiter of this.#waiters)
      if (!waiter.isGranted && (only === undefined || waiter.call.class === only)) {
        this.leave(waiter);
        waiter.reject(why(waiter));
      }
  }
}

/** A granted slot, with its time on this process's clock. */
class GateSlot implements Slot {
  readonly id: string;
  readonly probe: boolean;
  readonly reset: number;
  readonly #waiter: Waiter;
  readonly #clock: RedisClock;
  readonly #lateMs: number;
  readonly #movePace: (sentUs: number) => void;
  readonly #paced: boolean;
  readonly #dueAt: number;
  /** How late the call may leave, ms. */
  readonly #allowedMs: number;
  #waitedMs: number | undefined;
  #wasSent = false;

  constructor(
    id: string,
    waiter: Waiter,
    { slotUs, intervalUs, probe, reset }: Grant,
    clock: RedisClock,
    /** A request that is written later than this moves the slots after it. */
    lateMs: number,
    movePace: (sentUs: number) => void,
  ) {
    this.id = id;
    this.probe = probe;
    this.reset = reset;
    this.#waiter = waiter;
    this.#clock = clock;
    this.#lateMs = lateMs;
    this.#movePace = movePace;
    this.#paced = intervalUs > 0;
    this.#dueAt = clock.toLocal(Number(slotUs) / 1000);
    // Twice the allowance for each further slot missed: a Redis whose answers are always late starves no call.
    const allowed = lateMs * 2 ** Math.max(0, waiter.missed - 1);
    this.#allowedMs = this.#paced ? (clock.isKnown ? allowed : Number.NEGATIVE_INFINITY) : Infinity;
  }

  get waitedMs(): number {
    return this.#waitedMs ?? performance.now() - this.#waiter.since;
  }

  get missed(): number {
    return this.#waiter.missed;
  }

  get isLate(): boolean {
    return this.#lateByMs > this.#allowedMs;
  }

  /** From the grant to the socket a call may take as long again; `sent` then moves the slots after it. */
  get isOver(): boolean {
    return this.#lateByMs > 2 * this.#allowedMs;
  }

  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** Waits for the slot's time, and until the call is prepared. */
  async untilDue(prepared: Promise<unknown>): Promise<void> {
    // A timer fires late by a millisecond or so rather than early: whole ones are slept, the rest passes on the way.
    for (let left = -this.#lateByMs; this.#paced && left >= 1; left = -this.#lateByMs)
      await sleep(Math.floor(left));
    await prepared;
    this.#waitedMs = this.waitedMs;
  }

  sent(): void {
    if (this.#wasSent) return;
    this.#wasSent = true;
    if (!this.#paced || this.#lateByMs <= this.#lateMs) return;
    this.#movePace(microseconds(this.#clock.toRedis(performance.now() - this.#lateMs)));
  }

  get #lateByMs(): number {
    return performance.now() - this.#dueAt;
  }
}
