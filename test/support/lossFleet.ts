import { PassThrough } from 'node:stream';
import type { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../src/app/worker.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { FleetStore } from '../../src/fleet/fleetStore.ts';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { useRedis } from './redis.ts';
import { QUICK, serviceEnv } from './service.ts';
import { useSimulator } from './simulator.ts';
import { credentialOf, TenantFiles } from './tenants.ts';
import { waitFor } from './waitFor.ts';

const REQUEST = { query: 'phone case', maxItems: 20 };
export const daily = (name: string, more: object = {}) => ({
  name,
  cron: '0 4 * * *',
  request: { ...REQUEST, ...more },
});

export interface LossWorker {
  app: WorkerApp;
  /** Of a level, the messages so far. */
  messages(level: string): string[];
  /** The whole log. */
  readonly log: string;
}

/** Workers in this process with files of settings, tenants and schedules, for tests in which Redis loses its data. */
export function useLossFleet() {
  const redis = useRedis();
  const simulator = useSimulator({ credentials: [DEMO_CREDENTIALS, credentialOf('shop')] });
  const workers: LossWorker[] = [];
  const producers: SearchProducer[] = [];
  let files: TenantFiles;
  let admin: Redis;
  let looks = 0;
  const env = (redisUrl: string, more: Record<string, string> = {}) =>
    serviceEnv(redisUrl, simulator().url, {
      ...QUICK,
      ...files.env,
      TENANTS_FILE: files.tenantsFile,
      SCHEDULES_FILE: `${files.folder}/schedules.json`,
      MIN_API_CALL_INTERVAL: '0.2',
      ...more,
    });
  beforeEach(() => {
    admin = redis.connect();
    files = new TenantFiles(['shop']);
    files.write(files.configFile, '{}');
    files.declare({ shop: { dailyCallLimit: 70, schedules: [daily('of-tenant')] } });
    files.write(`${files.folder}/schedules.json`, JSON.stringify({ schedules: [daily('of-file')] }));
    simulator().controls.setCredential(credentialOf('shop'));
    for (const { clientId } of simulator().controls.state().credentials)
      simulator().controls.quota({ clientId, limit: 5000, used: 0 });
  });
  afterEach(async () => {
    await Promise.all(producers.splice(0).map((producer) => producer.close()));
    await Promise.all(workers.splice(0).map(({ app }) => app.stop()));
    files.remove();
  });
  const producer = (tenant = 'default', redisUrl = redis.url) => {
    const opened = openProducer(testConfig(env(redisUrl)), { tenant, log: quietLog() });
    producers.push(opened);
    return opened;
  };
  return {
    redis,
    get admin() {
      return admin;
    },
    get files() {
      return files;
    },
    get simulator() {
      return simulator();
    },
    env,
    store: (connection = admin) => new FleetStore(connection, '{ebay}'),
    keys: (connection = admin) => new ApiKeys(connection, '{ebay}'),
    producer,
    async startWorker(more: Record<string, string> = {}, redisUrl = redis.url): Promise<LossWorker> {
      const all = env(redisUrl, more);
      const config = testConfig(all);
      const stream = new PassThrough();
      let log = '';
      stream.on('data', (text) => {
        log += text;
      });
      const root = new LogRoot({ ...config.log, format: 'json' }, stream);
      const app = await startWorkerApp(config, root, { sources: { env: all, files: [files.configFile] } });
      const worker = {
        app,
        get log() {
          return log;
        },
        messages: (level: string) =>
          log
            .split('\n')
            .filter((line) => line.includes(`"level":"${level}"`))
            .map((line) => (JSON.parse(line) as { message: string }).message),
      };
      workers.push(worker);
      return worker;
    },
    /** Until every process has looked at Redis again. */
    async looked(): Promise<void> {
      looks += 1;
      files.write(files.configFile, JSON.stringify({ search: { backlogLimit: 1000 + looks } }));
      const store = new FleetStore(admin, '{ebay}');
      await waitFor('the processes', async () => {
        const { version, document } = await store.read();
        const isNew = document.settings?.value.search?.backlogLimit === 1000 + looks;
        return isNew && (await store.processes()).every((process) => process.version === version);
      });
    },
    /** Until a census of the fleet is as wanted. */
    census: (is: (census: NonNullable<Awaited<ReturnType<FleetStore['look']>>['census']>) => boolean) =>
      waitFor(
        'a census',
        async () => {
          const { census } = await new FleetStore(admin, '{ebay}').look();
          return census !== undefined && is(census) ? census : undefined;
        },
        30_000,
      ),
  };
}
