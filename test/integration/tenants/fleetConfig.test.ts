import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import sinon from 'sinon';
import { FleetConfig } from '../../../src/fleet/fleetConfig.ts';
import { FleetStore, publishNext, type Versioned } from '../../../src/fleet/fleetStore.ts';
import { type Fields, NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Calls of each command since the last `CONFIG RESETSTAT`; those that a script made are counted too. */
async function commandCounts(redis: Redis): Promise<Record<string, number>> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm);
  return Object.fromEntries([...lines].map(([, name, calls]) => [name, Number(calls)]));
}

/** The configuration of a worker. */
function fleetConfig(
  redis: Redis,
  change: Partial<ConstructorParameters<typeof FleetConfig>[1]> = {},
): FleetConfig {
  return new FleetConfig(redis, {
    config: testConfig(),
    sources: { env: {}, files: [] },
    role: 'worker',
    tenants: () => ['default'],
    metrics: createMetrics().config,
    log: NOOP_LOGGER,
    ...change,
  });
}

describe('the configuration of a process that nothing changes', () => {
  const redis = useRedis();

  it('costs Redis one HMGET a poll, and a report every few seconds', async () => {
    const fleet = fleetConfig(redis.connect());
    const observer = redis.connect();
    await waitFor('Redis', async () => (await observer.ping().catch(() => '')) === 'PONG');
    await fleet.start();
    try {
      const store = new FleetStore(observer, '{ebay}');
      await waitFor('the first report', async () => (await store.processes()).length === 1);
      await observer.config('RESETSTAT');
      await waitFor('five polls', async () => ((await commandCounts(observer)).hmget ?? 0) >= 5);
      const { evalsha = 0, eval: whole = 0, hmget } = await commandCounts(observer);
      expect(evalsha + whole).to.be.at.most(1);
      expect(hmget).to.be.at.most(6);
      const [report] = await store.processes();
      expect(report).to.include({ role: 'worker', version: 0, pid: process.pid });
    } finally {
      await fleet.stop();
    }
    expect(await new FleetStore(observer, '{ebay}').processes()).to.deep.equal([]);
  });
});

describe('a census after the clock of Redis was set back', () => {
  const redis = useRedis();
  afterEach(() => sinon.restore());

  it('is taken as a newer one, and no loss is reported', async () => {
    const observer = redis.connect();
    await waitFor('Redis', async () => (await observer.ping().catch(() => '')) === 'PONG');
    const store = new FleetStore(observer, '{ebay}');
    const at = (await store.now()) + 3_600_000;
    const before = { at, apiKeys: ['reports'], schedules: [], paused: [], tracks: [], searches: 0 };
    await store.storeCensus(await store.mark(), undefined, before);
    const { config, schedules } = createMetrics();
    const fleet = fleetConfig(redis.connect(), { metrics: config, schedules });
    await fleet.start();
    try {
      const taken = await waitFor('the next census', async () => {
        const { census } = await store.look();
        return census?.apiKeys.length === 0 ? census : undefined;
      });
      const looks = sinon.spy(FleetStore.prototype, 'look');
      await waitFor('two looks of the process', () => looks.callCount >= 2);
      expect([fleet.loss, (await store.look()).loss]).to.deep.equal([undefined, undefined]);
      expect(taken.at).to.equal(at + 1);
    } finally {
      await fleet.stop();
    }
  });
});

describe('a change of the configuration while Redis takes no writes', () => {
  const redis = useRedis();
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-fleet-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [what, setting, value, says] of [
    ['its memory is full', 'maxmemory', '1', /OOM command.*raise maxmemory/],
    ['its replicas are gone', 'min-replicas-to-write', '1', /NOREPLICAS/],
  ] as const)
    it(`waits, and the log names the cause, not the file, when ${what}`, async () => {
      const file = join(folder, 'config.json');
      const write = (backlogLimit: number) =>
        writeFileSync(file, JSON.stringify({ search: { backlogLimit } }));
      write(7);
      const lines: Array<[message: string, fields: Fields | undefined]> = [];
      const note = (message: string, fields?: Fields) => void lines.push([message, fields]);
      const fleet = fleetConfig(redis.connect(), {
        sources: { env: {}, files: [file] },
        log: { ...NOOP_LOGGER, warn: note, error: note },
      });
      const observer = redis.connect();
      await waitFor('Redis', async () => (await observer.ping().catch(() => '')) === 'PONG');
      await fleet.start();
      try {
        await observer.config('SET', setting, value);
        write(8);
        const [, fields] = await waitFor('the line', () => lines.at(0));
        expect(lines[0]?.[0]).to.equal('configuration not published yet');
        expect(fields?.reason).to.match(says);
        await observer.config('SET', setting, '0');
        await waitFor('the change', () => fleet.current().config.search.backlogLimit === 8);
        expect(lines.map(([message]) => message)).to.deep.equal(['configuration not published yet']);
      } finally {
        await observer.config('SET', setting, '0');
        await fleet.stop();
      }
    });
});

describe('an older configuration that comes back into Redis after a process has looked at it', () => {
  const redis = useRedis();
  const version = (number: number): Versioned => ({
    version: number,
    document: { added: {}, settings: { at: number, value: { search: { backlogLimit: number } } } },
  });
  let store: FleetStore;
  beforeEach(async () => {
    const observer = redis.connect();
    await waitFor('Redis', async () => (await observer.ping().catch(() => '')) === 'PONG');
    store = new FleetStore(observer, '{ebay}');
    await store.publish(0, version(2));
  });
  afterEach(() => sinon.restore());

  it('is replaced with the version that the process runs', async () => {
    const fleet = fleetConfig(redis.connect());
    await fleet.start();
    try {
      const { look } = FleetStore.prototype;
      sinon.stub(FleetStore.prototype, 'look').callsFake(async function (this: FleetStore) {
        const found = await look.call(this);
        if (found.version === 3) await store.publish(3, version(1));
        return found;
      });
      await store.publish(2, version(3));
      await waitFor('its own version', async () => (await store.read()).version === 2);
      expect(fleet.current().config.search.backlogLimit).to.equal(2);
    } finally {
      await fleet.stop();
    }
  });

  it('is no base of the next version', async () => {
    const change = ({ ...document }: Versioned['document']) => ({
      document: { ...document, tenants: { at: 9, value: {} } },
      changed: true,
      stale: [],
    });
    const { current } = await publishNext(store, version(5), change, () => undefined);
    expect(current).to.deep.equal({ version: 6, document: change(version(5).document).document });
    expect(await store.read()).to.deep.equal(current);
  });
});
