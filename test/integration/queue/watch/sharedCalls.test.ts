import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { PageCall } from '../../../../src/collector/collector.ts';
import { Failure } from '../../../../src/failures.ts';
import type { Product } from '../../../../src/product/product.ts';
import type { QueueContext } from '../../../../src/queue/search/context.ts';
import { PlanStore } from '../../../../src/queue/watch/planStore.ts';
import { SharedLooks } from '../../../../src/queue/watch/sharedLooks.ts';
import { type SharedLook, SharedStore } from '../../../../src/queue/watch/sharedStore.ts';
import type { Look, LookReport } from '../../../../src/queue/watch/unit.ts';
import { allEvents } from '../../../support/events.ts';
import { around, usePause } from '../../../support/pause.ts';
import { connectTo } from '../../../support/redis.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

const HOUR_MS = 3_600_000;
const WORDS = 'alba bravo cedar delta elk fjord gamma hazel iris juniper kilo lemon'.split(' ');

describe('auto schedules that share calls', function () {
  this.timeout(20_000);
  const pages = usePause<PageCall>();
  let context: QueueContext;
  let freshFrom = 0;
  let failure: Failure | undefined;
  const service = useService(
    // The planner of the worker has its only round before there is a schedule: the looks are those of the test.
    { PLAN_SHARED_CALLS: 'true', PLAN_INTERVAL: '3600', SCHEDULE_MIN_INTERVAL: '1' },
    { catalogueScale: 0.001 },
    {
      adapt: (own) => {
        context = {
          ...own,
          collector: around(own.collector, {
            async collectPage(call) {
              await pages.pass(call);
              if (failure !== undefined) throw failure;
              const answer = await own.collector.collectPage(call);
              // What was listed before is two hours older for the service.
              const age = ({ listedAt }: Product) =>
                Date.parse(listedAt ?? '') < freshFrom ? 2 * HOUR_MS : 0;
              const products = answer.products.map((each) => ({
                ...each,
                listedAt: new Date(Date.parse(each.listedAt ?? '') - age(each)).toISOString(),
              }));
              return { ...answer, products };
            },
          }),
        };
        return context;
      },
    },
  );
  let redis: Redis;
  let looks: SharedLooks;
  let number = 0;
  beforeEach(() => {
    freshFrom = 0;
    failure = undefined;
    redis = connectTo(service.config.redis.url);
    looks = new SharedLooks(context, 1000);
  });
  afterEach(() => redis.disconnect());

  /** By item id. */
  const titles = new Map<string, string>();
  const list = (title: string): string => {
    const itemId = service.simulator.controls.addListing({ title, price: '9.99' });
    titles.set(itemId, title);
    return itemId;
  };
  const request = (query: string, change: object = {}) => ({
    query,
    sort: 'newlyListed' as const,
    track: query,
    ...change,
  });
  const ended = (searchId: string) => service.producer.waitFor(searchId, { timeoutMs: 15_000 });
  const runNow = async (name: string) => ended((await service.producer.schedule.runNow(name)).searchId);
  /** Schedules, one for each word, whose first search has ended. */
  async function schedules(words = WORDS, change: object = {}): Promise<void> {
    for (const word of words) {
      for (const title of [`One ${word}`, `${word}, two`]) list(title);
      await service.producer.schedule.add({ name: word, auto: {}, request: request(word, change) });
    }
    await Promise.all(words.map(runNow));
    service.simulator.controls.clearLog();
  }
  async function begin(): Promise<Look & { names: string[] }> {
    const [unit, ...others] = await looks.units();
    if (unit === undefined) throw new Error('no group');
    expect(others).to.deep.equal([]);
    number += 1;
    const look = { unit: unit.id, number, at: Date.now() };
    expect(await looks.begin(look)).to.equal('begun');
    return { ...look, names: unit.flows.map(({ flow }) => flow) };
  }
  const reports = async (unit: string): Promise<LookReport[]> =>
    (await new PlanStore(redis, '{ebay}', 'default').peek()).reports.filter((report) => report.unit === unit);
  const reportOf = (look: Look) =>
    waitFor('the report of the look', async () =>
      (await reports(look.unit)).find((report) => report.number === look.number),
    );
  const queries = () => service.simulator.controls.log({ kind: 'search' }).map(({ query }) => query.q);
  const searched = ({ at }: Look, name: string) => ended(`look_${name}_${at}`);
  /** Titles of new products, by schedule; they are published after the report. */
  const news = (count: number) =>
    waitFor(`${count} new products`, async () => {
      const found = (await allEvents(redis)).flatMap((event) =>
        event.type === 'product.new' ? [`${event.schedule}: ${titles.get(event.product.itemId)}`] : [],
      );
      return found.length >= count ? found.toSorted() : undefined;
    });

  it('ask once for all of them, and each has the products, events and summary of a search of its own', async () => {
    await schedules();
    const fresh = ['bravo', 'elk', 'lemon', 'lemon'].map((word, index) => ({
      word,
      title: `New ${word} ${index}`,
    }));
    for (const { title } of fresh) list(title);
    const look = await begin();
    expect(look.names.toSorted()).to.deep.equal(WORDS);
    const report = await reportOf(look);
    expect(queries()).to.deep.equal([`(${WORDS.join(', ')})`]);
    expect(report).to.include({ calls: 1, complete: true });
    const changes = new Map(report.flows.map(({ flow, changes: seen }) => [flow, seen]));
    for (const word of WORDS)
      expect(changes.get(word), word).to.equal(fresh.filter((each) => each.word === word).length);
    expect(await news(fresh.length)).to.deep.equal(fresh.map(({ word, title }) => `${word}: ${title}`));
    const owns = await Promise.all(WORDS.map(runNow));
    for (const [index, word] of WORDS.entries()) {
      const shared = await searched(look, word);
      expect(shared.summary).to.include({ outcome: 'complete', calls: 0, pages: 1 });
      const own = owns[index];
      const idsOf = async (id: string) =>
        (await service.producer.products(id)).map(({ itemId, rank }) => [itemId, rank]);
      expect(await idsOf(shared.searchId)).to.deep.equal(await idsOf(own?.searchId ?? ''));
    }
    // Nothing is said of the search that no caller asked for.
    expect((await allEvents(redis)).filter(({ searchId }) => searchId.startsWith('shared_'))).to.deep.equal(
      [],
    );
    expect(await news(fresh.length)).to.have.length(fresh.length);
  });

  it('make calls of their own where a busy one fills the answer, and miss nothing', async () => {
    await schedules(['maple', 'nectar', 'olive']);
    list('New maple');
    for (let index = 0; index < 210; index += 1) list(`New nectar ${index}`);
    const look = await begin();
    const { calls } = await reportOf(look);
    expect(queries().toSorted()).to.deep.equal(['(maple, nectar, olive)', 'maple', 'nectar', 'olive']);
    expect(calls).to.equal(4);
    const found = await news(201);
    expect(new Set(found).size).to.equal(201);
    expect(found).to.include('maple: New maple');
  });

  it('are searched for only where the answer has news for them', async () => {
    for (let index = 0; index < 120; index += 1)
      for (const word of ['umber', 'viola']) list(`${word} ${index}`);
    freshFrom = Date.now() + 1;
    await schedules(['umber', 'viola', 'wicker']);
    const changed = list('Wicker for less');
    await runNow('wicker');
    service.simulator.controls.clearLog();
    list('New umber');
    service.simulator.controls.changeListing(changed, { price: '5.00' });
    const look = await begin();
    const report = await reportOf(look);
    expect(report).to.include({ calls: 1, complete: true });
    const changes = report.flows.map(({ flow, changes: seen }) => `${flow} ${seen}`);
    expect(changes.toSorted()).to.deep.equal(['umber 1', 'viola 0', 'wicker 1']);
    expect(await news(2)).to.deep.equal(['umber: New umber', 'wicker: Wicker for less']);
    const searches = ['umber', 'viola', 'wicker'].map((name) =>
      service.searches.getJob(`look_${name}_${look.at}`),
    );
    expect((await Promise.all(searches)).map((job) => job !== undefined)).to.deep.equal([true, false, true]);
  });

  it('make a call of their own where eBay may find something by another word than theirs', async () => {
    await schedules(['alba', 'bravo', 'tulip']);
    list('Two tulips');
    const look = await begin();
    expect(await reportOf(look)).to.include({ calls: 2 });
    expect(queries()).to.deep.equal(['(alba, bravo, tulip)', 'tulip']);
    expect(await news(1)).to.deep.equal(['tulip: Two tulips']);
  });

  it('leave the group where their own answers are not explained by their word, and where they change', async () => {
    for (const title of ['Two ferns', 'Three ferns']) list(title);
    await schedules(['acorn', 'birch', 'fern', 'daisy']);
    const [unit] = await looks.units();
    expect(unit?.flows.map(({ flow }) => flow).toSorted()).to.deep.equal(['acorn', 'birch', 'daisy']);
    await service.producer.schedule.pause('acorn');
    const changed = { name: 'birch', auto: {}, request: request('birch', { maxItems: 5 }) };
    await service.producer.schedule.add(changed, { replace: true });
    expect(await looks.units()).to.deep.equal([]);
    await runNow('birch');
    expect((await looks.units())[0]?.flows.map(({ flow }) => flow).toSorted()).to.deep.equal([
      'birch',
      'daisy',
    ]);
  });

  it('are left out of a look under way that they were removed, paused or changed in', async () => {
    await schedules(WORDS.slice(0, 5));
    for (const word of WORDS.slice(0, 5)) list(`New ${word}`);
    pages.hold();
    const look = await begin();
    await waitFor('the call', () => pages.waiting === 1);
    expect(await looks.isUnderWay(look)).to.equal(true);
    const [removed = '', paused = '', changed = '', smaller = '', other = ''] = WORDS;
    await service.producer.schedule.remove(removed);
    await service.producer.schedule.pause(paused);
    const replace = (name: string, search: ReturnType<typeof request>) =>
      service.producer.schedule.add({ name, auto: {}, request: search }, { replace: true });
    await replace(changed, request('quince', { track: changed }));
    await replace(smaller, request(smaller, { maxItems: 5 }));
    pages.release();
    const report = await reportOf(look);
    expect(report.complete).to.equal(true);
    expect(report.flows.map(({ flow }) => flow)).to.deep.equal([other]);
    expect(await news(1)).to.deep.equal([`${other}: New ${other}`]);
    expect(await looks.isUnderWay(look)).to.equal(false);
  });

  it('are searched for by the next planner where the worker of the shared call died before it added their searches', async () => {
    await schedules(['alba', 'bravo', 'cedar']);
    for (const word of ['alba', 'cedar']) list(`New ${word}`);
    const { sharing } = context;
    // A worker that knows nothing of shared calls.
    delete context.sharing;
    const look = await begin();
    await ended(`shared_${look.unit.slice(7)}_${look.at}`);
    expect(await looks.isUnderWay(look)).to.equal(false);
    Object.assign(context, { sharing });
    const next = new SharedLooks(context, 1000);
    expect(await next.begin(look)).to.equal('begun');
    expect(await next.begin(look)).to.equal('begun');
    expect(await reportOf(look)).to.include({ calls: 1, complete: true });
    expect(await next.begin(look)).to.equal('begun');
    expect(queries()).to.have.length(1);
    expect(await news(2)).to.deep.equal(['alba: New alba', 'cedar: New cedar']);
    expect(new Set((await reports(look.unit)).map(({ number: each }) => each)).size).to.equal(1);
  });

  it('make calls of their own where eBay refuses the shared one', async () => {
    // Answers of theirs that would do for other searches are there.
    await schedules(['alba', 'bravo'], { maxAge: 3600 });
    list('New alba');
    service.simulator.controls.arm({ fault: 'status', status: 400, errorId: 12023, count: 1 });
    const look = await begin();
    expect(await reportOf(look)).to.include({ calls: 3, complete: true });
    expect(queries().toSorted()).to.deep.equal(['(alba, bravo)', 'alba', 'bravo']);
    expect(await news(1)).to.deep.equal(['alba: New alba']);
  });

  it('end the look that they belong to, where another group has one of the same time', async () => {
    const shared = new SharedStore(redis, '{ebay}', 'default');
    const at = 1_700_000_000_000;
    const begin = async (group: string, members: string[], time: number) => {
      const look: SharedLook = { group, at: time, number: 1, members };
      await shared.begin(look, HOUR_MS);
      await shared.share(look, { calls: 1, observedAt: time });
    };
    const end = (name: string) =>
      shared.end(name, at, { calls: 0, flow: { flow: name, changes: 0, times: [] } });
    await begin('one', ['tripod', 'hammock'], at);
    await begin('two', ['lantern', 'kettle'], at);
    await end('hammock');
    // The next look of the other group, which it has joined meanwhile.
    await begin('two', ['tripod', 'lantern', 'kettle'], at + 300_000);
    const report = await end('tripod');
    expect(report?.flows.map(({ flow }) => flow)).to.have.members(['tripod', 'hammock']);
  });

  it('end a look that began before they came into another group', async () => {
    const shared = new SharedStore(redis, '{ebay}', 'default');
    const lookOf = (letter: string, at: number): SharedLook => ({
      group: letter.repeat(12),
      at,
      number: 7,
      members: [letter, 'alba'],
    });
    const [early, late] = [lookOf('a', Date.now()), lookOf('b', Date.now() + 1)];
    for (const look of [early, late]) {
      await shared.begin(look, HOUR_MS);
      await shared.share(look, { calls: 1, observedAt: look.at });
    }
    const end = { calls: 2, flow: null };
    expect(await shared.end('a', early.at, end)).to.equal(undefined);
    expect(await shared.end('alba', early.at, end)).to.include({ unit: `shared:${early.group}`, calls: 5 });
    expect(await shared.end('alba', late.at, end)).to.equal(undefined);
    expect(await shared.end('b', late.at, end)).to.include({ unit: `shared:${late.group}`, calls: 5 });
  });

  it('make no calls of their own where eBay cannot be reached: the look has failed', async () => {
    await schedules(['alba', 'bravo']);
    failure = new Failure('ebay-unreachable', 'no answer', { attempts: 1 });
    const look = await begin();
    expect(await reportOf(look)).to.include({ complete: false });
    failure = undefined;
    // A planner that takes over comes to the same end.
    expect(await new SharedLooks(context, 1000).begin(look)).to.equal('begun');
    expect(await service.searches.getJob(`look_alba_${look.at}`)).to.equal(undefined);
    expect(queries()).to.deep.equal([]);
  });
});

