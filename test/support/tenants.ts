import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../src/app/worker.ts';
import type { Config } from '../../src/config/config.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { type Credential, DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { useRedis } from './redis.ts';
import { QUICK, serviceEnv } from './service.ts';
import { useSimulator } from './simulator.ts';

/** The keyset of a tenant in tests: a secret file for the one half, a variable for the other. */
export function credentialOf(tenant: string): Credential {
  return { clientId: `${tenant}-App-SBX-1`, clientSecret: `SBX-secret-of-${tenant}` };
}

/** Where a tenant's declaration finds it. */
export function referencesOf(tenant: string, folder: string) {
  return { clientIdEnv: variableOf(tenant), clientSecretFile: join(folder, `${tenant}.secret`) };
}

function variableOf(tenant: string): string {
  return `ID_OF_${tenant.toUpperCase().replaceAll('-', '_')}`;
}

/** A folder with a tenants file and the secrets that it refers to, and the environment that belongs to it. */
export class TenantFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'dpf-tenants-'));
  readonly tenantsFile = join(this.folder, 'tenants.json');
  readonly configFile = join(this.folder, 'config.json');
  readonly env: Record<string, string>;

  constructor(tenants: readonly string[]) {
    this.env = Object.fromEntries(tenants.map((name) => [variableOf(name), credentialOf(name).clientId]));
    for (const name of tenants) this.setSecret(name, credentialOf(name).clientSecret);
  }

  setSecret(tenant: string, secret: string): void {
    writeFileSync(join(this.folder, `${tenant}.secret`), `${secret}\n`);
  }

  /** Declares these, with what is their own. */
  declare(tenants: Record<string, object>): void {
    const declared = Object.entries(tenants).map(([name, own]) => [
      name,
      { ...referencesOf(name, this.folder), ...own },
    ]);
    this.write(this.tenantsFile, JSON.stringify({ tenants: Object.fromEntries(declared) }));
  }

  /** As deployments do it: whoever looks sees the old file or the new one. */
  write(path: string, text: string): void {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export interface TenantService {
  readonly files: TenantFiles;
  readonly simulator: Simulator;
  readonly config: Config;
  readonly worker: WorkerApp;
  /** JSON lines of the worker's log. */
  readonly log: string;
  readonly redis: { connect(): ReturnType<ReturnType<typeof useRedis>['connect']> };
  producer(tenant: string): SearchProducer;
}

/** A worker in this process with these tenants in a file, beside the keyset of the environment. */
export function useTenants(tenants: readonly string[], env: Record<string, string> = {}): TenantService {
  const redis = useRedis();
  const simulator = useSimulator({ credentials: [DEMO_CREDENTIALS, ...tenants.map(credentialOf)] });
  const producers = new Map<string, SearchProducer>();
  let files: TenantFiles;
  let config: Config;
  let worker: WorkerApp;
  let lines = '';
  const quiet = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
  beforeEach(async () => {
    files = new TenantFiles(tenants);
    files.declare(Object.fromEntries(tenants.map((name) => [name, {}])));
    files.write(files.configFile, '{}');
    for (const name of tenants) simulator().controls.setCredential(credentialOf(name));
    for (const { clientId } of simulator().controls.state().credentials)
      simulator().controls.quota({ clientId, limit: 5000, used: 0 });
    const all = serviceEnv(redis.url, simulator().url, {
      ...QUICK,
      ...files.env,
      TENANTS_FILE: files.tenantsFile,
      ...env,
    });
    config = testConfig(all);
    const stream = new PassThrough();
    lines = '';
    stream.on('data', (text) => {
      lines += text;
    });
    const sources = { env: all, files: [files.configFile] };
    worker = await startWorkerApp(config, new LogRoot({ ...config.log, format: 'json' }, stream), {
      sources,
    });
  });
  afterEach(async () => {
    await Promise.all([...producers.values()].map((producer) => producer.close()));
    producers.clear();
    await worker.stop();
    files.remove();
  });
  return {
    get files() {
      return files;
    },
    get simulator() {
      return simulator();
    },
    get config() {
      return config;
    },
    get worker() {
      return worker;
    },
    get log() {
      return lines;
    },
    redis,
    producer(tenant) {
      const known = producers.get(tenant);
      if (known !== undefined) return known;
      const producer = openProducer(config, { tenant, log: quiet });
      producers.set(tenant, producer);
      return producer;
    },
  };
}
