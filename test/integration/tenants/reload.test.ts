import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { FleetStore } from '../../../src/fleet/fleetStore.ts';
import { DEMO_CREDENTIALS } from '../../../src/simulator/tokens.ts';
import { credentialOf, useTenants } from '../../support/tenants.ts';
import { waitFor } from '../../support/waitFor.ts';

const REQUEST = { query: 'phone case', maxItems: 20 };

describe('a configuration that changes under a running worker', () => {
  const service = useTenants(['shop-a', 'shop-b'], { MIN_API_CALL_INTERVAL: '' });
  const write = (settings: object | string) =>
    service.files.write(
      service.files.configFile,
      typeof settings === 'string' ? settings : JSON.stringify(settings),
    );
  const store = () => new FleetStore(service.redis.connect(), '{ebay}');
  /** Until the one process runs what a version says. */
  const running = async (has: (backlogLimit: number | undefined) => boolean) =>
    waitFor('the version', async () => {
      const { version, document } = await store().read();
      const limit = document.settings?.value.search?.backlogLimit as number | undefined;
      return has(limit) && (await store().processes()).some((each) => each.version === version);
    });
  const gate = async (tenant: string) => {
    const opened = openEbay(service.config, quietLog(), { tenant });
    try {
      await waitFor('Redis', () => opened.redis.status === 'ready');
      return await opened.gate.read();
    } finally {
      opened.close();
    }
  };
  const search = async (tenant: string) => {
    await service.producer(tenant).ready();
    const { searchId } = await service.producer(tenant).enqueue(REQUEST);
    return service.producer(tenant).waitFor(searchId, { timeoutMs: 15_000 });
  };

  it('changes pace, limits, shares and log levels, for each tenant that has none of its own', async () => {
    // eBay's own count would correct a limit that it does not grant.
    for (const [clientId, limit] of [
      [DEMO_CREDENTIALS.clientId, 800],
      [credentialOf('shop-a').clientId, 70],
      [credentialOf('shop-b').clientId, 800],
    ] as const)
      service.simulator.controls.quota({ clientId, limit });
    service.files.declare({ 'shop-a': { minApiCallInterval: 3, dailyCallLimit: 70 }, 'shop-b': {} });
    write({
      pace: { minApiCallInterval: 2, dailyCallLimit: 800 },
      search: { backlogLimit: 7 },
      log: { level: 'error' },
    });
    await running((limit) => limit === 7);
    const paces = await Promise.all(
      ['default', 'shop-a', 'shop-b'].map((tenant) =>
        waitFor(`the pace of ${tenant}`, async () => {
          const { intervalMs, limit } = await gate(tenant);
          return intervalMs > 1000 && limit < 1000 && [intervalMs, limit];
        }),
      ),
    );
    expect(paces).to.deep.equal([
      [2000, 800],
      [3000, 70],
      [2000, 800],
    ]);
    const applied = () => service.log.split('configuration applied').length;
    const before = applied();
    write({ search: { backlogLimit: 8 }, log: { level: 'error' } });
    await running((limit) => limit === 8);
    expect(applied()).to.equal(before);
    expect(service.log).to.not.include('no longer served');
  });

  it('starts a tenant that appears, stops one that goes, and forgets nothing of what waits', async () => {
    service.files.declare({ 'shop-b': {} });
    await waitFor('the end of shop-a', () => /no longer served","tenant":"shop-a"/.test(service.log));
    await service.producer('shop-a').ready();
    const { searchId } = await service.producer('shop-a').enqueue(REQUEST);
    expect((await search('shop-b')).summary?.outcome).to.equal('complete');
    expect((await service.producer('shop-a').get(searchId)).state).to.equal('queued');
    service.files.declare({ 'shop-a': {}, 'shop-b': {} });
    const report = await service.producer('shop-a').waitFor(searchId, { timeoutMs: 15_000 });
    expect(report.summary?.outcome).to.equal('complete');
  });

  it('applies the schedules that a tenant’s declaration has by now', async () => {
    const schedules = [{ name: 'mine', every: 3600, request: REQUEST }];
    service.files.declare({ 'shop-a': { schedules }, 'shop-b': {} });
    await service.producer('shop-a').ready();
    const names = async () => (await service.producer('shop-a').schedule.list()).map(({ name }) => name);
    await waitFor('the schedule', async () => (await names()).includes('mine'));
    service.files.declare({ 'shop-a': { schedules: [] }, 'shop-b': {} });
    await waitFor('its end', async () => (await names()).length === 0);
  });

  it('is refused as a whole when anything in it is wrong, loudly, and nothing changes', async () => {
    write({ search: { backlogLimit: 9 } });
    await running((limit) => limit === 9);
    const { version } = await store().read();
    const wrong = [
      '{"search": {"backlogLimit": 10',
      JSON.stringify({ search: { backlogLimit: 11 }, pace: { minApiCallInterval: -1 } }),
      JSON.stringify({ search: { backlogLimit: 12 }, pase: {} }),
      JSON.stringify({ search: { backlogLimit: 13 }, pace: { backfillShare: 1 } }),
    ];
    for (const [place, text] of wrong.entries()) {
      write(text);
      await waitFor('the refusal', () => service.log.split('configuration refused').length > place + 1);
    }
    expect((await store().read()).version).to.equal(version);
    expect(service.log).to.match(/pase is not a setting; did you mean pace\?/);
    write({ search: { backlogLimit: 14 } });
    await running((limit) => limit === 14);
  });

  it('tells once what needs a restart, and changes the rest', async () => {
    write({ worker: { concurrency: 3 }, search: { backlogLimit: 9 } });
    await running((limit) => limit === 9);
    write({ worker: { concurrency: 3 }, search: { backlogLimit: 10 } });
    await running((limit) => limit === 10);
    expect(service.log.split('needs a restart').length).to.equal(2);
    expect(service.log).to.include('WORKER_CONCURRENCY');
  });

  it('disturbs no search, however often it changes, and no broken one is ever applied', async () => {
    const seen = new Set<number>();
    const searches = ['default', 'shop-a', 'shop-b'].map(async (tenant) => {
      const reports = [];
      for (let n = 0; n < 4; n += 1) reports.push(await search(tenant));
      return reports;
    });
    for (let n = 1; n <= 60; n += 1) {
      const pace = { minApiCallInterval: n % 2 === 0 ? 0.01 * (n % 3) : -1 };
      write({ search: { backlogLimit: 1000 + n }, pace });
      seen.add(Number((await store().read()).document.settings?.value.search?.backlogLimit ?? 1000));
    }
    await running((limit) => limit === 1060);
    const reports = (await Promise.all(searches)).flat();
    expect(reports.map(({ summary }) => summary?.outcome)).to.deep.equal(Array(12).fill('complete'));
    expect([...seen].filter((limit) => limit % 2 === 1)).to.deep.equal([]);
    expect(service.log).to.not.match(/no longer served|ran on a worker that died/);
  });

  it('is given back to a Redis that lost it', async () => {
    write({ search: { backlogLimit: 9 } });
    await running((limit) => limit === 9);
    const { version } = await store().read();
    await service.redis.connect().del('{ebay}:config');
    await waitFor('the version', async () => (await store().read()).version === version);
  });

  it('replaces an older version that Redis holds with its own, and goes on serving its tenants', async () => {
    write({ search: { backlogLimit: 9 } });
    await running((limit) => limit === 9);
    const { document, version } = await store().read();
    const older = { ...document, tenants: { at: Date.now(), value: {} } };
    expect(await store().publish(version, { version: version - 1, document: older })).to.equal(true);
    await waitFor('its own version', async () => (await store().read()).version === version);
    expect((await store().read()).document).to.deep.equal(document);
    // The process has looked at this version again once it reports the next one.
    write({ search: { backlogLimit: 10 } });
    await running((limit) => limit === 10);
    expect(service.log).to.not.include('no longer served');
  });

  it('publishes a change of its files on top of its own version while Redis holds an older one', async () => {
    write({ search: { backlogLimit: 9 } });
    await running((limit) => limit === 9);
    const { document, version } = await store().read();
    const older = { ...document, tenants: { at: Date.now(), value: {} } };
    expect(await store().publish(version, { version: version - 1, document: older })).to.equal(true);
    write({ search: { backlogLimit: 10 } });
    await running((limit) => limit === 10);
    const next = await store().read();
    expect(next.version).to.equal(version + 1);
    expect(next.document.tenants).to.deep.equal(document.tenants);
    expect(service.log).to.not.include('no longer served');
  });
});
