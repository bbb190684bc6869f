import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import { waitForRedis } from '../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { freePort } from '../../test/support/freePort.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { type RunningPrometheus, startPrometheus, type Target } from '../../test/support/prometheus.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { waitFor } from '../../test/support/waitFor.ts';

/** Everything a person waits for, made short, so that each accident shows within seconds. */
const SHORT = {
  MIN_API_CALL_INTERVAL: '0.05',
  PAGE_ATTEMPTS: '2',
  REDIS_COMMAND_TIMEOUT: '0.5',
  EBAY_CALL_TIMEOUT: '2',
  EBAY_CONNECT_TIMEOUT: '1',
  // A busy machine must not look like a worker that froze.
  WORKER_LOCK_DURATION: '6',
  WORKER_STALLED_INTERVAL: '1',
  WORKER_BLOCKING_READ: '1',
  SWEEP_INTERVAL: '1',
  THROTTLE_BACKOFF: '1',
  CIRCUIT_WINDOW: '4',
  CIRCUIT_MIN_CALLS: '5',
  CIRCUIT_BACKOFF: '4',
  MAX_CIRCUIT_BACKOFF: '4',
  QUOTA_RECONCILE_INTERVAL: '1',
  MAX_TOKEN_FAILURE_BACKOFF: '0.5',
  CREDENTIAL_REFUSED_BACKOFF: '3',
};

const CLASSES = ['interactive', 'scheduled', 'backfill'] as const;

/** Three workers and a server under steady traffic, and the Prometheus that watches them. */
export class World {
  readonly fleet: Fleet;
  readonly prometheus: RunningPrometheus;
  readonly redis: Redis;
  readonly calls: Queue;
  readonly searches: Queue;
  readonly targets: readonly Target[];
  readonly redisPid: number;
  /** s since the epoch. */
  readonly since = Date.now() / 1000;
  readonly #ports: number[];
  readonly #servers: RunningProcess[];
  readonly #server: EmbeddedRedis;
  readonly #api: { url: string; key: string };
  /** Each in its place: a new one is watched in the place of the old one. */
  readonly #workers: RunningProcess[] = [];
  #searches = 0;
  #traffic: Promise<void> | undefined;
  #stopping = false;

  private constructor(parts: {
    fleet: Fleet;
    prometheus: RunningPrometheus;
    server: EmbeddedRedis;
    redis: Redis;
    targets: Target[];
    redisPid: number;
    ports: number[];
    servers: RunningProcess[];
    api: { url: string; key: string };
  }) {
    this.fleet = parts.fleet;
    this.prometheus = parts.prometheus;
    this.redis = parts.redis;
    this.calls = new Queue('ebay-calls', { connection: parts.redis, prefix: '{ebay}' });
    this.searches = new Queue('ebay-search', { connection: parts.redis, prefix: '{ebay}' });
    this.#server = parts.server;
    this.targets = parts.targets;
    this.redisPid = parts.redisPid;
    this.#ports = parts.ports;
    this.#servers = parts.servers;
    this.#api = parts.api;
  }

  static async start(workers: number): Promise<World> {
    const server = await startTestRedis();
    const redis = new Redis(server.url, { maxRetriesPerRequest: null });
    const { url, simulator } = await startSimulatorProcess();
    const fleet = new Fleet(server.url, url, SHORT);
    await fleet.warmUp('phone case', 1);
    const { key } = await new ApiKeys(redis, '{ebay}').add({
      name: 'prometheus',
      tenant: 'default',
      roles: ['operate', 'read'],
      expiresAt: null,
    });
    const [apiPort = 0, ...ports] = await Promise.all(Array.from({ length: workers + 1 }, freePort));
    const serve = startDpf(['serve'], { ...fleet.env, HTTP_PORT: String(apiPort) });
    const api = `127.0.0.1:${apiPort}`;
    const targets: Target[] = [
      ...ports.map((port) => ({ job: 'dpf-worker' as const, address: `127.0.0.1:${port}` })),
      { job: 'dpf-serve', address: api, key },
    ];
    const prometheus = await startPrometheus(targets);
    const world = new World({
      fleet,
      prometheus,
      server,
      redis,
      targets,
      redisPid: Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]),
      ports,
      servers: [simulator, serve],
      api: { url: `http://${api}`, key },
    });
    try {
      await Promise.all(ports.map((_, index) => world.startWorker(index)));
      await fleet.producer.ready();
    } catch (error) {
      await world.stop();
      throw error;
    }
    world.#traffic = world.#search();
    return world;
  }

  async startWorker(index: number): Promise<void> {
    const [worker] = await this.fleet.addWorkers(1, { METRICS_PORT: String(this.#ports[index]) });
    this.#workers[index] = worker as RunningProcess;
  }

  async stopServer(): Promise<void> {
    await this.#servers.at(-1)?.stop();
  }

  async startServer(): Promise<void> {
    const { port } = new URL(this.#api.url);
    this.#servers.push(startDpf(['serve'], { ...this.fleet.env, HTTP_PORT: port }));
    await waitFor('the server', () => fetch(`${this.#api.url}/livez`).catch(() => undefined), 60_000);
  }

  /** All but the API key that Prometheus has. */
  async loseData(): Promise<void> {
    const keys = await this.redis.hgetall('{ebay}:api-keys');
    await this.redis.multi().flushall().hset('{ebay}:api-keys', keys).exec();
  }

  worker(index: number): RunningProcess {
    return this.#workers[index] as RunningProcess;
  }

  /** One more search, which no other is identical to; its id. */
  async enqueue(priority: (typeof CLASSES)[number] = 'interactive'): Promise<string> {
    this.#searches += 1;
    const price = { max: String(1_000_000 + this.#searches), currency: 'USD' };
    const request = { query: 'phone case', maxItems: 200, priority, filters: { price } };
    return (await this.fleet.producer.enqueue(request)).searchId;
  }

  /** One search and its end; undefined where it did not end in time. */
  async search(): Promise<unknown> {
    const id = await this.enqueue();
    return this.fleet.producer.waitFor(id, { timeoutMs: 10_000 }).catch(() => undefined);
  }

  /** Forgets the token and every pause because of it, as `dpf token --clear` does. */
  async clearToken(): Promise<void> {
    const { auth, close } = openEbay(this.fleet.config, quietLog());
    await auth.clear();
    close();
  }

  /** Takes over eBay's count, as an operator's `dpf quota` does. */
  async reconcile(): Promise<void> {
    const { client, redis, close } = openEbay(this.fleet.config, quietLog());
    await waitForRedis(redis, this.fleet.config.redis.url, 5000);
    await client.reconcile();
    close();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#traffic;
    await this.fleet.stop();
    await this.prometheus.stop();
    await Promise.all([this.calls.close(), this.searches.close()]);
    this.redis.disconnect();
    await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#server.stop();
  }

  async #search(): Promise<void> {
    while (!this.#stopping) {
      const id = await this.enqueue(CLASSES[this.#searches % CLASSES.length]).catch(() => 'none');
      const headers = { authorization: `Bearer ${this.#api.key}` };
      await fetch(`${this.#api.url}/v1/searches/${id}`, { headers }).catch(() => undefined);
      await sleep(300);
    }
  }
}
