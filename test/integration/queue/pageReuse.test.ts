import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import type { ItemCall } from '../../../src/collector/collector.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { around, usePause } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a search of which an earlier one has stored the pages', () => {
  /** How long ago eBay answered pages, as far as the service knows, ms. */
  let ageMs = 0;
  const itemCalls = usePause<ItemCall>();
  const service = useService(
    { PAGE_ATTEMPTS: '1' },
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: around(context.collector, {
          async collectPage(call): Promise<PageAnswer> {
            const answer = await context.collector.collectPage(call);
            const observedAt = new Date(Date.parse(answer.observedAt) - ageMs).toISOString();
            return { ...answer, observedAt };
          },
          async collectItem(call) {
            await itemCalls.pass(call);
            return context.collector.collectItem(call);
          },
        }),
      }),
    },
  );
  beforeEach(() => {
    ageMs = 0;
  });

  const phone: SearchRequest = { query: 'phone case', maxItems: 300 };
  /** The ids that a search delivers, its summary, and the calls that it made. */
  async function run(request: SearchRequest) {
    const { controls } = service.simulator;
    controls.clearLog();
    const { searchId, summary, error } = await service.search(request);
    const ids = (await service.producer.products(searchId)).map(({ itemId }) => itemId);
    const [pages, items] = [controls.log({ kind: 'search' }).length, controls.log({ kind: 'item' }).length];
    return { searchId, summary, error, ids, pages, items };
  }

  it('costs no call where it wants no more, whatever the size of the pages, and has counts of its own', async () => {
    const first = await run(phone);
    expect(first.pages).to.equal(2);
    for (const [maxItems, pages] of [
      [100, 1],
      [7, 1],
      [250, 2],
    ] as const) {
      const again = await run({ ...phone, maxItems, maxAge: 60 });
      expect(again.pages, `${maxItems}`).to.equal(0);
      expect(again.summary).to.deep.include({ outcome: 'complete', stoppedBy: 'wanted', calls: 0, pages });
      expect(again.summary?.counts).to.deep.include({ collected: 200 * pages, products: maxItems });
      expect(again.ids).to.deep.equal(first.ids.slice(0, maxItems));
      expect(Date.parse(again.summary?.expiresAt ?? '')).to.be.closeTo(
        Date.parse(first.summary?.expiresAt ?? ''),
        1000,
      );
    }
    // A search for a few does not hide the one for many.
    expect((await run({ ...phone, maxItems: 10 })).pages).to.equal(1);
    expect((await run({ ...phone, maxItems: 9, maxAge: 60 })).pages).to.equal(0);
    expect((await run({ ...phone, maxItems: 299, maxAge: 60 })).pages).to.equal(0);
  });

  it('costs no call where it wants more of a listing that has ended', async () => {
    for (const n of [1, 2, 3])
      service.simulator.controls.addListing({ title: `Quetzalcoat lamp ${n}`, price: '5.00' });
    const lamps: SearchRequest = { query: 'quetzalcoat', maxItems: 4 };
    const first = await run(lamps);
    const again = await run({ ...lamps, maxItems: 1000, maxAge: 60 });
    expect(again.pages).to.equal(0);
    expect(again.summary).to.deep.include({ outcome: 'complete', stoppedBy: 'end', calls: 0 });
    expect(again.ids).to.have.members(first.ids).and.have.length(3);
  });

  it('asks for the details alone where it wants some', async () => {
    await run(phone);
    const again = await run({ ...phone, maxItems: 4, details: 'full', maxAge: 60 });
    expect([again.pages, again.items]).to.deep.equal([0, 4]);
    expect(again.summary).to.deep.include({ outcome: 'complete', calls: 4 });
  });

  it('calls where it wants more than is stored, or something else', async () => {
    await run(phone);
    const others: Array<[SearchRequest, number]> = [
      [{ ...phone, maxItems: 500, maxAge: 60 }, 3],
      [{ ...phone, maxItems: 100 }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, shipTo: { country: 'US', postalCode: '10001' } }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, filters: { freeShipping: true } }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, title: { exclude: ['quetzal'] } }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, sort: 'price' }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, strictFilters: true }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, marketplaces: ['EBAY_DE'] }, 1],
      [{ ...phone, maxItems: 100, maxAge: 60, track: 'mine' }, 1],
    ];
    for (const [request, pages] of others) {
      const { summary, ...made } = await run(request);
      expect(made.pages, JSON.stringify(request)).to.equal(pages);
      expect(summary?.outcome).to.equal('complete');
    }
  });

  it('takes nothing from one of which a page failed', async () => {
    const { controls } = service.simulator;
    const fault = controls.arm({ fault: 'status', status: 500, on: { offset: 200 } });
    expect((await run(phone)).summary?.outcome).to.equal('partial');
    controls.clear(fault);
    expect((await run({ ...phone, maxItems: 100, maxAge: 60 })).pages).to.equal(1);
  });

  it('takes no page that is older than maxAge, however recently another search has taken it', async () => {
    ageMs = 100_000;
    await run(phone);
    ageMs = 0;
    expect((await run({ ...phone, maxItems: 50, maxAge: 200 })).pages).to.equal(0);
    expect((await run({ ...phone, maxItems: 50, maxAge: 60 })).pages).to.equal(1);
    expect((await run({ ...phone, maxItems: 40, maxAge: 60 })).pages).to.equal(0);
  });

  it('gives no old pages to an identical search that waits for it and allows none', async () => {
    const { controls } = service.simulator;
    const newest: SearchRequest = { query: 'phone case', maxItems: 3, sort: 'newlyListed' };
    ageMs = 3_000_000;
    await run(newest);
    ageMs = 0;
    controls.clearLog();
    itemCalls.hold();
    const leader = await service.producer.enqueue({ ...newest, details: 'full', maxAge: 3600 });
    await waitFor('an item call of the first', () => itemCalls.waiting > 0);
    const added = controls.addListing({ title: 'phone case of this minute', price: '5.00' });
    const waiting = await service.producer.enqueue({ ...newest, details: 'full' });
    await waitFor('the second to wait', async () => (await service.searches.getDelayedCount()) === 1);
    itemCalls.release();
    const ids = [];
    for (const { searchId } of [leader, waiting]) {
      const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
      expect(summary?.outcome).to.equal('complete');
      ids.push((await service.producer.products(searchId)).map(({ itemId }) => itemId));
    }
    expect(ids[0]).to.have.length(3).and.not.include(added);
    expect(ids[1]).to.deep.equal([added, ...(ids[0] as string[]).slice(0, 2)]);
    expect(controls.log({ kind: 'search' })).to.have.length(1);
    expect(controls.log({ kind: 'item' })).to.have.length(4);
  });

  it('takes pages with facets where it wants none, without them, and not the other way round', async () => {
    const lamp: SearchRequest = { query: 'desk lamp', maxItems: 5 };
    const first = await run({ ...lamp, facets: true });
    expect(first.summary?.facets).to.have.length(1);
    const plain = await run({ ...lamp, maxItems: 4, maxAge: 60 });
    expect(plain.pages).to.equal(0);
    expect(plain.ids).to.deep.equal(first.ids.slice(0, 4));
    expect(plain.summary).not.to.have.property('facets');
    const facets = await run({ ...lamp, maxItems: 3, maxAge: 60, facets: true });
    expect([facets.pages, facets.summary?.facets]).to.deep.equal([0, first.summary?.facets]);
    await run({ query: 'garden hose', maxItems: 5 });
    expect((await run({ query: 'garden hose', maxItems: 4, maxAge: 60, facets: true })).pages).to.equal(1);
  });

  it('takes no pages where its own bound allows larger ones', async () => {
    await run({ ...phone, maxItems: 10 });
    const { summary, pages } = await run({ ...phone, maxItems: 100, maxCalls: 1, maxAge: 60 });
    expect(pages).to.equal(1);
    expect(summary?.counts.products).to.equal(100);
  });
});
