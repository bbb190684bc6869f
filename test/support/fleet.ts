import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { openEbay } from '../../src/app/client.ts';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { Config } from '../../src/config/config.ts';
import { setPace } from '../../src/queue/bullmq/queues.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import type { LogEntry } from '../../src/simulator/log.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { testConfig } from './config.ts';
import { takeOverQuota } from './ebayClient.ts';
import { type RunningProcess, startDpf } from './processes.ts';
import { connectTo, startTestRedis } from './redis.ts';
import { serviceEnv } from './service.ts';
import { get, mintToken, SEARCH } from './simulator.ts';
import { SimulatorControl } from './simulatorControl.ts';
import { credentialOf, TenantFiles } from './tenants.ts';
import { waitFor } from './waitFor.ts';

/** Waits of a person's patience made short; 401s are answered by a new token each, so there must be many. */
const SCALED = {
  PAGE_BACKOFF: '0.1',
  EBAY_QUICK_RETRY_DELAY: '0.05',
  TOKEN_REQUEST_INTERVAL: '0',
  TOKEN_FAILURE_BACKOFF: '0.1',
  DAILY_MINT_LIMIT: '100000',
  LOG_FORMAT: 'json',
};

/** A `dpf simulate` of its own, `dpf worker` processes, and a producer in this process. */
export class Fleet {
  readonly ebay: SimulatorControl;
  readonly env: Record<string, string>;
  readonly config: Config;
  readonly producer: SearchProducer;
  readonly workers: RunningProcess[] = [];
  readonly #url: string;
  readonly #startWorker: (env: Record<string, string>) => RunningProcess;

  constructor(
    redisUrl: string,
    simulatorUrl: string,
    env: Record<string, string>,
    startWorker = (own: Record<string, string>) => startDpf(['worker'], own),
  ) {
    this.#url = simulatorUrl;
    this.#startWorker = startWorker;
    this.env = serviceEnv(redisUrl, simulatorUrl, { ...SCALED, ...env });
    this.ebay = new SimulatorControl(simulatorUrl);
    this.config = testConfig(this.env);
    this.producer = openProducer(this.config, { log: quietLog() });
  }

