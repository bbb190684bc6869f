import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openEbay } from '../../src/app/client.ts';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { readTenant } from '../../src/fleet/fleetConfig.ts';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Canaries } from './canaries.ts';
import { testConfig } from './config.ts';
import { freePort } from './freePort.ts';
import { type HttpProxy, startHttpProxy } from './httpProxy.ts';
import { startTestRedis } from './redis.ts';
import { serviceEnv } from './service.ts';
import { useSimulator } from './simulator.ts';
import { waitFor } from './waitFor.ts';

const QUICK = {
  MIN_API_CALL_INTERVAL: '0',
  PAGE_ATTEMPTS: '2',
  PAGE_BACKOFF: '0.01',
  EBAY_QUICK_RETRY_DELAY: '0.01',
  EBAY_CALL_TIMEOUT: '0.5',
  EBAY_CONNECT_TIMEOUT: '0.5',
  TOKEN_REQUEST_INTERVAL: '0',
  TOKEN_REQUEST_TIMEOUT: '0.5',
  TOKEN_FAILURE_BACKOFF: '0.05',
  MAX_TOKEN_FAILURE_BACKOFF: '0.1',
  CREDENTIAL_REFUSED_BACKOFF: '0.2',
  THROTTLE_BACKOFF: '0.1',
  MAX_THROTTLE_BACKOFF: '0.1',
  CIRCUIT_MIN_CALLS: '1000',
  WORKER_LOCK_DURATION: '2',
  WORKER_STALLED_INTERVAL: '0.5',
  WORKER_BLOCKING_READ: '0.1',
  LOG_LEVEL: 'debug',
  LOG_FORMAT: 'json',
};

const TENANTS = ['default', 'toys'];
const API_KEYS = 3;

/** Nothing of it is the same in a URL. */
export function newSecret(name: string): string {
  return `${name}-${randomBytes(12).toString('base64url')}+/x=`;
}

/**
 * A service whose every secret is a canary: two tenants' keysets, the passwords of Redis and of the proxy to eBay, encryption
 * keys, API keys, tokens.
 */
export interface PlantedService {
  readonly simulator: Simulator;
  readonly canaries: Canaries;
  readonly redis: Redis;
  /** Of every process of this service. */
  readonly env: Record<string, string>;
  /** Everything that the service and its Redis write; the files that hold the secrets lie elsewhere. */
  readonly folder: string;
  /** Lies where nobody looks: it may hold a secret. */
  readonly tenantsFile: string;
  /** Ids of all searches so far. */
  readonly searchIds: string[];
  /** A search that no other is identical to, of one tenant after the other, to its end. */
  search(query?: string): Promise<string>;
  /** Each tenant's token of now becomes a canary. */
  noteTokens(): Promise<void>;
  restartRedis(): Promise<void>;
}

