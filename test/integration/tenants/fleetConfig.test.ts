import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { FleetConfig } from '../../../src/fleet/fleetConfig.ts';
import { FleetStore } from '../../../src/fleet/fleetStore.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Calls of each command since the last `CONFIG RESETSTAT`; those that a script made are counted too. */
async function commandCounts(redis: Redis): Promise<Record<string, number>> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm);
  return Object.fromEntries([...lines].map(([, name, calls]) => [name, Number(calls)]));
}

describe('the configuration of a process that nothing changes', () => {
  const redis = useRedis();

  it('costs Redis one HGET a poll, and a report every few seconds', async () => {
    const fleet = new FleetConfig(redis.connect(), {
      config: testConfig(),
      sources: { env: {}, files: [] },
      role: 'worker',
      tenants: () => ['default'],
      metrics: createMetrics().config,
      log: NOOP_LOGGER,
    });
    const observer = redis.connect();
    await waitFor('Redis', async () => (await observer.ping().catch(() => '')) === 'PONG');
    await fleet.start();
    try {
      const store = new FleetStore(observer, '{ebay}');
      await waitFor('the first report', async () => (await store.processes()).length === 1);
      await observer.config('RESETSTAT');
      await waitFor('five polls', async () => ((await commandCounts(observer)).hget ?? 0) >= 5);
      const { evalsha = 0, eval: whole = 0, hget } = await commandCounts(observer);
      expect(evalsha + whole).to.be.at.most(1);
      expect(hget).to.be.at.most(6);
      const [report] = await store.processes();
      expect(report).to.include({ role: 'worker', version: 0, pid: process.pid });
    } finally {
      await fleet.stop();
    }
    expect(await new FleetStore(observer, '{ebay}').processes()).to.deep.equal([]);
  });
});
