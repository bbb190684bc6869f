import { expect } from 'chai';
import { useService } from '../../support/service.ts';

describe('a search of a listing that is not as promised', () => {
  const service = useService({ PAGE_BACKOFF: '0.05', MIN_API_CALL_INTERVAL: '0.02' });
  const wanted = { query: 'phone case', maxItems: 450 };
  const arm = (fault: object) => service.simulator.controls.arm(fault as never);
  const inOrder = () => service.calledOffsets().toSorted((a, b) => a - b);

  it('goes on behind short pages until the wanted number is delivered', async () => {
    arm({ fault: 'short-page', missing: 100 });
    const { summary } = await service.search(wanted);
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', calls: 5, pages: 5 });
    expect(summary?.counts.products).to.equal(450);
    expect(inOrder()).to.deep.equal([0, 200, 400, 600, 800]);
  });

  it('asks for the items that eBay leaves out of a page with a lower limit', async () => {
    arm({ fault: 'lower-limit', limit: 100, on: { offset: 200 } });
    const { summary, searchId } = await service.search(wanted);
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', lookedAt: 450 });
    expect(inOrder()).to.include.members([0, 200, 300]);
    const ranks = (await service.producer.products(searchId)).map(({ rank }) => rank);
    expect(ranks).to.deep.equal(Array.from({ length: 450 }, (_, index) => index + 1));
  });

  it('goes on where eBay lowers the limit of every page', async () => {
    arm({ fault: 'lower-limit', limit: 50 });
    const { summary, searchId } = await service.search({ ...wanted, maxItems: 230 });
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', calls: 5 });
    const ranks = (await service.producer.products(searchId)).map(({ rank }) => rank);
    expect(ranks).to.deep.equal(Array.from({ length: 230 }, (_, index) => index + 1));
  });

  it('goes on where eBay lowers the limit while pages beyond are under way, and makes no call for a place passed over', async () => {
    service.simulator.controls.configure({ latencyMs: 150 });
    for (let offset = 400; offset < 1200; offset += 100)
      arm({ fault: 'lower-limit', limit: 100, on: { offset } });
    const { summary, searchId } = await service.search({ ...wanted, maxItems: 1200, maxCalls: 30 });
    service.simulator.controls.configure({ latencyMs: 0 });
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', missing: [], calls: 10 });
    expect(inOrder()).to.deep.equal([0, 200, 400, 500, 600, 700, 800, 900, 1000, 1100]);
    const ranks = (await service.producer.products(searchId)).map(({ rank }) => rank);
    expect(ranks).to.deep.equal(Array.from({ length: 1200 }, (_, index) => index + 1));
  });

  it('ends at a page that repeats an earlier one, and says how much it looked at', async () => {
    arm({ fault: 'repeat-page', on: { offset: 200 } });
    const { summary } = await service.search({ ...wanted, maxItems: 400 });
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'end', lookedAt: 200 });
    expect(summary?.counts).to.deep.include({ products: 200, duplicates: 200 });
  });

  for (const shape of ['no-items', 'back']) {
    it(`asks once more for a page that contradicts itself (${shape}), and is complete if that is sound`, async () => {
      arm({ fault: 'contradiction', shape, on: { offset: 200 }, count: 1 });
      const { summary } = await service.search(wanted);
      expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', calls: 4, missing: [] });
    });

    it(`is partial where it contradicts itself (${shape}) again, after two calls`, async () => {
      arm({ fault: 'contradiction', shape, on: { offset: 200 } });
      const { summary } = await service.search(wanted);
      expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: null, pages: 1 });
      expect(summary?.error).to.include({ code: 'ebay-bad-answer', page: 2 });
      expect(inOrder().filter((offset) => offset === 200)).to.have.length(2);
    });
  }

  it('fails where the first page contradicts itself: an outage is no empty listing', async () => {
    arm({ fault: 'contradiction', shape: 'no-items' });
    const { summary, error } = await service.search(wanted);
    expect([summary, error?.code]).to.deep.equal([null, 'ebay-bad-answer']);
    expect(inOrder()).to.deep.equal([0, 0]);
  });

  it('stops at maxCalls, and delivers what is there', async () => {
    arm({ fault: 'short-page', missing: 150 });
    const { summary } = await service.search({ ...wanted, maxCalls: 3 });
    expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: 'max-calls', calls: 3, lookedAt: 150 });
  });

  it('fills up from one marketplace what another does not have, within the bound', async () => {
    arm({ fault: 'short-page', missing: 190, on: { marketplace: 'EBAY_GB' } });
    const marketplaces = ['EBAY_GB', 'EBAY_US'] as const;
    const { summary } = await service.search({ ...wanted, marketplaces: [...marketplaces], maxCalls: 8 });
    // Each has four calls: the one shows few listings on three pages and then its last page.
    expect(summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', calls: 6 });
    expect(summary?.counts.products).to.equal(450);
  });

  it('fails with strictFilters where one of two marketplaces ignores a part', async () => {
    const warnings = [{ errorId: 12014, message: 'ignored' }];
    arm({ fault: 'fields', set: { warnings }, on: { marketplace: 'EBAY_GB' } });
    const both = { ...wanted, marketplaces: ['EBAY_US', 'EBAY_GB'] as ('EBAY_US' | 'EBAY_GB')[] };
    expect((await service.search(both)).summary?.outcome).to.equal('complete');
    const { summary, error } = await service.search({ ...both, strictFilters: true });
    expect([summary, error?.code]).to.deep.equal([null, 'filter-ignored']);
  });
});
