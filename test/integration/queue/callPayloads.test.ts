import type { Job } from 'bullmq';
import { expect } from 'chai';
import { itemJobId } from '../../../src/queue/bullmq/queues.ts';
import { useService } from '../../support/service.ts';
import { resultsKey, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a job in the calls queue that this release did not add', () => {
  const service = useService();

  it('makes no call that no search plans, and does not disturb the search that it names', async () => {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 210 });
    const { data } = await waitFor('its page', () => service.calls.getJob(`${searchId}-r1-p1`));
    const { timestamp } = data.search;
    const forged: Array<[change: object, code: string]> = [
      [{ search: { ...data.search, timestamp: timestamp + 1 } }, 'search_not_found'],
      [{ search: { ...data.search, tenant: 'shop-a' } }, 'search_not_found'],
      [{ page: 3, offset: 400 }, 'invalid_payload'],
      [{ offset: 7 }, 'invalid_payload'],
      [{ limit: 1 }, 'invalid_payload'],
      [{ marketplace: 'EBAY_DE' }, 'invalid_payload'],
      [{ kind: 'item', itemId: 'v1|1|0' }, 'invalid_payload'],
    ];
    const jobs = await service.calls.addBulk(
      forged.map(([change]) => ({ name: 'page', data: { ...data, ...change }, opts: { priority: 1 } })),
    );
    // As its search would add it, if it wanted this item.
    const jobId = `${searchId}-r1-i1.0`;
    const parent = { id: searchId, queue: service.searches.qualifiedName };
    await service.calls.add(
      'item',
      { ...data, kind: 'item', itemId: 'v1|1|0' },
      { jobId, priority: 1, parent },
    );
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, missing: [] });
    expect(service.simulator.controls.log({ kind: 'item' })).to.deep.equal([]);
    for (const [index, [change, code]] of forged.entries()) {
      const reason = await waitFor('the forged job to fail', () => failedReason(jobs[index]?.id as string));
      expect(reason, JSON.stringify(change)).to.match(new RegExp(`^${code}: `));
      expect(await service.calls.getJob(jobs[index]?.id as string)).to.equal(undefined);
    }
    expect(service.calledOffsets()).to.deep.equal([0, 200]);
  });

  it('makes no call for a place that the way leads past, and leaves room for it to be added again', async () => {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 210 });
    const { data } = await waitFor('its page', () => service.calls.getJob(`${searchId}-r1-p1`));
    const address = { page: 1_000_100, offset: 100, limit: 100 };
    const astray = `${searchId}-r1-p${address.page}`;
    const parent = { id: searchId, queue: service.searches.qualifiedName };
    await service.calls.add('page', { ...data, ...address }, { jobId: astray, priority: 1, parent });
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, missing: [] });
    await waitFor('the page to be removed', async () => (await service.calls.getJob(astray)) === undefined);
    expect(await failedReason(astray)).to.equal(undefined);
    expect(service.calledOffsets()).to.deep.equal([0, 200]);
  });

  /** Why a job has failed that is not kept. */
  async function failedReason(id: string): Promise<string | undefined> {
    const { redis, close } = openRedis();
    const events = await redis.xrange(service.calls.toKey('events'), '-', '+');
    close();
    const fields = events
      .map(([, values]) => values)
      .find((each) => each.includes('failedReason') && each.includes(id));
    return fields?.[fields.indexOf('failedReason') + 1];
  }

  function openRedis() {
    const { redis } = new StoredJobs(service.config.redis.url);
    return { redis, close: () => redis.disconnect() };
  }

  it('leaves no failed call behind that a second job could make the search’s own', async () => {
    await service.searches.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 210, maxAge: 0 });
    const { timestamp } = (await service.searches.getJob(searchId)) as Job;
    const search = { tenant: 'default', searchId, timestamp };
    const data = {
      v: 2,
      kind: 'page',
      search,
      run: 1,
      page: 2,
      marketplace: 'EBAY_US',
      offset: 200,
      limit: 200,
    };
    const jobId = `${searchId}-r1-p2`;
    await service.calls.add('page', data, { jobId, priority: 1 });
    await waitFor('it to fail', () => failedReason(jobId));
    const parent = { id: searchId, queue: service.searches.qualifiedName };
    await service.calls.add('page', data, { jobId, priority: 1, parent });
    await service.searches.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, missing: [] });
  });

  it('starts no search again that has ended with this page', async () => {
    const { searchId } = await service.search({ query: 'phone case', maxItems: 10 });
    const page = (await service.calls.getJob(`${searchId}-r1-p1`)) as Job;
    await page.remove();
    const parent = { id: searchId, queue: service.searches.qualifiedName };
    await service.calls.add('page', page.data, { jobId: `${searchId}-r1-p1`, priority: 1, parent });
    await waitFor('it to complete', async () => {
      return (await service.calls.getJobState(`${searchId}-r1-p1`)) === 'completed';
    });
    const search = (await service.searches.getJob(searchId)) as Job;
    expect(await search.getState()).to.equal('completed');
    expect(search.attemptsMade).to.equal(1);
    expect(service.calledOffsets()).to.deep.equal([0]);
  });

  it('fails no details of a search that were not wanted yet when it ran', async () => {
    const request = { query: 'phone case', maxItems: 1, maxAge: 0 };
    const before = await service.search(request);
    const [product] = await service.producer.products(before.searchId);
    const itemId = product?.itemId as string;
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ ...request, details: 'full' });
    const { data } = await waitFor('its page', () => service.calls.getJob(`${searchId}-r1-p1`));
    const { search, run, marketplace } = data;
    const jobId = itemJobId(searchId, 1, itemId);
    const parent = { id: searchId, queue: service.searches.qualifiedName };
    const options = { jobId, priority: 1, parent, ignoreDependencyOnFailure: true };
    await service.calls.add('item', { v: 2, kind: 'item', search, run, itemId, marketplace }, options);
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, missing: [] });
  });

  /** A search whose first page is as release 0.1 added it, with a request of its own. */
  async function withOldPage(request: object): Promise<{ searchId: string; run: string }> {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 210 });
    const page = await waitFor('its page', () => service.calls.getJob(`${searchId}-r1-p1`));
    await page.updateData({ ...page.data, v: 1, request });
    return { searchId, run: `{ebay}:run:default:${searchId}:${page.data.search.timestamp}` };
  }

  it('of release 0.1 is called for with the stored request, whatever request it carries', async () => {
    const { searchId } = await withOldPage({ query: 'yoga mat', maxItems: 50 });
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', pages: 2 });
    expect(calledFor()).to.deep.equal(['phone case', 'phone case']);
  });

  it('of release 0.1 gives the search its request where that release began the search', async () => {
    const { searchId, run } = await withOldPage({ query: 'phone case', maxItems: 210 });
    const redis = new StoredJobs(service.config.redis.url);
    expect(await redis.redis.hdel(run, 'request', 'class')).to.equal(2);
    redis.close();
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'complete', pages: 2 });
    expect(calledFor()).to.deep.equal(['phone case', 'phone case']);
  });

  it('of release 0.1 makes no call when its request is wrong and the search has none', async () => {
    const { searchId, run } = await withOldPage({ query: 'phone case', maxItems: -1 });
    const redis = new StoredJobs(service.config.redis.url);
    await redis.redis.hdel(run, 'request', 'class');
    redis.close();
    await service.calls.resume();
    const { error } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(error?.code).to.equal('invalid_payload');
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('follows a page that release 0.1 stored, which was smaller and of which nothing is known beside it', async () => {
    await service.calls.pause();
    const seller = { minFeedbackPercentage: 97 };
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 40, seller });
    const page = await waitFor('its page', () => service.calls.getJob(`${searchId}-r1-p1`));
    await page.updateData({ ...page.data, v: 1, limit: 40 });
    const fault = service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 40 } });
    await service.calls.resume();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1 });
    const stored = new StoredJobs(service.config.redis.url);
    expect(
      await stored.redis.hdel(await resultsKey(service.searches, searchId), 'facts:EBAY_US', 'last:EBAY_US'),
    ).to.be.at.least(1);
    stored.close();
    service.simulator.controls.clear(fault);
    await service.producer.retry(searchId);
    const ended = await waitFor('its second end', async () => {
      const report = await service.producer.get(searchId);
      return report.summary?.outcome === 'complete' ? report.summary : undefined;
    });
    expect(ended.missing).to.deep.equal([]);
    expect(service.calledOffsets().slice(0, 3)).to.deep.equal([0, 40, 40]);
  });

  const calledFor = () => service.simulator.controls.log({ kind: 'search' }).map(({ query }) => query.q);
});
