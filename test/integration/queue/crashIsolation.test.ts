import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const CALLS = '{ebay}:ebay-calls';

describe('a page that was active on workers that died', () => {
  const service = useService({
    WORKER_MAX_RESTARTS: '4',
    EBAY_CALL_TIMEOUT: '2',
    EBAY_CONNECT_TIMEOUT: '1',
    WORKER_LOCK_DURATION: '2',
  });
  let stored: StoredJobs;
  beforeEach(() => {
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  /**
   * Searches whose page is about to run for the first time, but looks as if so many workers had died of it in a row. They
   * are known by what they ask for at most: 10, 11 and so on.
   */
  async function searchesAfter(...crashes: number[]): Promise<Array<{ searchId: string; page: string }>> {
    await service.calls.pause();
    const requests = crashes.map((_, index) => ({ query: 'phone case', maxItems: 10 + index }));
    const added = await service.producer.enqueueMany(requests);
    const searches = added.map(({ searchId }) => ({ searchId, page: `${CALLS}:${searchId}-r1-p1` }));
    for (const [index, { page }] of searches.entries()) {
      await waitFor('the page', () => stored.redis.exists(page));
      // BullMQ's own count of stalls; this fails if BullMQ gives it another name.
      await stored.redis.hset(page, 'stc', crashes[index] as number);
    }
    await service.calls.resume();
    return searches;
  }

  async function searchAfter(crashes: number) {
    const [search] = await searchesAfter(crashes);
    return search as { searchId: string; page: string };
  }

  /** What counts against a page that has been put aside for at least the second time; undefined when it has not. */
  async function countAside({ searchId, page }: { searchId: string; page: string }) {
    const replies = await stored.redis
      .multi()
      .hmget(page, 'ats', 'stc')
      .zscore(`${CALLS}:delayed`, `${searchId}-r1-p1`)
      .exec();
    const [[, [looks, count]], [, aside]] = replies as [
      [null, [string, string | null]],
      [null, string | null],
    ];
    return aside !== null && Number(looks) >= 2 ? (count ?? 'none') : undefined;
  }

  it('fails as crashed-worker without another run once the limit is reached', async () => {
    const { searchId } = await searchAfter(4);
    const { error } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(error?.code).to.equal('crashed-worker');
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('runs below the limit while its process runs no other suspect', async () => {
    const log = () => service.simulator.controls.log({ kind: 'search' });
    service.simulator.controls.arm({ fault: 'hang', count: 1 });
    const crashIsolation = await searchesAfter(3, 3);
    const hanging = await waitFor('one to call', () => log()[0]);
    const other = crashIsolation[hanging.query.limit === '20' ? 1 : 0] as (typeof crashIsolation)[number];
    // It has looked and been put aside, more than once; what counts against it stands.
    expect(await waitFor('a second look', () => countAside(other))).to.equal('3');
    for (const { searchId } of crashIsolation) {
      const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
      expect(summary?.outcome).to.equal('complete');
    }
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
