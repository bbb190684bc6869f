import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const CALLS = '{ebay}:ebay-calls';

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

  it('gets a moment of its own below the limit, once for each time', async () => {
    const { searchId, page } = await searchAfter(3);
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(summary?.outcome).to.equal('complete');
    expect(await stored.redis.hget(page, 'dpf:spread')).to.equal('3');
    expect(Number(await stored.redis.hget(page, 'ats'))).to.equal(2);
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
