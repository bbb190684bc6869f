import { expect } from 'chai';
import { Value } from 'typebox/value';
import { openProducer } from '../../../src/app/producer.ts';
import { type PlanReport, PlanReportSchema } from '../../../src/product/planReport.ts';
import { SharedStore } from '../../../src/queue/watch/sharedStore.ts';
import { WatchStore } from '../../../src/queue/watch/watchlists/store.ts';
import { testConfig } from '../../support/config.ts';
import { useHttpService } from '../../support/httpService.ts';
import { storeLearned } from '../../support/learnedPlan.ts';

describe('the plan over HTTP', () => {
  const service = useHttpService({ DAILY_CALL_LIMIT: '400' });

  const addSchedule = (name: string, timing: object) =>
    service.call('POST', '/v1/schedules', {
      name,
      ...timing,
      request: { query: name, track: name, sort: 'newlyListed' },
    });

  it('is for keys that may read or schedule, and shows the key’s own tenant', async () => {
    await addSchedule('lamps', { auto: {} });
    for (const role of ['read', 'schedule'] as const) {
      const authorization = `Bearer ${await service.key([role])}`;
      const { status, json } = await service.call('GET', '/v1/plan', undefined, { authorization });
      expect(status).to.equal(200);
      expect(json.entries).to.have.length(1);
      const body = { add: { name: 'more', listings: 10 } };
      expect((await service.call('POST', '/v1/plan', body, { authorization })).status).to.equal(200);
    }
    const enqueue = { authorization: `Bearer ${await service.key(['enqueue'])}` };
    expect((await service.call('GET', '/v1/plan', undefined, enqueue)).status).to.equal(403);
    expect((await service.call('POST', '/v1/plan', {}, enqueue)).status).to.equal(403);
    const other = { authorization: `Bearer ${await service.key(['read'], 'acme')}` };
    expect((await service.call('GET', '/v1/plan', undefined, other)).json.entries).to.deep.equal([]);
  });

  it('says what is expected and measured, and answers what-ifs without changing anything', async () => {
    await addSchedule('lamps', { auto: {} });
    await addSchedule('mugs', { auto: { atLeastEvery: 3600 } });
    await addSchedule('clock', { every: 3600 });
    await storeLearned(service.redis, { lamps: 120, mugs: 12 });
    const { json } = await service.call('GET', '/v1/plan?calls=800');
    expect([...Value.Errors(PlanReportSchema, json)]).to.deep.equal([]);
    expect(json.totals).to.include({ limit: 400, scheduled: 360, fixed: 24, auto: 336 });
    const [clock, lamps] = json.entries;
    expect(clock).to.deep.include({ timing: 'every', callsPerDay: 24, measured: null, guarantee: null });
    expect(lamps.measured).to.include({ delay: 3600 });
    expect(json.calls).to.include({ limit: 800, auto: 696 });
    expect(json.calls.meanDelay.after).to.be.below(json.calls.meanDelay.before);

    const add = [
      { name: 'cups', every: 1800, request: { query: 'cup' } },
      {
        name: 'mugs',
        auto: { atLeastEvery: 600 },
        request: { query: 'mugs', track: 'mugs', sort: 'newlyListed' },
      },
    ];
    const answer = await service.call('POST', '/v1/plan', { add, calls: 800 });
    expect(answer.json.add.added.map(({ name }: { name: string }) => name)).to.deep.equal(['cups', 'mugs']);
    expect(answer.json.add.entries.map(({ name }: { name: string }) => name)).to.deep.equal(['lamps']);
    expect(answer.json.add.meanDelay.after).to.be.above(answer.json.add.meanDelay.before);
    expect(answer.json.calls).to.deep.equal(json.calls);
    const { schedules } = (await service.call('GET', '/v1/schedules')).json;
    expect(schedules.map(({ name }: { name: string }) => name)).to.deep.equal(['clock', 'lamps', 'mugs']);
  });

  it('stays within the budget of the tenant', async () => {
    const config = testConfig({ DAILY_CALL_LIMIT: '400', TENANT_DAILY_CALLS: '100' });
    const producer = openProducer(config, { redis: service.redis });
    const { totals } = await producer.plan();
    expect(totals).to.include({ limit: 400, scheduled: 100, auto: 100 });
    await producer.close();
  });

  it('has watchlists beside schedules, also before any worker has looked at them', async () => {
    const entries = Array.from({ length: 50 }, (_, index) => String(110_000_000_000 + index));
    await service.call('POST', '/v1/watchlists', { name: 'stock', value: 2, entries });
    const { entries: shown, totals } = (await service.call('GET', '/v1/plan')).json;
    expect(shown[0]).to.include({
      name: 'stock',
      kind: 'watchlist',
      what: '50 listings',
      value: 2,
      assumed: true,
    });
    expect(shown[0].guarantee.every).to.equal(21_600);
    expect(shown[0].callsPerDay).to.be.closeTo(totals.planned, 0.1);
    // The first looks at new listings follow one another quickly. The plan is about the time after them.
    const store = new WatchStore(service.redis, '{ebay}', 'default');
    const { change } = (await store.get('stock')) as { change: number };
    const group = { id: 'new', kind: 'new' as const, listings: 50, calls: 10, isMeasured: true };
    await store.writeGroups('stock', { change, sequence: 1, groups: [group] }, [], 60_000);
    const { totals: later } = (await service.call('GET', '/v1/plan')).json;
    expect(later.guaranteed).to.be.closeTo(40, 0.1);
  });

  const wrong: Array<[what: string, method: string, path: string, body: unknown, paths: string[]]> = [
    ['a limit of 0', 'GET', '/v1/plan?calls=0', undefined, ['calls']],
    ['a limit that is no number', 'GET', '/v1/plan?calls=many', undefined, ['calls']],
    ['an unknown parameter', 'GET', '/v1/plan?call=1', undefined, ['call']],
    ['no body', 'POST', '/v1/plan', undefined, ['']],
    ['a list as a body', 'POST', '/v1/plan', [], ['']],
    ['an unknown field', 'POST', '/v1/plan', { add: { name: 'a', listings: 1 }, more: 1 }, ['more']],
    ['nothing to add', 'POST', '/v1/plan', { add: [] }, ['add']],
    [
      'wrong fields',
      'POST',
      '/v1/plan',
      {
        calls: 0.5,
        add: [
          { name: 'a', listings: 0 },
          { name: 'B', every: 60, request: { query: 'b' } },
        ],
      },
      ['calls', 'add.0.listings', 'add.1.name'],
    ],
    [
      'the same name twice',
      'POST',
      '/v1/plan',
      {
        add: [
          { name: 'a', listings: 1 },
          { name: 'a', listings: 2 },
        ],
      },
      ['add.1.name'],
    ],
  ];
  it('names every field that is wrong', async () => {
    for (const [what, method, path, body, paths] of wrong) {
      const { status, json } = await service.call(method, path, body);
      expect(status, what).to.equal(400);
      expect(
        json.errors.map((error: { path: string }) => error.path),
        what,
      ).to.deep.equal(paths);
    }
    const foreign = { add: { name: 'a', every: 60, request: { query: 'a', tenant: 'other' } } };
    expect((await service.call('POST', '/v1/plan', foreign)).status).to.equal(404);
  });

  it('is part of the description of the API', async () => {
    const { paths } = (await service.call('GET', '/docs/json')).json;
    expect(Object.keys(paths['/v1/plan'])).to.have.members(['get', 'post']);
    expect(paths['/v1/plan'].get.description).to.include('read or schedule');
    const { schema } = paths['/v1/plan'].get.responses['200'].content['application/json'];
    expect(schema.properties).to.include.keys('totals', 'entries', 'warnings', 'drop');
  });
});

