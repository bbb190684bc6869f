import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import type { LogEntry } from '../../src/simulator/log.ts';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { type RunningProcess, startDpf, startNode } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { QUERY } from './load.ts';
import { Wire } from './wire.ts';

/** The most pages that any scenario asks for. */
const PAGES = 30;

/** A Redis, an eBay and fleets of real worker processes; `end` leaves nothing of them. */
export class Bed {
  readonly say: (line: string) => void;
  readonly #folder: string;
  readonly #simulatorUrl: string;
  readonly #simulator: RunningProcess;
  readonly #wire: Wire | undefined;
  #server: EmbeddedRedis;
  #redis: Redis;
  #fleets: Fleet[] = [];
  #others: RunningProcess[] = [];

  private constructor(
    say: (line: string) => void,
    folder: string,
    server: EmbeddedRedis,
    simulator: { url: string; simulator: RunningProcess },
    wire: Wire | undefined,
  ) {
    this.say = say;
    this.#folder = folder;
    this.#server = server;
    this.#simulatorUrl = simulator.url;
    this.#simulator = simulator.simulator;
    this.#wire = wire;
    this.#redis = connect(server.url);
  }

  static async make(say: (line: string) => void): Promise<Bed> {
    const folder = await mkdtemp(join(tmpdir(), 'dpf-bench-'));
    const server = await startTestRedis(persistent(folder));
    const simulator = await startSimulatorProcess((args) => startDpf(args));
    favour(simulator.simulator);
    const wire = await Wire.watch(new URL(simulator.url).port);
    if (wire === undefined)
      process.stderr.write('no packets can be watched here: arrivals are as the simulator stamps them\n');
    const bed = new Bed(say, folder, server, simulator, wire);
    const fleet = await bed.fleet(0, {});
    await fleet.warmUp(QUERY, PAGES);
    await bed.clear();
    return bed;
  }

  get redis(): Redis {
    return this.#redis;
  }

  get redisUrl(): string {
    return this.#server.url;
  }

  get simulatorUrl(): string {
    return this.#simulatorUrl;
  }

  /** Workers that all work, on an empty Redis and a fresh, faultless eBay. */
  async fleet(workers: number, env: Record<string, string>, workMs = 0): Promise<Fleet> {
    await this.#redis.flushall();
    const fleet = new Fleet(
      this.#server.url,
      this.#simulatorUrl,
      { LOG_LEVEL: 'warn', DAILY_CALL_LIMIT: '1000000', ...env },
      (own) =>
        startNode(['--import', 'tsx', 'bench/pace/worker.ts'], { ...own, BENCH_WORK_MS: String(workMs) }),
    );
    this.#fleets.push(fleet);
    await fleet.ebay.clear();
    await fleet.ebay.configure({ latencyMs: 50 });
    await fleet.freshDay();
    await fleet.addWorkers(workers);
    await fleet.producer.ready();
    await fleet.ebay.clearLog();
    return fleet;
  }

  /** Calls as the simulator logged them, each `at` the time of its packet where packets can be watched. */
  arrivals(calls: LogEntry[]): LogEntry[] {
    return this.#wire?.stamped(calls) ?? calls;
  }

  /** Another program, ended with the bed. */
  start(args: string[], env: Record<string, string>): RunningProcess {
    const running = startNode(args, env);
    this.#others.push(running);
    return running;
  }

  async stopRedis(): Promise<void> {
    this.#redis.disconnect();
    await this.#server.stop();
  }

  async startRedis(): Promise<void> {
    this.#server = await startTestRedis(persistent(this.#folder), this.#server.port);
    this.#redis = connect(this.#server.url);
  }

  /** Ends what the last scenario started. */
  async clear(): Promise<void> {
    await Promise.all(this.#others.splice(0).map((running) => running.stop(1000)));
    await Promise.all(this.#fleets.splice(0).map((fleet) => fleet.stop()));
  }

  async end(): Promise<void> {
    for (const fleet of this.#fleets) for (const worker of fleet.workers) worker.signal('SIGKILL');
    await this.clear();
    this.#wire?.stop();
    await this.#simulator.stop();
    this.#redis.disconnect();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * eBay is no process of this machine: its clock must not wait for a processor. The highest `nice` alone waits up to a
 * scheduler's slice (3 ms) for whoever runs. Needs root.
 */
function favour({ pid }: RunningProcess): void {
  try {
    execFileSync('chrt', ['--all-tasks', '--fifo', '--pid', '1', String(pid)], { stdio: 'ignore' });
  } catch {
    process.stderr.write(
      'the simulator has no priority here: it stamps arrivals late while workers are busy\n',
    );
  }
}

function persistent(folder: string): string[] {
  return ['--appendonly', 'yes', '--dir', folder];
}

function connect(url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  return redis;
}
