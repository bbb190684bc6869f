import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { credentialOf, TenantFiles } from '../../test/support/tenants.ts';

export const TENANTS = ['shop-1', 'shop-2', 'shop-3', 'shop-4', 'shop-5'];
/** Least time between two calls of a tenant, ms. */
export const INTERVAL_MS = 200;

/** Redis, eBay with five keysets, workers that serve all of them, and a producer for each. */
export interface House {
  simulator: Simulator;
  producer(tenant: string): SearchProducer;
  revoke(tenant: string): Promise<void>;
  useUp(tenant: string): Promise<void>;
  /** Cancels what a tenant has waiting. */
  emptied(tenant: string): Promise<void>;
  close(): Promise<void>;
}

export async function openHouse(workerCount: number): Promise<House> {
  const redis = await startTestRedis();
  const simulator = await startSimulator({
    catalogueScale: 0.1,
    latencyMs: 50,
    unsteady: STEADY,
    credentials: TENANTS.map(credentialOf),
  });
  const files = new TenantFiles(TENANTS);
  files.declare(Object.fromEntries(TENANTS.map((name) => [name, {}])));
  const env = serviceEnv(redis.url, simulator.url, {
    ...files.env,
    EBAY_CLIENT_ID: '',
    EBAY_CLIENT_SECRET: '',
    TENANTS_FILE: files.tenantsFile,
    MIN_API_CALL_INTERVAL: String(INTERVAL_MS / 1000),
    LOG_LEVEL: 'error',
    LOG_LEVELS: 'worker=info',
  });
  const config = loadConfig({ env, files: [] });
  const workers: RunningProcess[] = Array.from({ length: workerCount }, () => startDpf(['worker'], env));
  const producers = new Map(
    TENANTS.map((tenant) => [tenant, openProducer(config, { tenant, log: quietLog() })]),
  );
  const producer = (tenant: string) => producers.get(tenant) as SearchProducer;
  await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
  await Promise.all([...producers.values()].map((each) => each.ready()));
  for (const tenant of TENANTS)
    simulator.controls.quota({ clientId: credentialOf(tenant).clientId, limit: 1_000_000 });
  return {
    simulator,
    producer,
    async revoke(tenant) {
      const { clientId } = credentialOf(tenant);
      simulator.controls.setCredential({ clientId, clientSecret: 'SBX-another' });
      simulator.controls.revokeTokens(clientId);
    },
    async useUp(tenant) {
      simulator.controls.quota({ clientId: credentialOf(tenant).clientId, remaining: 0 });
    },
    async emptied(tenant) {
      const { Queue } = await import('bullmq');
      const { Redis } = await import('ioredis');
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      for (const name of [`ebay-search-${tenant}`, `ebay-calls-${tenant}`]) {
        const queue = new Queue(name, { connection, prefix: '{ebay}' });
        await queue.obliterate({ force: true });
        await queue.close();
      }
      connection.disconnect();
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all([...producers.values()].map((each) => each.close()));
      await simulator.close();
      await redis.stop();
      files.remove();
    },
  };
}
