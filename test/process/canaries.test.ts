import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { openAuth, openProducer } from '../../src/app.ts';
import { quietLog } from '../../src/cli/quietLog.ts';
import { ApiKeys } from '../../src/http/apiKeys.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import type { FaultSpec } from '../../src/simulator/faults/armory.ts';
import { type Canaries, filePlaces, type Places, redisPlaces, sightings } from '../support/canaries.ts';
import { testConfig } from '../support/config.ts';
import { freePort } from '../support/freePort.ts';
import { type RunningProcess, useProcesses } from '../support/processes.ts';
import { startTestRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

const QUICK = {
  MIN_API_CALL_INTERVAL: '0',
  PAGE_ATTEMPTS: '2',
  PAGE_BACKOFF: '0.01',
  EBAY_QUICK_RETRY_DELAY: '0.01',
  EBAY_CALL_TIMEOUT: '0.5',
  EBAY_CONNECT_TIMEOUT: '0.5',
  TOKEN_REQUEST_INTERVAL: '0',
  TOKEN_REQUEST_TIMEOUT: '0.5',
  TOKEN_FAILURE_PAUSE: '0.05',
  MAX_TOKEN_FAILURE_PAUSE: '0.1',
  CREDENTIAL_REFUSED_PAUSE: '0.2',
  THROTTLE_PAUSE: '0.1',
  MAX_THROTTLE_PAUSE: '0.1',
  CIRCUIT_MIN_CALLS: '1000',
  LOG_LEVEL: 'debug',
  LOG_FORMAT: 'json',
};

const secret = (name: string) => `${name}-${randomBytes(12).toString('base64url')}+/x=`;

/** What eBay, or a proxy on the way, might repeat of what it was sent: never an API key, which it does not get. */
function echoes(canaries: Canaries): string[] {
  const sent = [...canaries].flatMap(([name, text]) => (name.startsWith('API key') ? [] : [text]));
  return sent.flatMap((text) => [text, Buffer.from(text).toString('base64'), encodeURIComponent(text)]);
}

/** eBay's error shape around a text. */
function errorBody(text: string): string {
  return JSON.stringify({ errors: [{ errorId: 12_001, message: `no ${text}`, longMessage: `no ${text}` }] });
}

/** All others that the simulator knows, each once, some of them about the token. */
const FAULTS: FaultSpec[] = [
  { fault: 'status', status: 503, count: 3 },
  { fault: 'expired-token', count: 1 },
  { fault: 'rate-limited', retryAfter: 0, count: 1 },
  { fault: 'hang', count: 1 },
  { fault: 'reset', count: 3 },
  { fault: 'truncated', count: 2 },
  { fault: 'malformed', count: 2 },
  { fault: 'html', count: 2 },
  { fault: 'huge-body', count: 2 },
  { fault: 'odd-items', count: 1 },
  { fault: 'redirect', count: 2 },
  { fault: 'slow-body', count: 1 },
];

describe('no secret of a running service', function () {
  this.timeout(120_000);
  const simulator = useSimulator();
  const { dpf, node } = useProcesses();
  let folder: string;
  let server: EmbeddedRedis;
  let redis: Redis;
  let env: Record<string, string>;
  let canaries: Canaries;
  let producers: SearchProducer[];
  let searches = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-canaries-'));
    const password = secret('redis-password');
    const keysets = ['default', 'toys'].map((tenant) => ({
      clientId: secret(`id-${tenant}`),
      clientSecret: secret(`cert-${tenant}`),
    }));
    for (const keyset of keysets) simulator().controls.setCredential(keyset);
    const encryption = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    server = await startTestRedis(['--requirepass', password, '--appendonly', 'yes', '--dir', folder]);
    const [mine, toys] = keysets as [(typeof keysets)[0], (typeof keysets)[0]];
    const files = { clientIdFile: join(folder, 'toys-id'), clientSecretFile: join(folder, 'toys-cert') };
    // Secrets' own files lie outside of what is looked through.
    const secrets = mkdtempSync(join(tmpdir(), 'dpf-keyset-'));
    files.clientIdFile = join(secrets, 'id');
    files.clientSecretFile = join(secrets, 'cert');
    writeFileSync(files.clientIdFile, `${toys.clientId}\n`);
    writeFileSync(files.clientSecretFile, `${toys.clientSecret}\n`);
    writeFileSync(join(folder, 'tenants.json'), JSON.stringify({ tenants: { toys: files } }));
    const url = new URL(server.url);
    url.password = encodeURIComponent(password);
    env = serviceEnv(url.href, simulator().url, {
      ...QUICK,
      EBAY_CLIENT_ID: mine.clientId,
      EBAY_CLIENT_SECRET: mine.clientSecret,
      TOKEN_ENCRYPTION_KEYS: `new:${encryption[0]},old:${encryption[1]}`,
      TENANTS_FILE: join(folder, 'tenants.json'),
      METRICS_PORT: String(await freePort()),
      HTTP_PORT: String(await freePort()),
    });
    redis = new Redis(url.href);
    const keys = new ApiKeys(redis, '{ebay}');
    const made = await Promise.all(
      Array.from({ length: 9 }, (_, index) => `key-${index}`).map((name) =>
        keys.add({ name, tenant: 'default', roles: ['enqueue', 'read', 'operate'], expiresAt: null }),
      ),
    );
    canaries = new Map([
      ['App ID', mine.clientId],
      ['Cert ID', mine.clientSecret],
      ['Basic pair', `${mine.clientId}:${mine.clientSecret}`],
      ['App ID of toys', toys.clientId],
      ['Cert ID of toys', toys.clientSecret],
      ['Basic pair of toys', `${toys.clientId}:${toys.clientSecret}`],
      ['Redis password', password],
      ['encryption key', encryption[0] as string],
      ['older encryption key', encryption[1] as string],
      ...made.map(({ key }, index) => [`API key ${index}`, key] as const),
    ]);
    const config = testConfig(env);
    producers = ['default', 'toys'].map((tenant) => openProducer(config, { tenant, log: quietLog() }));
    await Promise.all(producers.map((producer) => producer.ready()));
  });
  afterEach(async () => {
    await Promise.all(producers.map((producer) => producer.close()));
    redis.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function search(query = 'phone case'): Promise<string> {
    searches += 1;
    const producer = producers[searches % producers.length] as SearchProducer;
    const price = { max: String(1_000_000 + searches), currency: 'USD' };
    const { searchId } = await producer.enqueue({ query, maxItems: 20, filters: { price } });
    await producer.waitFor(searchId, { timeoutMs: 20_000 }).catch(() => undefined);
    return searchId;
  }

  /** A token as it is used now, under a name of its own. */
  async function noteTokens(): Promise<void> {
    for (const tenant of ['default', 'toys']) {
      const { auth, close } = openAuth(testConfig(env), quietLog(), tenant);
      const token = await auth.cachedToken().catch(() => undefined);
      if (token !== undefined) canaries.set(`token ${canaries.size}`, token);
      close();
    }
  }

  async function happens(worker: RunningProcess, faults: readonly FaultSpec[]): Promise<void> {
    await worker.waitForLine(/worker started/);
    for (let n = 0; n < 2; n += 1) await search();
    await noteTokens();
    for (const fault of faults) {
      simulator().controls.arm(fault);
      await search();
      if (fault.fault === 'expired-token') await noteTokens();
    }
    await Promise.all(
      echoes(canaries).map((text, index) => {
        const q = `echo ${index}`;
        simulator().controls.arm({ fault: 'status', status: 400, body: errorBody(text), on: { q } });
        return search(q);
      }),
    );
    const warnings = [...canaries.values()].map((text) => ({ errorId: 12_008, message: `unknown ${text}` }));
    simulator().controls.arm({ fault: 'fields', set: { warnings }, count: 2 });
    for (let n = 0; n < 2; n += 1) await search();
    simulator().controls.clear();
  }

  async function lookAround(processes: RunningProcess[]): Promise<Places> {
    const places = new Map([...(await redisPlaces(redis)), ...filePlaces(folder)]);
    for (const { pid, stdout, stderr } of processes) {
      places.set(`stdout of ${pid}`, stdout);
      places.set(`stderr of ${pid}`, stderr);
    }
    const metrics = await fetch(`http://127.0.0.1:${env.METRICS_PORT}/metrics`);
    places.set('metrics', await metrics.text());
    return places;
  }

  it('is in log, Redis, append-only file, metrics or answers, whatever goes wrong', async () => {
    const worker = dpf(['worker'], env);
    const serve = dpf(['serve'], { ...env, METRICS_PORT: '' });
    await happens(worker, FAULTS);
    const doomed = dpf(['worker'], { ...env, METRICS_PORT: '', EBAY_CLIENT_SECRET: 'wrong-secret-of-mine' });
    await doomed.waitForLine(/worker started/);
    doomed.signal('SIGKILL');
    const stranger = dpf(['worker'], {
      ...env,
      METRICS_PORT: '',
      REDIS_URL: `${env.REDIS_URL}`.replace('//:', '//:x'),
    });
    await stranger.waitForLine(/NOAUTH|WRONGPASS|password|Redis/);
    const places = await lookAround([worker, serve, doomed, stranger]);
    for (const key of [...canaries].flatMap(([name, value]) => (name.startsWith('API') ? [value] : [])))
      for (const path of [
        '/metrics',
        '/v1/searches/none',
        `/v1/searches/${key}`,
        `/nowhere?api_key=${key}`,
      ]) {
        const answer = await fetch(`http://127.0.0.1:${env.HTTP_PORT}${path}`, {
          headers: { authorization: `Bearer ${key}` },
        });
        places.set(`answer ${path.slice(0, 20)}`, await answer.text());
      }
    expect(canaries.size).to.be.at.least(20);
    expect(sightings(canaries, places)).to.deep.equal([]);
    expect([...places.keys()].filter((place) => place.startsWith('Redis'))).to.have.length.above(100);
  });

  it('would stay hidden without the scrubber: the same look finds some then', async () => {
    const worker = node(['--import', 'tsx', 'test/support/unscrubbedWorker.ts'], env);
    await happens(worker, []);
    const found = sightings(canaries, await lookAround([worker]));
    for (const place of ['stderr', 'Redis', 'file'])
      expect(
        found.some((sighting) => sighting.startsWith(place)),
        place,
      ).to.equal(true);
  });
});
