import { expect } from 'chai';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { useService } from '../../support/service.ts';

describe('a tracked search of which eBay sends an unreadable listing', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  /** A listing of two pages, the most expensive item last. */
  const request: SearchRequest = { query: 'led strip', maxItems: 1000, sort: 'price', track: 'unreadable' };

  it('reports that listing as rejected and no product as gone, even where enough others are there', async () => {
    const { controls } = service.simulator;
    const first = await service.search(request);
    const collected = first.summary?.counts.products ?? 0;
    expect(collected).to.be.within(201, 399);

    controls.arm({ fault: 'status', status: 500, on: { offset: 200 } });
    const { searchId, summary: partial } = await service.search(request);
    expect(partial?.outcome).to.equal('partial');
    controls.clear();
    // The first page claims `collected` items. One more is added behind it, so one unreadable item leaves as many.
    controls.addListing({ title: 'led strip of gold', price: '99999.00' });
    controls.arm({ fault: 'odd-items', shapes: ['null-item'], items: 1, on: { offset: 200 }, count: 1 });
    await service.producer.retry(searchId);
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary?.counts.rejected).to.deep.equal({ 'not-an-object': 1 });
    expect(summary?.counts.products).to.equal(collected);
    expect(summary).to.deep.include({ outcome: 'complete', gone: [] });
  });
});
