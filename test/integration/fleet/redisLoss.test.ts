import { expect } from 'chai';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import { daily, useLossFleet } from '../../support/lossFleet.ts';
import { waitFor } from '../../support/waitFor.ts';

const LOST = 'Redis lost its data: the fleet declares its own again';

describe('a Redis that loses its data under running workers', function () {
  this.timeout(60_000);
  const fleet = useLossFleet();
  const scheduleNames = async (producer: SearchProducer) =>
    (await producer.schedule.list()).map(({ name, next }) => (next === null ? `${name}: never` : name));
  /** The interval and the configured limit, as the gate's script names them. */
  const settings = (tenant: string) => fleet.admin.hmget(`{ebay}:gate:${tenant}`, 'i', 'configured');

  it('gets back all that the fleet declares, and one process reports what is gone', async () => {
    const one = await fleet.startWorker();
    const other = await fleet.startWorker();
    const [main, shop] = [fleet.producer(), fleet.producer('shop')];
    await main.ready();
    await main.schedule.add(daily('by-hand', { track: 'lamps' }));
    const named = { tenant: 'default', roles: ['read' as const], expiresAt: null };
    await fleet.keys().add({ name: 'reports', ...named });
    await fleet.census(({ apiKeys, schedules }) => apiKeys.length + schedules.length === 2);
    await fleet.looked();
    const before = {
      version: await fleet.store().read(),
      gates: [await settings('default'), await settings('shop')],
      pace: await fleet.admin.hmget('{ebay}:ebay-calls:meta', 'max', 'duration'),
    };

    await fleet.admin.flushall();
    const loss = await waitFor('the report', async () => (await fleet.store().look()).loss);
    await waitFor('the schedule of the file', async () => (await scheduleNames(main)).includes('of-file'));
    await waitFor('the schedule of the tenant', async () => (await scheduleNames(shop)).length === 1);
    await waitFor('both to know', () => /another process has restored it/.test(one.log + other.log));

    expect(await fleet.store().read()).to.deep.equal(before.version);
    expect(await scheduleNames(main)).to.deep.equal(['of-file']);
    expect(await fleet.admin.hmget('{ebay}:ebay-calls:meta', 'max', 'duration')).to.deep.equal(before.pace);
    expect([await settings('default'), await settings('shop')]).to.deep.equal(before.gates);
    expect(loss).to.deep.include({ kind: 'empty', times: 1 });
    expect(loss.gone).to.deep.include({ apiKeys: ['reports'], schedules: ['by-hand'], tracks: ['lamps'] });
    expect(
      [...one.messages('warn'), ...other.messages('warn')].filter((each) => each === LOST),
    ).to.have.length(1);
    const searched = await main.enqueue({ query: 'lamp', maxItems: 5 });
    expect((await main.waitFor(searched.searchId, { timeoutMs: 15_000 })).summary?.outcome).to.equal(
      'complete',
    );
  });
});
