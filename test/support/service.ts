import { PassThrough } from 'node:stream';
import { Queue } from 'bullmq';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp, type WorkerAppOptions } from '../../src/app/worker.ts';
import type { Config } from '../../src/config/config.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { SearchReport } from '../../src/queue/searchReader.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import type { SimulatorOptions } from '../../src/simulator/world.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { useRedis } from './redis.ts';
import { useSimulator } from './simulator.ts';

/** Short waits and no pace, so that a test about something else does not wait. */
export const QUICK = {
  MIN_API_CALL_INTERVAL: '0',
  PAGE_BACKOFF: '0.05',
  EBAY_QUICK_RETRY_DELAY: '0.01',
  TOKEN_REQUEST_INTERVAL: '0',
  TOKEN_FAILURE_BACKOFF: '0.1',
  THROTTLE_BACKOFF: '0.2',
};

/** The environment of a process that talks to this Redis and this simulator. */
export function serviceEnv(redisUrl: string, simulatorUrl: string, env: Record<string, string> = {}) {
  return {
    REDIS_URL: redisUrl,
    EBAY_API_URL: simulatorUrl,
    EBAY_TOKEN_URL: `${simulatorUrl}/identity/v1/oauth2/token`,
    EBAY_CLIENT_ID: DEMO_CREDENTIALS.clientId,
    EBAY_CLIENT_SECRET: DEMO_CREDENTIALS.clientSecret,
    ...env,
  };
}

export interface TestService {
  readonly config: Config;
  readonly simulator: Simulator;
  readonly producer: SearchProducer;
  readonly searches: Queue;
  readonly calls: Queue;
  /** Offsets of the search calls that the simulator saw, in order. */
  calledOffsets(): number[];
  /** Set where it is started once for all tests of a suite: what is to be stopped before it. */
  readonly users?: Array<() => Promise<unknown>>;
  /** Enqueues and waits for the end. */
  search(request: Parameters<SearchProducer['enqueue']>[0]): Promise<SearchReport>;
}

/**
 * A whole service in this process, started anew before each test: own Redis, simulator, worker, producer.
 * @param app `adapt` changes what the worker's jobs work with, e.g. to pause one of them at a chosen point. With `isKept`
 * it is started once, and a test finds what the ones before it have left.
 */
export function useService(
  env: Record<string, string> = {},
  options: Partial<SimulatorOptions> = {},
  { isKept = false, ...app }: Pick<WorkerAppOptions, 'adapt'> & { isKept?: boolean } = {},
): TestService {
  const users: Array<() => Promise<unknown>> = [];
  // Hooks run in the order in which they are named: the service ends before its Redis does.
  if (isKept)
    after(async () => {
      for (const end of users) await end();
      await stop();
    });
  const redis = useRedis(undefined, { isKept });
  const simulator = useSimulator(options);
  let config: Config;
  let worker: WorkerApp;
  let producer: SearchProducer;
  let queues: Queue[];
  (isKept ? before : beforeEach)(async () => {
    config = testConfig(serviceEnv(redis.url, simulator().url, { ...QUICK, ...env }));
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    worker = await startWorkerApp(config, log, app);
    producer = openProducer(config, { log });
    await producer.ready();
    const connection = redis.connect();
    queues = ['ebay-search', 'ebay-calls'].map((name) => new Queue(name, { connection, prefix: '{ebay}' }));
  });
  const stop = async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await producer.close();
    await worker.stop();
  };
  if (!isKept) afterEach(stop);
  return {
    ...(isKept && { users }),
    get config() {
      return config;
    },
    get simulator() {
      return simulator();
    },
    get producer() {
      return producer;
    },
    get searches() {
      return queues[0] as Queue;
    },
    get calls() {
      return queues[1] as Queue;
    },
    calledOffsets: () =>
      simulator()
        .controls.log({ kind: 'search' })
        .map(({ query }) => Number(query.offset ?? 0)),
    async search(request) {
      const { searchId } = await producer.enqueue(request);
      return producer.waitFor(searchId, { timeoutMs: 15_000 });
    },
  };
}

export interface Pair {
  producer: SearchProducer;
  stop(): Promise<void>;
}

/** A worker and a producer in this process that need not see the same environment; quick unless it says otherwise. */
export async function startPair(
  workerEnv: Record<string, string>,
  producerEnv: Record<string, string> = workerEnv,
): Promise<Pair> {
  const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
  const worker = await startWorkerApp(testConfig({ ...QUICK, ...workerEnv }), log);
  const producer = openProducer(testConfig({ ...QUICK, ...producerEnv }), { log });
  await producer.ready();
  return {
    producer,
    async stop() {
      await producer.close();
      await worker.stop();
    },
  };
}