describe('the plan with shared calls', () => {
  const service = useHttpService({ DAILY_CALL_LIMIT: '400', PLAN_SHARED_CALLS: 'true' });

  it('counts a call that two schedules share once, half for each', async () => {
    for (const name of ['lamps', 'mugs', 'alone'])
      await service.call('POST', '/v1/schedules', {
        name,
        auto: {},
        request: { query: name, track: name, sort: 'newlyListed' },
      });
    const group = { id: 'abcdef012345', key: 'k', members: ['lamps', 'mugs', 'removed'] };
    await new SharedStore(service.redis, '{ebay}', 'default').putGroups([group]);
    await storeLearned(service.redis, { lamps: 120, mugs: 12, alone: 12 });
    const { entries, totals } = (await service.call('GET', '/v1/plan')).json as PlanReport;
    const [alone, lamps, mugs] = entries;
    expect(lamps?.callsPerDay).to.equal(mugs?.callsPerDay);
    expect(lamps?.delay?.expected).to.equal(mugs?.delay?.expected);
    expect(lamps?.callsPerLook).to.equal(0.5);
    expect(alone?.callsPerLook).to.equal(1);
    expect(entries.reduce((sum, { callsPerDay }) => sum + callsPerDay, 0)).to.be.closeTo(totals.planned, 0.5);
    expect(totals.guaranteed).to.be.closeTo(2, 0.01);
  });
});

describe('the page of the plan', () => {
  const service = useHttpService({ HTTP_WITHOUT_KEYS: 'true', DAILY_CALL_LIMIT: '400' });
  const page = async (path: string) => {
    const answer = await fetch(`${service.app.url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  it('says what to do first, and is linked from the page of what is watched', async () => {
    const { status, text } = await page('/plan');
    expect(status).to.equal(200);
    expect(text).to.include('No schedules and no watchlists yet.');
    await service.call('POST', '/v1/schedules', { name: 'lamps', every: 3600, request: { query: 'lamps' } });
    expect((await page('/watching')).text).to.include('<a href="/plan">');
  });

  it('shows schedules with what is expected and measured, and what another limit would bring', async () => {
    const request = { query: '<b>lamps</b>', track: 'lamps', sort: 'newlyListed' };
    await service.call('POST', '/v1/schedules', { name: 'lamps', auto: {}, request });
    await storeLearned(service.redis, { lamps: 120 });
    const { text } = await page('/plan?calls=%20800');
    expect(text).to.include(
      '<a href="/watching#schedule-lamps">lamps</a><small>&lt;b&gt;lamps&lt;/b&gt;</small>',
    );
    expect(text).to.match(/data-label="Measured">60 min, 12 calls a day \([\d,]+ changes\)/);
    expect(text).to.match(/data-label="With 800 calls">[\d.]+ (min|s) → [\d.]+ (min|s)/);
    expect(text).to.include('With 800 calls a day, 720 are left for automatic looks; mean delay');
    expect(text).to.include('value="800"');
  });

  it('shows a wrong limit with what is allowed, and the plan as it is', async () => {
    const { status, text } = await page('/plan?calls=0');
    expect(status).to.equal(400);
    expect(text).to.match(/id="calls-problem">Enter a whole number from 1 to 1,000,000\.</);
    expect(text).to.include('aria-describedby="calls-problem"').and.to.include('value="0"');
    expect((await page('/plan?calls=%3Cscript%3E')).text).not.to.include('<script>');
  });
});