/** Starts it, without any process of its own, before the tests of the surrounding `describe`. */
export function usePlantedService(): PlantedService {
  const simulator = useSimulator();
  const folder = mkdtempSync(join(tmpdir(), 'dpf-canaries-'));
  const secrets = mkdtempSync(join(tmpdir(), 'dpf-keyset-'));
  const tenantsFile = join(secrets, 'tenants.json');
  const canaries: Canaries = new Map();
  const searchIds: string[] = [];
  const env: Record<string, string> = {};
  const password = newSecret('redis-password');
  const redisArgs = ['--requirepass', password, '--appendonly', 'yes', '--dir', folder];
  const proxyPassword = newSecret('proxy-password');
  let server: EmbeddedRedis;
  let proxy: HttpProxy;
  let redis: Redis;
  let producers: SearchProducer[];

  const plantKeyset = (tenant: string) => {
    const keyset = { clientId: newSecret(`id-${tenant}`), clientSecret: newSecret(`cert-${tenant}`) };
    simulator().controls.setCredential(keyset);
    canaries.set(`App ID of ${tenant}`, keyset.clientId);
    canaries.set(`Cert ID of ${tenant}`, keyset.clientSecret);
    canaries.set(`Basic pair of ${tenant}`, `${keyset.clientId}:${keyset.clientSecret}`);
    return keyset;
  };

  before(async () => {
    const [mine, toys] = [plantKeyset('default'), plantKeyset('toys')];
    const declaration = { clientIdFile: join(secrets, 'id'), clientSecretFile: join(secrets, 'cert') };
    writeFileSync(declaration.clientIdFile, `${toys.clientId}\n`);
    writeFileSync(declaration.clientSecretFile, `${toys.clientSecret}\n`);
    writeFileSync(tenantsFile, JSON.stringify({ tenants: { toys: declaration } }));
    const encryption = ['encryption key', 'older encryption key'].map((name) => {
      const key = randomBytes(32).toString('base64');
      canaries.set(name, key);
      return key;
    });
    canaries.set('Redis password', password);
    canaries.set('proxy password', proxyPassword);
    canaries.set('Basic pair of the proxy', `finder:${proxyPassword}`);
    proxy = await startHttpProxy();
    server = await startTestRedis(redisArgs);
    const url = new URL(server.url);
    url.password = encodeURIComponent(password);
    Object.assign(
      env,
      serviceEnv(url.href, simulator().url, {
        ...QUICK,
        EBAY_CLIENT_ID: mine.clientId,
        EBAY_CLIENT_SECRET: mine.clientSecret,
        EBAY_PROXY_URL: `http://finder:${encodeURIComponent(proxyPassword)}@127.0.0.1:${proxy.port}`,
        TOKEN_ENCRYPTION_KEYS: `new:${encryption[0]},old:${encryption[1]}`,
        TENANTS_FILE: tenantsFile,
        METRICS_PORT: String(await freePort()),
        HTTP_PORT: String(await freePort()),
        HTTP_RATE_LIMIT: '1000000',
      }),
    );
    redis = new Redis(url.href);
    redis.on('error', () => undefined); // It is stopped now and then.
    const keys = new ApiKeys(redis, '{ebay}');
    const roles = ['enqueue', 'read', 'operate', 'schedule'] as const;
    for (let n = 0; n < API_KEYS; n += 1) {
      const { key } = await keys.add({ name: `key-${n}`, tenant: 'default', roles, expiresAt: null });
      canaries.set(`API key ${n}`, key);
    }
    const config = testConfig(env);
    producers = TENANTS.map((tenant) => openProducer(config, { tenant, log: quietLog() }));
    await Promise.all(producers.map((producer) => producer.ready()));
  });
  after(async () => {
    await Promise.all((producers ?? []).map((producer) => producer.close()));
    redis?.disconnect();
    await server?.stop();
    await proxy?.close();
    for (const each of [folder, secrets]) rmSync(each, { recursive: true, force: true });
  });

  return {
    get simulator() {
      return simulator();
    },
    get redis() {
      return redis;
    },
    canaries,
    env,
    folder,
    tenantsFile,
    searchIds,
    async search(query = 'phone case') {
      const price = { max: String(1_000_000 + searchIds.length), currency: 'USD' };
      const producer = producers[searchIds.length % producers.length] as SearchProducer;
      searchIds.push('to come');
      const place = searchIds.length - 1;
      const { searchId } = await producer.enqueue({ query, maxItems: 20, filters: { price } });
      searchIds[place] = searchId;
      await producer.waitFor(searchId, { timeoutMs: 20_000 }).catch(() => undefined);
      return searchId;
    },
    async noteTokens() {
      await Promise.all(
        TENANTS.map(async (tenant) => {
          const { config } = await readTenant(redis, testConfig(env), tenant);
          const { auth, close } = openEbay(config, quietLog(), { tenant, redis });
          const token = await auth.cachedToken().catch(() => undefined);
          if (token !== undefined) canaries.set(`token ${token.slice(-8)} of ${tenant}`, token);
          close();
        }),
      );
    },
    async restartRedis() {
      await server.stop();
      await this.search().catch(() => undefined); // Refused.
      server = await startTestRedis(redisArgs, server.port);
      await Promise.all(producers.map((producer) => producer.ready()));
      await waitFor('Redis', () => redis.ping().catch(() => undefined));
    },
  };
}
