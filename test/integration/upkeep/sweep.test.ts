import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { BREAKAGES, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const SEARCHES = '{ebay}:ebay-search';
const CALLS = '{ebay}:ebay-calls';

describe('the sweep', () => {
  const service = useService({ SWEEP_INTERVAL: '0.1' });
  let stored: StoredJobs;
  beforeEach(() => {
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  const pageOf = (searchId: string, page: number) => `${searchId}-r1-p${page}`;

  /** A search whose first pages wait in the calls queue. */
  async function searchWithWaitingPages(marketplaces = ['EBAY_US']) {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({
      query: 'phone case',
      maxItems: 40,
      marketplaces,
    } as never);
    await waitFor('the search to wait for its pages', async () => {
      const waiting = await stored.redis.zcard(`${CALLS}:prioritized`);
      return waiting === marketplaces.length && stored.redis.zscore(`${SEARCHES}:waiting-children`, searchId);
    });
    return searchId;
  }

  for (const [what, breakJob] of Object.entries(BREAKAGES))
    it(`quarantines a waiting search with ${what}, and lists work again`, async () => {
      await service.searches.pause();
      await service.searches.add('search', { query: 'phone case' }, { jobId: 'broken', priority: 1 });
      const sound = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
      await breakJob(stored.redis, `${SEARCHES}:broken`);
      const [entry] = await waitFor('the quarantine', async () => {
        const entries = await stored.quarantined();
        return entries.length > 0 ? entries : undefined;
      });
      expect(entry).to.include({ queue: 'ebay-search', id: 'broken' });
      expect((await service.searches.getJobs()).map(({ id }) => id)).to.deep.equal([sound.searchId]);
      await service.searches.resume();
      const { summary } = await service.producer.waitFor(sound.searchId, { timeoutMs: 10_000 });
      expect(summary?.outcome).to.equal('complete');
    });

  it('quarantines finished jobs that would break the lists', async () => {
    const { searchId } = await service.search({ query: 'zzyzx unobtainium' });
    await stored.redis.hset(`${SEARCHES}:${searchId}`, 'data', 'x');
    await waitFor('the quarantine', async () => (await stored.quarantined()).length > 0);
    expect(await service.searches.getJobs()).to.deep.equal([]);
  });

  it('fails a search whose only page is unreadable, with the reason', async () => {
    const searchId = await searchWithWaitingPages();
    await stored.redis.hset(`${CALLS}:${pageOf(searchId, 1)}`, 'data', '{');
    const { error } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(error?.code).to.equal('invalid_payload');
    expect(await service.calls.getJobs()).to.deep.equal([]);
  });

  it('makes a search partial when one of its pages is unreadable', async () => {
    const searchId = await searchWithWaitingPages(['EBAY_US', 'EBAY_DE']);
    await stored.redis.hset(`${CALLS}:${pageOf(searchId, 2)}`, 'opts', '[');
    await waitFor('the quarantine', async () => (await stored.quarantined()).length > 0);
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.include({ outcome: 'partial', pages: 1 });
    expect(summary?.missing).to.have.length(1);
    expect(summary?.missing[0]).to.include({ marketplace: 'EBAY_DE', code: 'invalid_payload' });
  });

  it('takes away the pages of a search that is unreadable', async () => {
    const searchId = await searchWithWaitingPages();
    await stored.redis.hset(`${SEARCHES}:${searchId}`, 'data', '{');
    await waitFor('the quarantine', async () => (await stored.quarantined()).length > 0);
    await waitFor('the page to go', async () => (await stored.redis.zcard(`${CALLS}:prioritized`)) === 0);
    expect(await stored.redis.exists(`${SEARCHES}:${searchId}`, `${CALLS}:${pageOf(searchId, 1)}`)).to.equal(
      0,
    );
  });

  it('lets a search fetch again what was lost without a trace: a page, or only its data', async () => {
    for (const lose of [true, false]) {
      const searchId = await searchWithWaitingPages();
      await stored.redis.del(`${CALLS}:${pageOf(searchId, 1)}`);
      if (lose) await stored.redis.zrem(`${CALLS}:prioritized`, pageOf(searchId, 1));
      await service.calls.resume();
      const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
      expect(summary?.outcome).to.equal('complete');
    }
  });

  it('removes the pages of a search that is gone', async () => {
    const searchId = await searchWithWaitingPages();
    await stored.redis.zrem(`${SEARCHES}:waiting-children`, searchId);
    await stored.redis.del(`${SEARCHES}:${searchId}`);
    await waitFor('the page to go', async () => (await service.calls.getJobs()).length === 0);
    await service.calls.resume();
    expect(service.calledOffsets()).to.deep.equal([]);
  });
});

describe('a worker that receives an unreadable job', () => {
  // No round of the sweep but the first, before anything is broken.
  const service = useService({ SWEEP_INTERVAL: '3600' });
  let stored: StoredJobs;
  beforeEach(() => {
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  for (const [what, breakJob] of Object.entries(BREAKAGES))
    it(`has it quarantined at once and goes on: ${what}`, async () => {
      await service.searches.pause();
      await service.searches.add('search', { query: 'phone case' }, { jobId: 'broken', priority: 1 });
      await breakJob(stored.redis, `${SEARCHES}:broken`);
      await service.searches.resume();
      await waitFor('the quarantine', async () => (await stored.quarantined()).length > 0);
      const { summary } = await service.search({ query: 'phone case', maxItems: 10 });
      expect(summary?.outcome).to.equal('complete');
      expect(await service.searches.getJobs()).to.have.length(1);
      expect(await stored.redis.llen(`${SEARCHES}:active`)).to.equal(0);
    });
});
