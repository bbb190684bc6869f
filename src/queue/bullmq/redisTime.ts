import {
  type BackendFactory,
  createRedisBackend,
  JobScheduler,
  type JobsOptions,
  LockManager,
  Queue,
  type QueueOptions,
  type RedisQueueBackend,
} from 'bullmq';
import type { RedisClock } from '../../redis/redisClock.ts';
import { tracedOptions } from '../../telemetry/tracing.ts';
import { repeatStrategy } from './repeat.ts';

/**
 * BullMQ 6.7.0 times everything by the clock of the process that runs its script: a worker two days ahead takes delayed jobs
 * early, removes the jobs that others have finished as too old, and plans the runs of schedules days late. What follows gives
 * BullMQ Redis's time instead, in every process of this service.
 */

/** Where the scripts of 6.7.0 take a time, by the process's clock, among their keys and arguments. */
const TIME_AT: Partial<Record<string, number>> = {
  moveToActive: 12,
  moveToDelayed: 12,
  moveToFinished: 15,
  moveToWaitingChildren: 9,
  moveStalledJobsToWait: 11,
  retryJob: 12,
  addJobScheduler: 17,
  updateJobScheduler: 16,
  // Those that ended before it: "Retry all" of the dashboard.
  moveJobsToWait: 9,
};

/** The scripts of 6.7.0 that may answer with a next job, its id, how long the limit holds, and when the next delayed one is due. */
const GIVES_NEXT: ReadonlySet<string> = new Set(['moveToActive', 'moveToDelayed', 'moveToFinished']);

/** What is private in 6.7.0. */
interface Internals {
  execCommand(client: unknown, script: string, args: unknown[]): Promise<unknown>;
}

/** The backend that passes Redis's time to the scripts, and says when the next delayed job is due by this process's clock. */
export function redisTimeBackend(clock: RedisClock): BackendFactory<RedisQueueBackend> {
  const toHere = (at: number) => (at > 0 ? clock.toHere(at) : at);
  return (...options) => {
    const backend = createRedisBackend(...options);
    const internals = backend as unknown as Internals;
    const execCommand = internals.execCommand.bind(backend);
    internals.execCommand = (client, script, args) => {
      const at = TIME_AT[script];
      if (at === undefined) return execCommand(client, script, args);
      const time = Math.round(clock.fromHere(Number(args[at])));
      return execCommand(client, script, args.with(at, time)).then((answer) =>
        GIVES_NEXT.has(script) && Array.isArray(answer) ? answer.with(3, toHere(Number(answer[3]))) : answer,
      );
    };
    const waitForJob = backend.waitForJob.bind(backend);
    backend.waitForJob = async (timeout) => {
      const marker = await waitForJob(timeout);
      return marker === null ? null : { ...marker, score: toHere(marker.score) };
    };
    return backend;
  };
}

/** A queue whose jobs are added, delayed and planned by Redis's time, and carry the trace in which they are added. */
export class RedisTimeQueue extends Queue {
  readonly #clock: RedisClock;
  readonly #runs: RunPlanner;

  constructor(name: string, options: QueueOptions, clock: RedisClock) {
    super(name, options, redisTimeBackend(clock));
    this.#clock = clock;
    this.#runs = new RunPlanner(this, clock);
  }

  override async add(...[name, data, options]: Parameters<Queue['add']>): ReturnType<Queue['add']> {
    return super.add(name, data, { timestamp: await this.#clock.current(), ...tracedOptions(), ...options });
  }

  override async addBulk(jobs: Parameters<Queue['addBulk']>[0]): ReturnType<Queue['addBulk']> {
    const all = { timestamp: await this.#clock.current(), ...tracedOptions() };
    return super.addBulk(jobs.map((job) => ({ ...job, opts: { ...all, ...job.opts } })));
  }

  override get jobScheduler(): Promise<RunPlanner> {
    return Promise.resolve(this.#runs);
  }

  override async upsertJobScheduler(
    ...[id, repeat, { name = id, data, opts = {} } = {}]: Parameters<Queue['upsertJobScheduler']>
  ): ReturnType<Queue['upsertJobScheduler']> {
    await this.#runs.upsertJobScheduler(id, repeat, name, data, opts, { override: true });
    return undefined as never;
  }
}

/** Plans the runs of schedules: `upsertJobScheduler` of 6.7.0 by Redis's time, and without telemetry. */
export class RunPlanner extends JobScheduler<RedisQueueBackend> {
  readonly #clock: RedisClock;

  constructor({ name, opts, backend }: Pick<Queue, 'name' | 'opts' | 'backend'>, clock: RedisClock) {
    super(name, opts, () => backend);
    this.#clock = clock;
    this.on('error', () => undefined);
  }

  override async upsertJobScheduler(
    ...[id, repeat, name, data, template, { override, producerId }]: Parameters<
      JobScheduler['upsertJobScheduler']
    >
  ): Promise<undefined> {
    const { immediately, ...kept } = repeat;
    const { every, pattern, tz, limit } = kept;
    const startDate = instant(kept.startDate);
    const endDate = instant(kept.endDate);
    const offset = (every && kept.offset) || undefined;
    const count = (kept.count ?? 0) + 1;
    const now = await this.#clock.current();
    if (count > (limit ?? Number.POSITIVE_INFINITY) || now > (endDate ?? now)) return undefined;
    const { prevMillis = 0 } = template as JobsOptions;
    const after = Math.max(now, prevMillis);
    const next = pattern === undefined ? undefined : await repeatStrategy(after, repeat);
    if (next === undefined && every === undefined) return undefined;
    // Of `every` the script finds the next run, and the delay of both.
    const nextMillis = Math.max(next ?? after, after);
    const planned = {
      ...template,
      repeat: { ...kept, offset, count, startDate, endDate },
      jobId: `repeat:${id}:${nextMillis}`,
      prevMillis: nextMillis,
      repeatJobKey: id,
      timestamp: now,
      delay: nextMillis - now,
    } as JobsOptions;
    const json = JSON.stringify(data ?? {});
    if (!override) await this.backend.updateJobSchedulerNextMillis(id, nextMillis, json, planned, producerId);
    else {
      const timing = { name, startDate, endDate, tz, pattern, every, limit, offset };
      await this.backend.addJobScheduler(id, nextMillis, json, template, timing, planned, producerId);
    }
    return undefined;
  }
}

function instant(at: string | number | Date | undefined): number | undefined {
  return at === undefined ? undefined : +new Date(at);
}

/**
 * Renews the locks of jobs under way, except of those that were taken since the last round. 6.7.0 compares the clock with when it
 * took each job, which is Redis's time here, and after a clock that goes back an hour it renews no lock for that hour.
 */
export class SteadyLocks extends LockManager {
  #known = new Set<string>();

  /** Each pause of the worker that ends calls it again. */
  override start(): void {
    const { lockRenewTime } = this.opts;
    clearTimeout(this.lockRenewalTimer);
    if (this.closed || lockRenewTime <= 0) return;
    const timer = setTimeout(async () => {
      const tracked = this.getTrackedJobIds();
      const older = tracked.filter((id) => this.#known.has(id));
      this.#known = new Set(tracked);
      if (older.length > 0) await this.extendLocks(older);
      // Started again meanwhile, the other timer goes on.
      if (this.lockRenewalTimer === timer) this.start();
    }, lockRenewTime / 2);
    this.lockRenewalTimer = timer;
  }
}
