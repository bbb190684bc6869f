import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { figuresOf, Outbox } from '../queue/alerts/outbox.ts';
import { releaseDue } from '../queue/alerts/release.ts';
import { withinBudgets } from '../queue/budgets.ts';
import { countQueue } from '../queue/bullmq/counts.ts';
import { createIntake } from '../queue/intake.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { markOverdue } from '../queue/search/plan.ts';
import { publishLoss } from '../queue/search/summary.ts';
import { PlanDuty } from '../queue/watch/planDuty.ts';
import { PlanStore } from '../queue/watch/planStore.ts';
import { ScheduleLooks } from '../queue/watch/scheduleLooks.ts';
import { SharedLooks } from '../queue/watch/sharedLooks.ts';
import type { LookSource } from '../queue/watch/unit.ts';
import { WatchLooks } from '../queue/watch/watchlists/watchLooks.ts';
import { Lease } from '../redis/lease.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type Logger, throttled } from '../telemetry/logger.ts';
import type { FleetMetrics } from '../telemetry/metrics.ts';
import { Sweep } from './sweep.ts';

/** How often the queues are counted, s. */
const COUNT_EVERY = 10;

/** How long the sweep waits for another process that changes schedules, ms: the next round tries again. */
const SCHEDULES_MS = 5000;

/** How long a count is shown, ms: without successors, another process counts by now, or none can. */
const COUNT_TTL_MS = 3 * COUNT_EVERY * 1000;

/**
 * The duties that one process of the fleet has for one tenant's queues.
 * @param current the settings as they are now
 */
export function startUpkeep(
  context: QueueContext,
  config: Config,
  ebay: QuotaSource,
  fleet: FleetMetrics,
  current: () => Config,
) {
  const { tenant, redis, searches, calls, log } = context;
  const { prefix } = config.queue;
  const { minInterval } = config.schedule;
  const schedules = new Schedules({
    ...context,
    prefix,
    minInterval,
    defaults: context,
    deadlineMs: SCHEDULES_MS,
  });
  const sweep = new Sweep({
    ...context,
    maxRestarts: config.worker.maxRestarts,
    async searchLost(searchId, timestamp, why) {
      await context.budgets.settle(searchId);
      await publishLoss(context, { searchId, timestamp }, why);
    },
    markOverdue: (searchId, timestamp) => markOverdue(context, { tenant, searchId, timestamp }),
    expelForeign: () => schedules.expelForeign(),
  });
  const logFailedInspection = throttled<{ queue: string; error: Error }>(
    LOG_EVERY_MS,
    ({ queue, error }, suppressed) =>
      log.warn('inspection failed', { queue, reason: error.message, suppressed }),
  );
  const count = async () => {
    const counts = await Promise.all([searches, calls].map((queue) => countQueue(redis, queue)));
    fleet.queues(tenant, counts, COUNT_TTL_MS);
    const channels = await new Outbox(redis, prefix, tenant).census();
    fleet.alerts(tenant, figuresOf(channels, await clockOf(redis, prefix).current()), COUNT_TTL_MS);
  };
  const duty = (name: string, everySeconds: number, work: DutySettings['work'], leaseMs = LEASE_MS) =>
    startDuty({
      name: `${calls.name}:${name}`,
      redis,
      prefix,
      everyMs: everySeconds * 1000,
      leaseMs,
      work,
      log,
    });
  const { interval } = config.plan;
  const planner = plannerOf(context, ebay, fleet, current);
  const duties = [
    duty('plan', interval, (signal) => planner.round(signal), Math.min(LEASE_MS, 15_000 * interval)),
    duty('quota', config.pace.reconcileInterval, quotaRound(ebay)),
    duty('sweep', config.worker.sweepInterval, (signal) => sweep.round(signal)),
    duty('gauges', COUNT_EVERY, count),
    duty('alerts', config.alerts.interval, async (signal) => {
      await releaseDue(context.alerts, signal);
      await context.alerts.wakeWaiting();
    }),
  ];
  return {
    /** Checks a queue's keys and active jobs at once: a worker met something unreadable. The next round checks them too. */
    inspect: (queue: string) =>
      sweep.active(queue).catch((error: Error) => logFailedInspection({ queue, error })),
    /** Ends all duties of this process; other processes take them over. */
    stop: () => Promise.all(duties.map((each) => each.stop())),
  };
}

