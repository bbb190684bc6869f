import type { Redis } from 'ioredis';
import type { GateState } from '../../src/ebay/gate/gate.ts';
import { PlanDuty } from '../../src/queue/watch/planDuty.ts';
import { PlanStore } from '../../src/queue/watch/planStore.ts';
import type { Look, LookReport, LookSource, UnitDefinition } from '../../src/queue/watch/unit.ts';
import { NOOP_LOGGER } from '../../src/telemetry/logger.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** Looks without a queue: a job is there from `begin` on, ends with `work`, and stays known as a job of BullMQ does. */
export class Looks implements LookSource {
  readonly defined = new Map<string, UnitDefinition>();
  /** In the order in which their jobs were added; a second `begin` of the same look adds nothing. */
  readonly begun: Look[] = [];
  readonly #waiting = new Map<string, Look>();
  readonly #known = new Set<string>();
  readonly #store: PlanStore;

  constructor(store: PlanStore) {
    this.#store = store;
  }

  define(name: string, fields: Partial<UnitDefinition> = {}): void {
    const id = `schedule:${name}`;
    const flows = [{ flow: name, value: 1 }];
    const usual = { id, flows, expectedCalls: 1, atMostEveryMs: 60_000, atLeastEveryMs: 6 * HOUR };
    this.defined.set(id, { ...usual, ...fields });
  }

  async units(): Promise<UnitDefinition[]> {
    return [...this.defined.values()];
  }

  async begin(look: Look): Promise<'begun' | 'gone'> {
    if (!this.defined.has(look.unit)) return 'gone';
    const key = keyOf(look);
    if (this.#known.has(key)) return 'begun';
    this.#known.add(key);
    this.#waiting.set(key, look);
    this.begun.push(look);
    return 'begun';
  }

  async isUnderWay(look: Look): Promise<boolean> {
    return this.#waiting.has(keyOf(look));
  }

  /** Jobs that have not ended. */
  get waiting(): Look[] {
    return [...this.#waiting.values()];
  }

  /** Ends the jobs that wait, each with a report; `silent`: as a worker of an earlier release does. */
  async work(
    at: number,
    fields: Partial<LookReport> = {},
    silent = false,
    which: (look: Look) => boolean = () => true,
  ): Promise<void> {
    for (const look of this.waiting.filter(which)) {
      if (!silent) await this.#store.report(reportOf(look, { seenUntil: at, ...fields }));
      this.#waiting.delete(keyOf(look));
    }
  }

  /** The jobs are lost, as after a loss of Redis's data. */
  lose(): void {
    this.#waiting.clear();
    this.#known.clear();
  }

  /** Numbers of the looks at a unit. */
  numbers(name: string): number[] {
    return this.begun.filter(({ unit }) => unit === `schedule:${name}`).map(({ number }) => number);
  }
}

const keyOf = ({ unit, number }: Look) => `${unit} ${number}`;

export function reportOf(look: Look, fields: Partial<LookReport> = {}): LookReport {
  const flow = look.unit.slice(look.unit.indexOf(':') + 1);
  const flows = [{ flow, changes: 0, times: [] }];
  return { ...look, calls: 1, seenUntil: look.at, complete: true, flows, ...fields };
}

/** An open gate with plenty of calls. */
export function openGate(now: number, fields: Partial<GateState> = {}): GateState {
  return {
    now,
    intervalMs: 0,
    nextSlotMs: 0,
    used: 0,
    limit: 5000,
    remaining: 5000,
    reset: (Math.floor(now / DAY) + 1) * DAY,
    classes: { interactive: undefined, scheduled: undefined, backfill: undefined },
    circuit: 'closed',
    countLost: false,
    mark: { ledger: '', granted: 0, reset: 0 },
    ...fields,
  };
}

/** A tenant's planner at a time that the test sets. */
export function openPlan(redis: Redis, begin: number) {
  const store = new PlanStore(redis, '{ebay}', 'default');
  const looks = new Looks(store);
  const plan = {
    now: begin,
    gate: {} as Partial<GateState>,
    limits: { scheduledShare: 0.9, dailyCalls: 0 },
    fixed: 0,
    admits: true,
    missed: 0,
    delays: [] as number[],
    planned: [] as number[],
  };
  const none = new AbortController().signal;
  const options = {
    store,
    sources: [looks] as LookSource[],
    fixedCalls: () => plan.fixed,
    gate: { read: async () => openGate(plan.now, plan.gate) },
    admit: async () => {
      if (!plan.admits) throw new Error('full');
    },
    now: async () => plan.now,
    limits: () => plan.limits,
    dayMs: DAY,
    intervalMs: 1000,
    metrics: {
      begun: () => undefined,
      missed: () => {
        plan.missed += 1;
      },
      delays: (all: readonly number[]) => void plan.delays.push(...all),
      planned: ({ calls }: { calls: number }) => void plan.planned.push(calls),
    },
    log: NOOP_LOGGER,
  };
  return Object.assign(plan, {
    store,
    looks,
    options,
    /** Another process that may plan. */
    leader: (fields: Partial<typeof options> = {}) => new PlanDuty({ ...options, ...fields }),
    round: (duty: PlanDuty) => duty.round(none),
  });
}

/** Thrown where a process would have been killed. */
export class Killed extends Error {}

/** `target` whose methods count as steps; the process dies before the step with this number, or right after its effect. */
export function dyingAt<T extends object>(target: T, life: { steps: number; dies: 'before' | 'after' }): T {
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        life.steps -= 1;
        if (life.steps < 0 || (life.steps === 0 && life.dies === 'before')) throw new Killed();
        const result = await (value as (...all: unknown[]) => unknown).apply(object, args);
        if (life.steps === 0) {
          life.steps = -1;
          throw new Killed();
        }
        return result;
      };
    },
  });
}