  /** Resolves when all of them work. */
  async addWorkers(count: number, env: Record<string, string> = {}): Promise<RunningProcess[]> {
    const added = Array.from({ length: count }, () => this.#startWorker({ ...this.env, ...env }));
    this.workers.push(...added);
    await Promise.all(added.map((worker) => worker.waitForLine(/worker started/)));
    return added;
  }

  /** The simulator makes up listings when first asked, which holds it up; these pages will be there at once. */
  async warmUp(query: string, pages: number): Promise<void> {
    const token = await mintToken(this.#url);
    for (let page = 0; page < pages; page += 1)
      await get(this.#url, `${SEARCH}?q=${encodeURIComponent(query)}&limit=200&offset=${page * 200}`, token);
    await this.freshDay();
    await this.ebay.clearLog();
  }

  freshDay(limit = 1_000_000, resetInS = 86_400): Promise<unknown> {
    return this.ebay.quota({ limit, used: 0, resetInS, mintLimit: 1_000_000, mintsUsed: 0 });
  }

  /** The Browse calls that the simulator saw, in order of arrival. */
  calls(since = 0): Promise<LogEntry[]> {
    return this.ebay.log({ kind: 'search', since });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
    await this.producer.close();
  }
}

/** `dpf simulate` on a free port; steady pages, so that counts are exact. */
export async function startSimulatorProcess(
  start: (args: string[]) => RunningProcess = (args) => startDpf(args),
): Promise<{ url: string; simulator: RunningProcess }> {
  const simulator = start(['simulate', '--port', '0', '--json']);
  const [, url = ''] = await simulator.waitForLine(/"url":\s*"(http[^"]+)"/);
  await new SimulatorControl(url).configure({ unsteady: STEADY });
  return { url, simulator };
}

export interface FleetOptions {
  /** What searches of the tests are for, and the pages of it that are there at once. */
  query: string;
  pages: number;
  /** Of all processes of the fleet. */
  env: Record<string, string>;
  /** One worker process for each, with this besides. */
  workers: Record<string, string>[];
  /** Further arguments of the Redis server. */
  redisArgs?: string[];
  /** Further tenants, with what each declares; eBay grants each its limit. */
  tenants?: Record<string, { dailyCallLimit?: number }>;
}

export interface UsedFleet {
  readonly fleet: Fleet;
  readonly simulator: Simulator;
  /** Jobs of searches, and jobs of calls. */
  readonly searches: Queue;
  readonly pages: Queue;
  /** The Browse calls since the test began, in order of arrival. */
  calls(): LogEntry[];
  /** What a worker does that starts with another interval. */
  setInterval(seconds: number): Promise<void>;
  /** Calls that the gate has counted in the quota day. */
  counted(): Promise<number>;
  /** Makes the gate's count that of eBay, as a process of the fleet does now and then. */
  reconcile(): Promise<void>;
  /** Begins a quota day of so many calls, which the gate knows of; what waits for the end of the former one may go on. */
  beginDay(limit: number, resetInS?: number): Promise<void>;
  /** Stops Redis; its successor has the same address. */
  stopRedis(): Promise<void>;
  startRedis(): Promise<void>;
}

/**
 * One Redis, one simulator and one set of worker processes for all tests of a `describe`, because starting them is most of the
 * work. Faults, latency and log are cleared before each test; what is in Redis stays.
 */
export function useFleet(options: FleetOptions): UsedFleet {
  const { query, pages, workers, redisArgs = [], tenants = {} } = options;
  const files = new TenantFiles(Object.keys(tenants));
  let redis: EmbeddedRedis;
  let simulator: Simulator;
  let fleet: Fleet;
  let ebay: ReturnType<typeof openEbay>;
  let connection: Redis;
  let queues: Queue[];
  before(async function () {
    this.timeout(120_000);
    redis = await startTestRedis(redisArgs);
    const credentials = [DEMO_CREDENTIALS, ...Object.keys(tenants).map(credentialOf)];
    // A third of the catalogue has 18 pages of phone cases, and is there sooner.
    simulator = await startSimulator({ unsteady: STEADY, catalogueScale: 0.3, credentials });
    files.declare(tenants);
    const declared = Object.keys(tenants).length > 0 ? { ...files.env, TENANTS_FILE: files.tenantsFile } : {};
    fleet = new Fleet(redis.url, simulator.url, { ...declared, ...options.env });
    await fleet.warmUp(query, pages);
    ebay = openEbay(fleet.config, quietLog());
    connection = connectTo(redis.url, { maxRetriesPerRequest: null });
    connection.on('error', () => undefined);
    queues = ['ebay-search', 'ebay-calls'].map((name) => new Queue(name, { connection, prefix: '{ebay}' }));
    for (const [name, { dailyCallLimit = 1_000_000 }] of Object.entries(tenants))
      simulator.controls.quota({
        clientId: credentialOf(name).clientId,
        limit: dailyCallLimit,
        resetInS: 86_400,
      });
    for (const queue of queues) queue.on('error', () => undefined);
    await Promise.all(workers.map((own) => fleet.addWorkers(1, own)));
    await fleet.producer.ready();
    await waitFor('Redis', () => ebay.redis.ping().catch(() => undefined));
  });
  beforeEach(() => {
    simulator.controls.clear();
    simulator.controls.configure({ latencyMs: 0 });
    simulator.controls.clearLog();
  });
  after(async function () {
    this.timeout(60_000);
    await Promise.all((queues ?? []).map((queue) => queue.close()));
    await fleet?.stop();
    ebay?.close();
    connection?.disconnect();
    await simulator?.close();
    await redis?.stop();
    files.remove();
  });
  const reconcile = () => takeOverQuota(ebay, simulator);
  return {
    get fleet() {
      return fleet;
    },
    get simulator() {
      return simulator;
    },
    get searches() {
      return queues[0] as Queue;
    },
    get pages() {
      return queues[1] as Queue;
    },
    calls: () => simulator.controls.log({ kind: 'search' }),
    async setInterval(seconds) {
      const { dailyCallLimit: dailyLimit } = fleet.config.pace;
      await ebay.gate.configure({ intervalMs: seconds * 1000, dailyLimit });
      await setPace(queues[1] as Queue, seconds);
    },
    counted: async () => (await ebay.gate.read()).used,
    reconcile,
    async beginDay(limit, resetInS) {
      await fleet.freshDay(limit, resetInS);
      await reconcile();
      const [, pages] = queues as [Queue, Queue];
      // A call that was turned away before holds the queue after its search says that it waits.
      await waitFor('no call to be under way', async () => (await pages.getActiveCount()) === 0);
      await pages.removeRateLimitKey();
    },
    stopRedis: () => redis.stop(),
    async startRedis() {
      redis = await startTestRedis(redisArgs, redis.port);
      await waitFor('Redis', () => ebay.redis.ping().catch(() => undefined));
    },
  };
}
