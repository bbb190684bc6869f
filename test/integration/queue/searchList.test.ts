import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import type { FoundSearch, SearchListQuery } from '../../../src/queue/searchList.ts';
import { testConfig } from '../../support/config.ts';
import { LONG } from '../../support/long.ts';
import { monitor } from '../../support/monitor.ts';
import { useRedis } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { BREAKAGES } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

/** All parts of a list, one after the other. */
async function readAll(producer: SearchProducer, query: SearchListQuery): Promise<FoundSearch[]> {
  const found: FoundSearch[] = [];
  for (let cursor: string | undefined; ; ) {
    const { searches, next } = await producer.list({ ...query, cursor });
    found.push(...searches);
    if (next === null) return found;
    cursor = next;
  }
}

const idsOf = (searches: readonly FoundSearch[]) => searches.map(({ searchId }) => searchId);

/** Far more than one part of the list looks at. */
const KEPT = LONG ? 10_000 : 3000;

describe('the list of searches while they run', function () {
  this.timeout(90_000);
  const service = useService();

  it('has each search once, whatever state it goes through between two parts', async () => {
    const { producer } = service;
    const request = (n: number) => ({ query: `led strip ${n}`, maxItems: 1 });
    const known: string[] = [];
    const add = async (from: number, to: number) => {
      const requests = Array.from({ length: to - from }, (_, n) => request(from + n));
      known.push(...(await producer.enqueueMany(requests)).map(({ searchId }) => searchId));
    };
    await add(0, 60);
    let readings = 0;
    let moved = 0;
    for (let isOver = false; !isOver; readings++) {
      const before = [...known];
      const [searches] = await Promise.all([
        readAll(producer, { limit: 15 }),
        readings < 5 ? add(known.length, known.length + 12) : undefined,
      ]);
      const ids = idsOf(searches);
      expect(ids, 'doubled').to.have.lengthOf(new Set(ids).size);
      expect(
        before.filter((id) => !ids.includes(id)),
        'missing',
      ).to.deep.equal([]);
      const times = searches.map(({ addedAt }) => addedAt);
      expect(times).to.deep.equal(times.toSorted().reverse());
      moved += new Set(searches.map(({ state }) => state)).size > 1 ? 1 : 0;
      isOver = known.length === 120 && searches.every(({ state }) => state === 'done');
    }
    expect(moved, 'readings with searches in several states').to.be.above(0);

    const plain = await service.searches.getJobs(['completed', 'failed']);
    const searches = await readAll(producer, { limit: 200 });
    expect(idsOf(searches)).to.have.members(plain.map(({ id }) => id as string));
    for (const search of searches.slice(0, 5)) {
      const { state, summary, progress } = await producer.get(search.searchId);
      expect(search).to.include({ state, outcome: summary?.outcome, calls: summary?.calls, progress: null });
      expect(search.products).to.equal(summary?.counts.products);
      expect([search.startedAt, search.finishedAt]).to.deep.equal([summary?.startedAt, summary?.finishedAt]);
      // What has ended waits for nothing.
      expect(progress).to.include({ state: 'done' });
    }
  });

  it('says who asked, why one waits, and what failed', async () => {
    const { producer } = service;
    const { searchId: byLibrary } = await service.search({ query: 'usb c hub', maxItems: 5 });
    const askedBy = { via: 'cli' } as const;
    const { searchId: byCli } = await producer.enqueue({ query: 'yoga mat', maxItems: 5 }, { askedBy });
    const foreign = await service.searches.add('search', { query: 'desk lamp', maxItems: 5 });
    await producer.schedule.add({ name: 'drones', every: 86_400, request: { query: 'drone', maxItems: 5 } });
    const ended = (count: number) =>
      waitFor('all of them', async () => {
        const all = await readAll(producer, {});
        return all.length >= count && all.every(({ state }) => state === 'done') ? all : undefined;
      });
    await ended(4);
    service.simulator.controls.arm({ fault: 'status', status: 400, on: { endpoint: 'search' }, count: 1 });
    const { searchId: wrong } = await service.search({ query: 'garden gnome' });
    const searches = await ended(5);
    const of = (id: string) => searches.find(({ searchId }) => searchId === id);
    expect(of(byLibrary)?.caller).to.deep.equal({ kind: 'library', key: null, name: null });
    expect(of(byCli)).to.deep.include({ title: 'yoga mat', marketplaces: ['EBAY_US'], error: null });
    expect(of(byCli)?.caller.kind).to.equal('cli');
    expect(of(foreign.id as string)?.caller.kind).to.equal('unknown');
    expect((await producer.list({ caller: 'drones' })).searches.map(({ title }) => title)).to.include(
      'drone',
    );
    const failed = await producer.list({ outcome: 'failed' });
    expect(idsOf(failed.searches)).to.deep.equal([wrong]);
    expect(failed.searches[0]).to.deep.include({ outcome: 'failed', products: 0, calls: 1 });
    expect(failed.searches[0]?.error?.code).to.equal('ebay-refused');

    service.simulator.controls.arm({ fault: 'status', status: 500, on: { endpoint: 'search' } });
    const { searchId: repeated } = await producer.enqueue({ query: 'tent' });
    const waiting = await waitFor('an attempt that failed', async () => {
      const [search] = (await producer.list({ text: repeated, state: 'under-way' })).searches;
      return search?.progress?.attempt === undefined ? undefined : search;
    });
    expect(waiting.progress).to.include({ reason: 'ebay-server-error', attempts: 5 });
    await producer.cancel(repeated);
  });
});

