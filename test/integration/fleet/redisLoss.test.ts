import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { DataState } from '../../../src/fleet/loss.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import { daily, useLossFleet } from '../../support/lossFleet.ts';
import { monitor } from '../../support/monitor.ts';
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

  it('is restored again where it loses its data once more, in the middle of that', async () => {
    const one = await fleet.startWorker();
    const [main, shop] = [fleet.producer(), fleet.producer('shop')];
    await main.ready();
    await fleet.looked();
    const { version } = await fleet.store().read();
    for (let times = 1; times <= 3; times += 1) {
      await fleet.admin.flushall();
      // The mark is back before the schedules are.
      await waitFor('the report', async () => (await fleet.store().look()).loss?.times === times);
    }
    await waitFor('the schedules', async () => {
      const names = [...(await scheduleNames(main)), ...(await scheduleNames(shop))];
      return names.join() === 'of-file,of-tenant';
    });
    expect((await fleet.store().read()).version).to.equal(version);
    expect(one.messages('warn').filter((each) => each === LOST)).to.have.length(3);
  });

  it('that goes back to an older version gets the present one back, with schedules and limits', async () => {
    await fleet.startWorker();
    const [main, shop] = [fleet.producer(), fleet.producer('shop')];
    await main.ready();
    await fleet.looked();
    const older = await copyOf(fleet.admin);
    fleet.files.write(
      `${fleet.files.folder}/schedules.json`,
      JSON.stringify({ schedules: [daily('newer')] }),
    );
    fleet.files.declare({ shop: { dailyCallLimit: 90, schedules: [daily('of-tenant'), daily('further')] } });
    await waitFor('the change', async () => (await scheduleNames(main)).join() === 'newer');
    await waitFor('the change', async () => (await scheduleNames(shop)).length === 2);
    const present = await fleet.store().read();

    await putBack(fleet.admin, older);
    const loss = await waitFor('the report', async () => (await fleet.store().look()).loss);
    expect(loss.kind).to.equal('older');
    await waitFor('the schedules', async () => (await scheduleNames(main)).join() === 'newer');
    await waitFor('the tenant', async () => (await scheduleNames(shop)).join() === 'further,of-tenant');
    await waitFor('the limit', async () => (await settings('shop'))[1] === '90');
    expect(await fleet.store().read()).to.deep.equal(present);
  });

  it('that has an older file of the same version is noticed by the census, and declared to again', async () => {
    const one = await fleet.startWorker();
    const main = fleet.producer();
    await main.ready();
    await fleet.census(() => true);
    await fleet.looked();
    const older = await copyOf(fleet.admin);
    // The worker must not count meanwhile: its census would stand in place of this one.
    await fleet.admin.set('{ebay}:lease:census', 'the test');
    // As after half a minute: two rounds of the census.
    const later = (await fleet.store().look()).census as NonNullable<DataState['census']>;
    const { mark } = await fleet.store().look();
    await fleet.store().storeCensus(mark, later, { ...later, at: later.at + 30_000, apiKeys: ['reports'] });
    await untilSeen(fleet.admin);
    await putBack(fleet.admin, older);
    const loss = await waitFor('the report', async () => (await fleet.store().look()).loss);
    expect(loss).to.deep.include({ kind: 'older', times: 1 });
    expect(loss.gone?.apiKeys).to.deep.equal(['reports']);
    await waitFor('the line', () => one.messages('warn').includes(LOST));
  });

  it('is restored also where another program has overwritten keys of the service', async () => {
    await fleet.startWorker();
    const main = fleet.producer();
    await main.ready();
    await fleet.looked();
    const overwritten = ['{ebay}:api-keys', '{ebay}:ebay-search:repeat', '{ebay}:ebay-search-shop:delayed'];
    const change = fleet.admin.multi().flushall();
    for (const key of overwritten) change.set(key, 'a text');
    await change.hset('{ebay}:schedules:shop', 'broken', '{"definition":').exec();
    await waitFor('the report', async () => (await fleet.store().look()).loss);
    await fleet.admin.del(...overwritten);
    await fleet.admin.hset('{ebay}:config', 'loss', '{');
    await fleet.looked();
    expect((await fleet.store().look()).loss).to.equal(undefined);
  });

  it('as a worker starts is no first start to those that knew it', async () => {
    const one = await fleet.startWorker();
    await fleet.producer().ready();
    await fleet.looked();
    const { version } = await fleet.store().read();
    // As a process does that begins on the empty Redis before the others have looked.
    await fleet.admin.flushall();
    await fleet.store().mark();
    const other = await fleet.startWorker();
    const loss = await waitFor('the report', async () => (await fleet.store().look()).loss);
    expect(loss.kind).to.equal('empty');
    await waitFor('the new one to know', () => /another process has restored it/.test(other.log));
    expect((await fleet.store().read()).version).to.equal(version);
    expect(one.messages('warn').filter((each) => each === LOST)).to.have.length(1);
    expect(other.messages('warn')).to.not.include(LOST);
  });

  it('reports nothing where no process knew it', async () => {
    const one = await fleet.startWorker();
    await fleet.looked();
    await one.app.stop();
    await fleet.admin.flushall();
    const next = await fleet.startWorker();
    await fleet.looked();
    expect((await fleet.store().look()).loss).to.equal(undefined);
    expect(next.messages('warn')).to.not.include(LOST);
    expect(next.messages('info')).to.include('first process on this Redis and prefix');
  });
});

/** What Redis holds, to be put back later. */
async function copyOf(redis: Redis): Promise<Record<string, Buffer>> {
  const keys = await redis.keys('*');
  const dumps = await Promise.all(keys.map(async (key) => [key, await redis.dumpBuffer(key)] as const));
  return Object.fromEntries(dumps.filter((entry): entry is [string, Buffer] => entry[1] !== null));
}

/** In one step, as a server that starts with its data file. */
async function putBack(redis: Redis, copy: Record<string, Buffer>): Promise<void> {
  const change = redis.multi().flushall();
  for (const [key, dump] of Object.entries(copy)) change.restore(key, 0, dump);
  await change.exec();
}

/** Until the one process has looked twice at what the fleet knows of its data: the second time it knows the first answer. */
async function untilSeen(redis: Redis): Promise<void> {
  let looks = 0;
  const stop = await monitor(redis.options, ({ words: [name, key], isInScript }) => {
    if (!isInScript && name === 'hmget' && key === '{ebay}:config') looks += 1;
  });
  await waitFor('two looks', () => looks >= 2);
  stop();
}
