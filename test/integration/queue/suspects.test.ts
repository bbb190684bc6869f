import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const CALLS = '{ebay}:ebay-calls';
const SUSPECT = '{ebay}:suspect:default';

describe('a page that was active on workers that died', () => {
  const service = useService({
    WORKER_MAX_RESTARTS: '4',
    EBAY_CALL_TIMEOUT: '1',
    EBAY_CONNECT_TIMEOUT: '1',
    WORKER_LOCK_DURATION: '1',
  });
  let stored: StoredJobs;
  beforeEach(() => {
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  /** A search whose page is about to run for the first time, but looks as if so many workers had died of it in a row. */
  async function searchAfter(crashes: number): Promise<{ searchId: string; page: string }> {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    const page = `${CALLS}:${searchId}-r1-p1`;
    await waitFor('the page', () => stored.redis.exists(page));
    // BullMQ's own count of stalls; this fails if BullMQ should come to call it otherwise.
    await stored.redis.hset(page, 'stc', crashes);
    await service.calls.resume();
    return { searchId, page };
  }

  it('fails as crashed-worker without another run once the limit is reached', async () => {
    const { searchId } = await searchAfter(4);
    const { error } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(error?.code).to.equal('crashed-worker');
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('runs below the limit while no other suspect does', async () => {
    await stored.redis.set(SUSPECT, 'another page', 'PX', 20_000);
    const { searchId, page } = await searchAfter(3);
    // It has looked and been put aside; the count that stands against it stays.
    await waitFor('a second look', async () => Number(await stored.redis.hget(page, 'ats')) >= 2);
    expect(service.calledOffsets()).to.deep.equal([]);
    expect(await stored.redis.hget(page, 'stc')).to.equal('3');
    await stored.redis.del(SUSPECT);
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary?.outcome).to.equal('complete');
    expect(await stored.redis.exists(SUSPECT)).to.equal(0);
  });

  it('is cleared by a run that its worker survives, so that bad luck never adds up', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    const { searchId, page } = await searchAfter(1);
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary?.outcome).to.equal('complete');
    expect(service.calledOffsets()).to.deep.equal([0, 0]);
    expect(await stored.redis.hget(page, 'stc')).to.equal(null);
  });
});