describe('the list of searches', function () {
  this.timeout(60_000);
  const server = useRedis();
  let redis: Redis;
  let producer: SearchProducer;
  let queue: Queue;
  beforeEach(async () => {
    redis = server.connect();
    producer = openProducer(testConfig({ REDIS_URL: server.url }));
    await producer.ready();
    queue = new Queue('ebay-search', { connection: redis, prefix: '{ebay}' });
  });
  afterEach(async () => {
    await queue.close();
    await producer.close();
  });

  /** Ended jobs as BullMQ keeps them. They were added one after the other and ended in another order. */
  async function keep(count: number): Promise<void> {
    const now = Date.now();
    for (let from = 0; from < count; from += 1000) {
      const pipeline = redis.pipeline();
      for (let n = from; n < Math.min(count, from + 1000); n++) {
        const id = `s_${n.toString(16).padStart(32, '0')}`;
        const addedAt = now - 10_000_000 + n * 100;
        const finishedOn = now - ((n * 7919) % count) * 100;
        const at = new Date(finishedOn).toISOString();
        const counts = { products: n };
        const summary = { outcome: 'complete', calls: 1, counts, missing: [], startedAt: at, finishedAt: at };
        pipeline.hset(queue.toKey(id), {
          name: 'search',
          data: JSON.stringify({ query: `thing ${n}` }),
          opts: '{}',
          timestamp: addedAt,
          processedOn: addedAt + 5,
          finishedOn,
          returnvalue: JSON.stringify(summary),
        });
        pipeline.zadd(queue.toKey('completed'), finishedOn, id);
      }
      await pipeline.exec();
    }
  }

  /** Commands that cross the network, and all that Redis does for them. */
  async function costOf(work: () => Promise<unknown>): Promise<{ sent: number; done: number }> {
    const cost = { sent: 0, done: 0 };
    let isMarked = false;
    const stop = await monitor(redis.options, ({ words: [name], isInScript }) => {
      isMarked ||= name === 'echo';
      if (isMarked) return;
      cost.done++;
      if (!isInScript) cost.sent++;
    });
    await work();
    await redis.echo('end');
    await waitFor('the last command', () => isMarked);
    stop();
    return cost;
  }

  it(`costs the same for a page of ${KEPT} kept jobs and of 100, at its beginning and in its middle`, async () => {
    await keep(100);
    await producer.enqueue({ query: 'lamp' });
    await producer.list();
    const few = await costOf(() => producer.list());
    await keep(KEPT);
    await redis.del('{ebay}:searches:default');
    await producer.list();
    let next: string | null = null;
    const first = await costOf(async () => {
      ({ next } = await producer.list());
    });
    expect(first.sent, JSON.stringify({ few, first })).to.be.at.most(few.sent);
    expect(first.done).to.be.at.most(few.done + 10);
    const { searches } = await producer.list({ cursor: next as unknown as string, limit: 200 });
    expect(searches.map(({ title }) => title)).to.deep.equal(
      Array.from({ length: 200 }, (_, n) => `thing ${KEPT - 50 - n}`),
    );
    const deep = await producer.list({
      since: new Date(Date.now() - 9_990_000).toISOString(),
      // So far that one part does not reach it.
      text: `thing ${KEPT / 2 - 500}`,
    });
    expect(deep.searches).to.deep.equal([]);
    expect(deep.next).to.be.a('string');
    const cursor = Buffer.from(
      `${String(Date.now() - 10_000_000 + KEPT * 50).padStart(15, '0')}:s_`,
    ).toString('base64url');
    const middle = await costOf(() => producer.list({ cursor }));
    expect(middle.sent).to.be.at.most(few.sent);
    expect(middle.done).to.be.at.most(few.done + 10);
  });

  it('gets past a thousand jobs that are gone in a few steps, also for a part of one search', async () => {
    await keep(1000);
    await producer.enqueue({ query: 'newest lamp' });
    const { next } = await producer.list({ limit: 1 });
    const gone = await redis.zrange(queue.toKey('completed'), '0', '-1');
    const left = gone.splice(gone.indexOf(`s_${'0'.repeat(32)}`), 1);
    await redis.unlink(gone.map((id) => queue.toKey(id)));
    await redis.zrem(queue.toKey('completed'), ...gone);
    let found: string[] = [];
    const { sent } = await costOf(async () => {
      found = idsOf((await producer.list({ limit: 1, cursor: next as string })).searches);
    });
    expect(found).to.deep.equal(left);
    expect(sent).to.be.at.most(60);
  });

  it('shows what it can of the jobs of other programs, and all others beside them', async () => {
    const good: string[] = [];
    const broken: string[] = [];
    for (const damage of Object.values(BREAKAGES)) {
      good.push((await producer.enqueue({ query: 'good lamp' })).searchId);
      const { id = '' } = await queue.add('search', { query: 'lamp' });
      await damage(redis, queue.toKey(id));
      broken.push(id);
    }
    await queue.add('other', { anything: [1] }, { jobId: 'other' });
    await queue.add('search', { query: 'x'.repeat(200_000) }, { jobId: 'large' });
    await queue.add('search', ['no', 'object'] as never, { jobId: 'list' });
    await queue.add('search', { query: 'long id' }, { jobId: 'i'.repeat(5000) });
    await queue.add('search', { query: 'last' }, { jobId: 'percent%s\u2028', askedBy: '<b>' } as never);
    await redis.lpush(queue.toKey('wait'), 'meta', 'gone');
    const searches = await readAll(producer, { limit: 3 });
    const ids = idsOf(searches);
    expect(ids).to.include.members([...good, 'other', 'large', 'list', 'percent%s\u2028']);
    expect(ids).to.have.lengthOf(new Set(ids).size);
    expect(ids.filter((id) => ![...good, ...broken].includes(id))).to.have.lengthOf(4);
    const titles = new Map(searches.map(({ searchId, title }) => [searchId, title]));
    expect([titles.get('other'), titles.get('large'), titles.get('list')]).to.deep.equal([null, null, null]);
    expect(titles.get(good[0] as string)).to.equal('good lamp');
    // Something else in the place of the index, or of the events that it follows.
    await redis.set('{ebay}:searches:default', 'nonsense');
    expect(idsOf(await readAll(producer, {}))).to.have.members(ids);
    await redis.del(queue.toKey('events'));
    await redis.set(queue.toKey('events'), 'nonsense');
    expect(idsOf(await readAll(producer, {}))).to.have.members(ids);
    await redis.del(queue.toKey('events'));
  });

  it('has what was added while its events were cut, and not what is gone', async () => {
    const before = (await producer.enqueue({ query: 'before' })).searchId;
    expect(idsOf((await producer.list()).searches)).to.deep.equal([before]);
    const after = (await producer.enqueue({ query: 'after' })).searchId;
    await redis.xtrim(queue.toKey('events'), 'MAXLEN', 1);
    await (await queue.getJob(before))?.remove();
    expect(idsOf((await producer.list()).searches)).to.deep.equal([after]);
    // The same id again, at another time.
    await (await queue.getJob(after))?.remove();
    await queue.add('search', { query: 'again' }, { jobId: after, timestamp: Date.now() - 5000 });
    expect((await producer.list()).searches.map(({ title }) => title)).to.deep.equal(['again']);
  });

  it('is filtered by words, caller, state and age, and names every wrong parameter', async () => {
    const askedBy = { via: 'http', key: '0123456789' } as const;
    await redis.hset('{ebay}:api-keys', '0123456789', JSON.stringify({ name: 'Shop' }));
    const { searchId } = await producer.enqueue({ query: 'Red USB lamp' }, { askedBy });
    // Searches of one millisecond have no order that a caller could rely on.
    const { timestamp = 0 } = (await queue.getJob(searchId)) ?? {};
    await waitFor('another millisecond', () => Date.now() > timestamp + 1);
    await producer.enqueue({ query: 'blue lamp' });
    await queue.add('search', { query: 'old lamp' }, { timestamp: Date.now() - 7_200_000 });
    const titles = async (query: SearchListQuery) =>
      (await producer.list(query)).searches.map(({ title }) => title);
    expect(await titles({ text: 'usb  RED' })).to.deep.equal(['Red USB lamp']);
    expect(await titles({ text: searchId })).to.deep.equal(['Red USB lamp']);
    for (const caller of ['shop', '0123456789', 'http', 'http:shop'])
      expect(await titles({ caller }), caller).to.deep.equal(['Red USB lamp']);
    expect(await titles({ caller: 'unknown' })).to.deep.equal(['old lamp']);
    expect(await titles({ since: '1h' })).to.deep.equal(['blue lamp', 'Red USB lamp']);
    expect(await titles({ state: 'queued', since: '1h', limit: 1 })).to.deep.equal(['blue lamp']);
    expect(await titles({ since: '2020-01-01' })).to.have.lengthOf(3);
    for (const since of [
      '2026-02-30',
      '2026-11-31T10:00:00Z',
      '2026-11-30T10:00:00',
      '2026-11-30T24:00:00Z',
    ]) {
      const refused = await producer.list({ since }).catch((error) => error);
      expect(refused.code, since).to.equal('invalid_request');
      expect(refused.detail.errors[0].path, since).to.equal('since');
    }
    expect(await titles({ state: 'under-way' })).to.have.lengthOf(3);
    expect(await titles({ state: 'done' })).to.deep.equal([]);
    const wrong = { state: 'x', outcome: 'y', since: 'z', limit: 0, cursor: '!' } as never;
    const failure = await producer.list(wrong).catch((error) => error);
    expect(failure.code).to.equal('invalid_request');
    expect(failure.detail.errors.map(({ path }: { path: string }) => path)).to.deep.equal(
      Object.keys(wrong as object)
        .filter((name) => name !== 'limit')
        .toSpliced(2, 0, 'limit'),
    );
  });

  it('has no planned run of a schedule before it is due', async () => {
    await producer.schedule.add({ name: 'drones', every: 3600, request: { query: 'drone' } });
    await redis.del('{ebay}:searches:default');
    await queue.add('search', { query: 'lamp' }, { delay: 60_000 });
    const planned = await redis.zrange(queue.toKey('delayed'), '0', '-1');
    const shown = idsOf((await producer.list()).searches);
    const due = Date.now();
    for (const id of planned) {
      const at = Number(/^repeat:.*:(\d{13})$/.exec(id)?.[1] ?? 0);
      expect(shown.includes(id), id).to.equal(at <= due);
    }
    expect(shown).to.have.length.at.least(1);
  });
});