/** What plans the looks of a tenant: `auto` schedules, and all else that there are sources of looks for. */
function plannerOf(context: QueueContext, ebay: QuotaSource, fleet: FleetMetrics, current: () => Config) {
  const { tenant, redis, searches } = context;
  const { queue, plan, schedule } = current();
  const { prefix } = queue;
  const scheduleLooks = new ScheduleLooks({ ...context, prefix, minInterval: schedule.minInterval });
  const sources: LookSource[] = [
    // Schedules that share calls are no units of their own.
    ...(context.sharing === undefined ? [] : [new SharedLooks(context, schedule.minInterval * 1000)]),
    scheduleLooks,
    new WatchLooks({ ...context, prefix }),
  ];
  const intervalMs = plan.interval * 1000;
  const intake = createIntake(redis, searches, () => {
    const { search, memory } = current();
    return {
      backlog: search.backlogLimit,
      backfillMemory: memory.backfillShare,
      memory: memory.share,
    };
  });
  return new PlanDuty({
    ...context,
    store: new PlanStore(redis, prefix, tenant),
    sources,
    fixedCalls: (from, until, callsOf) => scheduleLooks.fixedCalls(from, until, callsOf),
    // A look beyond the tenant's budget would be refused.
    gate: {
      read: async () => {
        const { scheduledShare } = current().pace;
        return withinBudgets(await ebay.gate.read(), await context.budgets.read([]), scheduledShare);
      },
    },
    admit: () => intake([]),
    now: () => clockOf(redis, prefix).current(),
    limits() {
      const { pace, plan: own } = current();
      return { scheduledShare: pace.scheduledShare, dailyCalls: own.dailyCalls };
    },
    dayMs: plan.day * 1000,
    intervalMs,
    metrics: fleet.plan(tenant, Math.max(10_000, 3 * intervalMs)),
  });
}

interface QuotaSource {
  gate: Pick<CallGate, 'read'>;
  reconcile(options: { signal: AbortSignal }): Promise<boolean>;
}

/**
 * A round that compares the ledger with eBay's own count: the first one always, later ones only when calls were made
 * since, because each costs a call of eBay's Analytics quota.
 */
export function quotaRound(ebay: QuotaSource): (signal: AbortSignal) => Promise<void> {
  let last = '';
  return async (signal) => {
    const { mark } = await ebay.gate.read();
    const now = JSON.stringify(mark);
    if (now === last) return;
    // Stored only after a success, so that a failed comparison is made again.
    if (await ebay.reconcile({ signal })) last = now;
  };
}

interface DutySettings {
  /** Also the lease's name, `PREFIX:lease:NAME`. */
  name: string;
  redis: Redis;
  prefix: string;
  /** Least time between the beginnings of two rounds, ms. */
  everyMs: number;
  /** Life of the lease, ms: how long no process has the duty after its holder died. Default 15,000. */
  leaseMs?: number;
  /** One round. Must be safe to do twice: two holders may overlap for a moment. Should end soon after `signal` aborts. */
  work: (signal: AbortSignal) => Promise<unknown>;
  log: Logger;
}

const LEASE_MS = 15_000;
const LOG_EVERY_MS = 60_000;

/**
 * Work that one process of the fleet does at a time, every so often: each tries for the lease, and its holder renews it
 * and works when a round is due. Rounds never overlap; one that fails is logged and tried again next time.
 */
export function startDuty(settings: DutySettings) {
  const { name, redis, prefix, everyMs, leaseMs = LEASE_MS, work, log } = settings;
  const lease = new Lease(redis, { key: `${prefix}:lease:${name}`, ttlMs: leaseMs });
  const stopping = new AbortController();
  const logFailure = throttled<unknown>(LOG_EVERY_MS, (error, suppressed) => {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('duty failed', { duty: name, reason, suppressed });
  });
  let due = 0;
  /** Until then the lease was asked for so lately that it lasts: rounds that follow each other closely cost Redis no renewal each. */
  let heldUntil = 0;
  let timer: NodeJS.Timeout | undefined;

  const hold = async (): Promise<boolean> => {
    const askedAt = performance.now();
    if (askedAt < heldUntil) return true;
    const holds = await lease.hold();
    heldUntil = holds ? askedAt + leaseMs / 3 : 0;
    return holds;
  };
  const round = async (): Promise<void> => {
    const holds = await hold();
    if (holds && !stopping.signal.aborted && performance.now() >= due) {
      due = performance.now() + everyMs;
      const renewing = setInterval(() => lease.hold(), leaseMs / 3);
      await work(stopping.signal).catch(logFailure);
      clearInterval(renewing);
    }
    // The lease is renewed well before it ends. It is not tried for more often than that.
    const waitMs = holds ? Math.min(everyMs, leaseMs / 3) : leaseMs / 3;
    if (!stopping.signal.aborted) timer = setTimeout(begin, waitMs);
  };
  let current = Promise.resolve();
  const begin = () => {
    current = round();
  };
  begin();

  return {
    /** Ends the duty, lets a round under way finish and releases the lease. May be called again. */
    async stop(): Promise<void> {
      stopping.abort();
      clearTimeout(timer);
      await current;
      await lease.release();
    },
  };
}
