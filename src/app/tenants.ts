import { setTimeout as sleep } from 'node:timers/promises';
import type { StopReport } from '../lifecycle.ts';
import { redisFailure } from '../redis/failure.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Snapshot, Tenant } from '../tenants/snapshot.ts';
import type { RunningTenant } from './tenant.ts';

export interface ServedTenantsOptions {
  /** Names of WORKER_TENANTS; empty: all. */
  only: readonly string[];
  /** @param signal stops waiting for Redis */
  start: (tenant: Tenant, signal: AbortSignal) => Promise<RunningTenant>;
  log: Logger;
}

const TRY_AGAIN_MS = 1000;

/** What a process does for one tenant: the last wish counts, and steps follow one another. */
interface Seat {
  wanted: Tenant | undefined;
  running: RunningTenant | undefined;
  work: Promise<void>;
}

/** The tenants that a worker process works for. Each starts, changes and stops by itself: none waits for another. */
export class ServedTenants {
  readonly #options: ServedTenantsOptions;
  readonly #seats = new Map<string, Seat>();
  readonly #stopping = new AbortController();
  #stopped: Promise<StopReport> | undefined;

  constructor(options: ServedTenantsOptions) {
    this.#options = options;
  }

  /** By name, those that run. */
  get running(): ReadonlyMap<string, RunningTenant> {
    return new Map([...this.#seats].flatMap(([name, { running }]) => (running ? [[name, running]] : [])));
  }

  /** Those that this process should work for, whether or not they run. */
  get names(): string[] {
    return [...this.#seats].flatMap(([name, { wanted }]) => (wanted === undefined ? [] : [name]));
  }

  /**
   * Works for the tenants of this version from now on.
   * @returns what settles when all of them have started or failed to; rejects with the first failure that waiting cannot mend
   */
  async serve({ tenants }: Snapshot): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { only } = this.#options;
    const wanted = new Map(
      [...tenants].filter(
        ([name, { obstacle }]) => obstacle === undefined && (only.length === 0 || only.includes(name)),
      ),
    );
    for (const name of wanted.keys()) if (!this.#seats.has(name)) this.#seats.set(name, emptySeat());
    const steps = [...this.#seats].map(([name, seat]) => {
      seat.wanted = wanted.get(name);
      const step = seat.work.then(() => this.#settle(name, seat));
      seat.work = step.catch(() => undefined);
      return step;
    });
    await Promise.all(steps);
  }

  /** Stops all of them at once; may be called again. */
  stop(): Promise<StopReport> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #settle(name: string, seat: Seat): Promise<void> {
    const { start, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const { wanted, running } = seat;
      try {
        if (running === undefined) {
          if (wanted === undefined) return;
          seat.running = await start(wanted, this.#stopping.signal);
          log.info('tenant served', { tenant: name });
        } else if (wanted === undefined || !(await running.change(wanted))) {
          seat.running = undefined;
          await running.stop();
          log.info('tenant no longer served', { tenant: name, again: wanted !== undefined });
          continue;
        }
        if (seat.wanted === wanted) return;
      } catch (error) {
        if (redisFailure(error) === undefined) {
          log.error('tenant cannot be served', { tenant: name, reason: String(error) });
          throw error;
        }
        log.warn('tenant waits for Redis', { tenant: name });
        await sleep(TRY_AGAIN_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  async #stopAll(): Promise<StopReport> {
    const reports = await Promise.all(
      [...this.#seats.values()].map(async (seat) => {
        // A start under way ends first: what it opened must be closed.
        await seat.work;
        return (await seat.running?.stop())?.unclosed ?? [];
      }),
    );
    return { unclosed: reports.flat() };
  }
}

function emptySeat(): Seat {
  return { wanted: undefined, running: undefined, work: Promise.resolve() };
}