describe('the planner with shared calls', function () {
  this.timeout(30_000);
  const service = useService(
    {
      PLAN_SHARED_CALLS: 'true',
      PLAN_INTERVAL: '0.02',
      PLAN_DAY: '600',
      SCHEDULE_MIN_INTERVAL: '0.05',
      DAILY_CALL_LIMIT: '100000',
    },
    { catalogueScale: 0.001 },
  );

  it('looks at each schedule by itself first, and then at all of them with one call', async () => {
    const words = WORDS.slice(0, 6);
    for (const word of words) service.simulator.controls.addListing({ title: word, price: '9.99' });
    const auto = { atLeastEvery: 1, atMostEvery: 0.5 };
    for (const query of words) {
      const request = { query, sort: 'newlyListed' as const, track: query };
      await service.producer.schedule.add({ name: query, auto, request });
    }
    const queries = () => service.simulator.controls.log({ kind: 'search' }).map(({ query }) => query.q);
    const whole = `(${words.join(', ')})`;
    const looks = (count: number) =>
      waitFor(`${count} shared looks`, () => queries().filter((query) => query === whole).length >= count);
    await looks(2);
    for (const word of words) expect(queries()).to.include(word);
    // Listed before the next look: found by the shared call.
    service.simulator.controls.clearLog();
    service.simulator.controls.addListing({ title: `New ${words[0]}`, price: '9.99' });
    await looks(3);
    expect(queries().filter((query) => query !== whole)).to.deep.equal([]);
    const redis = connectTo(service.config.redis.url);
    const found = await waitFor('the new listing', async () =>
      (await allEvents(redis)).find(({ type }) => type === 'product.new'),
    ).finally(() => redis.disconnect());
    expect(found).to.include({ schedule: words[0] });
  });
});
