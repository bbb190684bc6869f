import { setTimeout as sleep } from 'node:timers/promises';
import { FlowProducer, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { deepSearch } from '../../test/support/deepSearch.ts';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { type RunningProcess, startDpf, startNode } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { mintToken } from '../../test/support/simulator.ts';
import { BARE_PAGES, BARE_PARENTS, bareJob } from './bareJob.ts';
import { type Sent, watchCommands } from './monitor.ts';

const INTERVAL_MS = 100;
/** The simulator has some 6,000 listings of it. */
const QUERY = 'watch';
/** MONITOR doubles what Redis has to do, so the breakdown has a time of its own. */
const BREAKDOWN_S = 5;

export interface Load {
  warmUpS: number;
  seconds: number;
  /** Of each search. */
  pages: number;
  /** Until an answer, drawn for each call. */
  latencyMs: readonly [least: number, most: number];
}

export interface Cost {
  calls: number;
  /** Calls made of those that the interval permits. */
  share: number;
  /** Of Redis, those within scripts counted. */
  commandsPerCall: number;
  redisCpuMsPerCall: number;
  /** By name, a call. */
  byCommand: Record<string, number>;
  /** What clients sent, a call, from a shorter time under MONITOR. */
  sent: Sent[];
}

/** A Redis, a simulator, and one fleet after the other, each on an empty Redis. */
export class CostBed {
  readonly #redisUrl: string;
  readonly #redis: Redis;
  readonly #simulatorUrl: string;
  readonly #load: Load;

  private constructor(redisUrl: string, simulatorUrl: string, load: Load) {
    this.#redisUrl = redisUrl;
    this.#redis = new Redis(redisUrl);
    this.#simulatorUrl = simulatorUrl;
    this.#load = load;
  }

  static async use<T>(load: Load, work: (bed: CostBed) => Promise<T>): Promise<T> {
    const server = await startTestRedis();
    const { url, simulator } = await startSimulatorProcess();
    const bed = new CostBed(server.url, url, load);
    try {
      const fleet = bed.#fleet();
      await fleet.warmUp(QUERY, load.pages);
      await fleet.ebay.configure({ latencyMs: load.latencyMs });
      await fleet.stop();
      return await work(bed);
    } finally {
      bed.#redis.disconnect();
      await simulator.stop();
      await server.stop();
    }
  }

  /** This service: `dpf worker` processes and a backlog of deep searches. */
  async ours(workers: number): Promise<Cost> {
    await this.#redis.flushall();
    const fleet = this.#fleet();
    try {
      await fleet.freshDay();
      await fleet.addWorkers(workers);
      await fleet.producer.ready();
      // A third more pages than slots, so that work waits to the end.
      await fleet.producer.enqueueMany(
        Array.from({ length: this.#searches() }, () => deepSearch(QUERY, this.#load.pages)),
      );
      return await this.#measure(fleet);
    } finally {
      await fleet.stop();
    }
  }

  /** BullMQ alone, with as many parents. */
  async bare(workers: number): Promise<Cost> {
    await this.#redis.flushall();
    const fleet = this.#fleet();
    const started: RunningProcess[] = [];
    const connection = new Redis(this.#redisUrl, { maxRetriesPerRequest: null });
    const queue = new Queue(BARE_PAGES, { connection });
    const flow = new FlowProducer({ connection });
    try {
      await fleet.freshDay();
      await queue.setGlobalRateLimit(1, INTERVAL_MS);
      const env = {
        REDIS_URL: this.#redisUrl,
        EBAY_API_URL: this.#simulatorUrl,
        BENCH_TOKEN: await mintToken(this.#simulatorUrl),
      };
      for (let worker = 0; worker < workers; worker += 1)
        started.push(startNode(['--import', 'tsx', 'bench/redis-cost/bareWorker.ts'], env));
      await Promise.all(started.map((worker) => worker.waitForLine(/worker started/)));
      const parents = Array.from({ length: this.#searches() }, (_, index) => `s${index}`);
      await flow.addBulk(
        parents.map((parent) => {
          const { name, data, opts } = bareJob({ parent, page: 1 });
          const { parent: _, ...own } = opts;
          const child = { name, data, opts: own, queueName: BARE_PAGES };
          return { name: 'search', queueName: BARE_PARENTS, opts: { jobId: parent }, children: [child] };
        }),
      );
      return await this.#measure(fleet);
    } finally {
      await Promise.all(started.map((worker) => worker.stop(1000)));
      await Promise.all([queue.close(), flow.close(), fleet.stop()]);
      connection.disconnect();
    }
  }

  #fleet(): Fleet {
    const env = {
      // Lines at `info` say that a worker has started.
      LOG_LEVEL: 'info',
      DAILY_CALL_LIMIT: '1000000',
      MIN_API_CALL_INTERVAL: String(INTERVAL_MS / 1000),
    };
    return new Fleet(this.#redisUrl, this.#simulatorUrl, env, (own) => startDpf(['worker'], own));
  }

  #searches(): number {
    const { warmUpS, seconds, pages } = this.#load;
    const slots = ((warmUpS + seconds + BREAKDOWN_S + 5) * 1000) / INTERVAL_MS;
    return Math.max(20, Math.ceil((slots * 4) / 3 / pages));
  }

  async #measure(fleet: Fleet): Promise<Cost> {
    const { warmUpS, seconds } = this.#load;
    await sleep(warmUpS * 1000);
    const { lastSeq } = await fleet.ebay.state();
    const before = await spent(this.#redis);
    const startedAt = performance.now();
    await sleep(seconds * 1000);
    const after = await spent(this.#redis);
    const tookMs = performance.now() - startedAt;
    const made = (await fleet.calls(lastSeq)).length;

    const { lastSeq: from } = await fleet.ebay.state();
    const stop = await watchCommands(this.#redisUrl);
    await sleep(BREAKDOWN_S * 1000);
    const sent = await stop();
    const watched = (await fleet.calls(from)).length;

    const byCommand = [...after.commands]
      .map(([name, count]) => [name, (count - (before.commands.get(name) ?? 0)) / made] as const)
      .sort(([, one], [, other]) => other - one);
    return {
      calls: made,
      share: round((made * INTERVAL_MS) / tookMs),
      commandsPerCall: round(byCommand.reduce((sum, [, count]) => sum + count, 0)),
      redisCpuMsPerCall: round((after.cpuMs - before.cpuMs) / made),
      byCommand: Object.fromEntries(
        byCommand.filter(([, count]) => count >= 0.05).map(([name, count]) => [name, round(count)]),
      ),
      sent: sent.map(({ command, ...counts }) => ({
        command,
        sent: round(counts.sent / watched),
        within: round(counts.within / watched),
      })),
    };
  }
}

async function spent(redis: Redis): Promise<{ commands: Map<string, number>; cpuMs: number }> {
  const info = `${await redis.info('commandstats')}\n${await redis.info('cpu')}`;
  const number = (field: string) => Number(new RegExp(`${field}:([\\d.]+)`).exec(info)?.[1]);
  return {
    commands: new Map(
      [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name = '', calls]) => [name, Number(calls)]),
    ),
    cpuMs: (number('used_cpu_user') + number('used_cpu_sys')) * 1000,
  };
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
