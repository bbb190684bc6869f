import { PassThrough } from 'node:stream';
import { Queue } from 'bullmq';
import { openProducer } from '../../src/app/producer.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { type RunningProcess, useProcesses } from './processes.ts';
import { useRedis } from './redis.ts';
import { serviceEnv } from './service.ts';
import { useSimulator } from './simulator.ts';

export interface WorkerProcesses {
  readonly producer: SearchProducer;
  readonly redisUrl: string;
  readonly simulator: Simulator;
  readonly calls: Queue;
  readonly searches: Queue;
  /** A worker process that has begun to take jobs. */
  startWorker(env?: Record<string, string>): Promise<RunningProcess>;
}

/** Redis, simulator and producer here; workers as processes of their own, all gone after each test. */
export function useWorkerProcesses(env: Record<string, string>): WorkerProcesses {
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();
  let workerEnv: Record<string, string>;
  let producer: SearchProducer;
  let queues: Queue[];
  beforeEach(async () => {
    workerEnv = serviceEnv(redis.url, simulator().url, { EBAY_CONNECT_TIMEOUT: '1', ...env });
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    producer = openProducer(testConfig(workerEnv), { log });
    await producer.ready();
    const connection = redis.connect();
    queues = ['ebay-search', 'ebay-calls'].map((name) => new Queue(name, { connection, prefix: '{ebay}' }));
  });
  afterEach(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await producer.close();
  });
  return {
    get producer() {
      return producer;
    },
    get redisUrl() {
      return redis.url;
    },
    get simulator() {
      return simulator();
    },
    get searches() {
      return queues[0] as Queue;
    },
    get calls() {
      return queues[1] as Queue;
    },
    async startWorker(more = {}) {
      const worker = dpf(['worker'], { ...workerEnv, ...more });
      await worker.waitForLine(/worker started/);
      return worker;
    },
  };
}
