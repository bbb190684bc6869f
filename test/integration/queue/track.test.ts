import { expect } from 'chai';
import type { Product } from '../../../src/product/product.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { useService } from '../../support/service.ts';

describe('a search with a track', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  /** A listing of more than one page that fits into a search as a whole. */
  const whole: SearchRequest = { query: 'led strip', maxItems: 1000 };

  async function run(request: SearchRequest) {
    const { searchId, summary } = await service.search(request);
    return { searchId, summary, ...(await marksOf(searchId)) };
  }

  async function marksOf(searchId: string) {
    const products = await service.producer.products(searchId);
    const changed = products.flatMap(({ itemId, mark }) =>
      mark === undefined || mark === 'same' ? [] : [[itemId, mark] as const],
    );
    return {
      products,
      unmarked: products.filter(({ mark }) => mark === undefined),
      changed: new Map(changed),
    };
  }

  /** Plants one change of each kind; returns what a search must then report. */
  function plantChanges(products: Product[], title: string) {
    const { controls } = service.simulator;
    const priced = products.filter(({ total, converted, auction }) => total && !converted && !auction);
    const [cheaper, dearer, removed] = priced.slice(-3) as [Product, Product, Product];
    controls.changeListing(cheaper.itemId, { price: (Number(cheaper.price?.value) * 0.9).toFixed(2) });
    controls.changeListing(dearer.itemId, { price: (Number(dearer.price?.value) * 1.1).toFixed(2) });
    controls.removeListing(removed.itemId);
    const added = controls.addListing({ title, price: '9.99' });
    return {
      changed: new Map([
        [added, 'new'],
        [cheaper.itemId, 'price-dropped'],
        [dearer.itemId, 'price-rose'],
      ]),
      gone: [removed.itemId],
    };
  }

  it('marks nothing as new the first time, and all as the same while nothing changes', async () => {
    const request = { ...whole, track: 'unchanged' };
    const first = await run(request);
    expect(first.products.length).to.be.greaterThan(200);
    expect(first.unmarked).to.have.length(first.products.length);
    const second = await run(request);
    expect(second.unmarked).to.deep.equal([]);
    expect(second.changed).to.deep.equal(new Map());
    expect(second.summary?.gone).to.deep.equal([]);
  });

  it('marks exactly what changed since the last time, and lists what is gone once', async () => {
    const request = { ...whole, track: 'changing' };
    const planted = plantChanges((await run(request)).products, 'led strip with a kickstand');
    const second = await run(request);
    expect(second.changed).to.deep.equal(planted.changed);
    expect(second.summary?.gone).to.deep.equal(planted.gone);
    const third = await run(request);
    expect(third.changed).to.deep.equal(new Map());
    expect(third.summary?.gone).to.deep.equal([]);
  });

  it('has seen the whole listing also where eBay cut a page and the next one begins in between', async () => {
    const request = { ...whole, track: 'cut' };
    const planted = plantChanges((await run(request)).products, 'led strip with a hinge');
    service.simulator.controls.clearLog();
    service.simulator.controls.arm({ fault: 'lower-limit', limit: 100, on: { offset: 0 } });
    const second = await run(request);
    expect(service.calledOffsets().slice(0, 3)).to.deep.equal([0, 100, 200]);
    expect(second.summary?.gone).to.deep.equal(planted.gone);
  });

  it('says the same again when it is read again or retried, and other searches of the name see it as known', async () => {
    const request = { ...whole, track: 'again' };
    const planted = plantChanges((await run(request)).products, 'led strip with a mirror');
    const second = await run(request);
    await service.producer.retry(second.searchId);
    await service.producer.waitFor(second.searchId, { timeoutMs: 15_000 });
    expect((await marksOf(second.searchId)).changed).to.deep.equal(planted.changed);
    const again = await service.producer.get(second.searchId);
    expect(again.summary?.gone).to.deep.equal(planted.gone);
  });

  it('calls nothing gone that it could not see: not when partial, not when cut to maxItems', async () => {
    const request = { ...whole, track: 'partly' };
    const first = await run(request);
    const { gone } = plantChanges(first.products, 'led strip with a strap');
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 200 } });
    const partial = await run(request);
    expect(partial.summary).to.deep.include({ outcome: 'partial', gone: [] });
    service.simulator.controls.clear();
    const cut = await run({ ...request, maxItems: 200 });
    expect(cut.summary).to.deep.include({ outcome: 'complete', gone: [] });
    expect((await run(request)).summary?.gone).to.deep.equal(gone);
  });

  it('marks what a retry brings against the time before the search, and what was marked as it was', async () => {
    const request = { ...whole, track: 'continued' };
    const planted = plantChanges((await run(request)).products, 'led strip with a mouse');
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 200 }, count: 1 });
    const partial = await run(request);
    expect([...partial.changed.values()]).to.deep.equal(['new']);
    await service.producer.retry(partial.searchId);
    const { summary } = await service.producer.waitFor(partial.searchId, { timeoutMs: 15_000 });
    expect(summary).to.deep.include({ outcome: 'complete', gone: planted.gone });
    expect((await marksOf(partial.searchId)).changed).to.deep.equal(planted.changed);
  });

  it('starts afresh for another request under the same name, says so in words, and reports no product', async () => {
    const request = { ...whole, track: 'reused' };
    expect((await run(request)).summary?.trackNote).to.equal(undefined);
    const other = { ...request, filters: { conditions: ['NEW' as const] } };
    const second = await run(other);
    expect(second.unmarked).to.have.length(second.products.length);
    expect(second.summary?.trackNote).to.include('the request of this track has changed');
    expect(second.summary?.gone).to.deep.equal([]);
    const third = await run({ ...other, priority: 'scheduled', maxItems: 900 });
    expect(third.unmarked).to.deep.equal([]);
    expect(third.changed).to.deep.equal(new Map());
    expect(third.summary?.trackNote).to.equal(undefined);
  });

  it('reports a change once where two searches of the name run at the same time', async () => {
    const request = { ...whole, track: 'twins' };
    const planted = plantChanges((await run(request)).products, 'led strip with a lamp');
    // Another number of items, so that they are not identical searches.
    const both = await Promise.all([run(request), run({ ...request, maxItems: 999 })]);
    const changes = both.flatMap(({ changed }) => [...changed]);
    expect(changes).to.have.length(planted.changed.size);
    expect(new Map(changes)).to.deep.equal(planted.changed);
  });
});

describe('a search for the newest with a track', () => {
  const service = useService();
  const newest: SearchRequest = { query: 'phone case', sort: 'newlyListed', maxItems: 1000, track: 'newest' };

  it('makes one call while nothing is new, and declares nothing gone that it did not look at', async () => {
    const first = await service.search(newest);
    expect(service.calledOffsets()).to.have.length.greaterThan(2);
    service.simulator.controls.removeListing(
      (await service.producer.products(first.searchId)).at(-1)?.itemId as string,
    );
    service.simulator.controls.clearLog();
    const { summary, searchId } = await service.search(newest);
    expect(service.calledOffsets()).to.deep.equal([0]);
    expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: 'known', calls: 1, gone: [] });
    const products = await service.producer.products(searchId);
    expect(products.every(({ mark }) => mark === 'same')).to.equal(true);
  });

  it('stops at a page whose only new items are dropped by the request', async () => {
    const request: SearchRequest = { ...newest, track: 'dropping', title: { exclude: ['quokka'] } };
    service.simulator.controls.addListing({ title: 'phone case with a quokka', price: '5.00' });
    const first = await service.search(request);
    expect(first.summary?.counts.filteredOut).to.equal(1);
    service.simulator.controls.addListing({ title: 'phone case with a young quokka', price: '5.00' });
    service.simulator.controls.clearLog();
    const { summary } = await service.search(request);
    expect(service.calledOffsets()).to.deep.equal([0]);
    expect(summary?.counts.filteredOut).to.equal(2);
  });

  it('makes one call for five new listings, whose page ends with known ones', async () => {
    await service.search({ ...newest, maxItems: 400 });
    const added = Array.from({ length: 5 }, (_, n) =>
      service.simulator.controls.addListing({ title: `phone case of five ${n}`, price: '5.00' }),
    );
    service.simulator.controls.clearLog();
    const { searchId, summary } = await service.search({ ...newest, maxItems: 400 });
    expect(service.calledOffsets()).to.deep.equal([0]);
    expect(summary).to.deep.include({ stoppedBy: 'known', calls: 1 });
    const products = await service.producer.products(searchId);
    const fresh = products.filter(({ mark }) => mark === 'new').map(({ itemId }) => itemId);
    expect(fresh).to.have.members(added);
  });

  it('goes on where it wants more than the searches of its track ever saw, and only then', async () => {
    const offsetsOf = async (maxItems: number, change: object = {}) => {
      service.simulator.controls.clearLog();
      await service.search({ ...newest, maxItems, ...change });
      return service.calledOffsets();
    };
    // Another order says nothing of how many of the newest are known.
    expect(await offsetsOf(400, { sort: 'price' })).to.deep.equal([0, 200]);
    expect(await offsetsOf(200)).to.deep.equal([0]);
    expect(await offsetsOf(600)).to.deep.equal([0, 200, 400]);
    expect(await offsetsOf(599)).to.deep.equal([0]);
    expect(await offsetsOf(1000, { maxCalls: 2 })).to.deep.equal([0]);
  });

  it('goes on where it wants more of a listing most of which it drops, and only then', async () => {
    const { controls } = service.simulator;
    for (let n = 0; n < 600; n++)
      controls.addListing({ title: `cerulescent lamp ${n} ${n % 10 === 0 ? 'blue' : 'red'}`, price: '5.00' });
    const lamps = { ...newest, query: 'cerulescent', track: 'lamps', title: { include: ['blue'] } };
    const offsetsOf = async (maxItems: number) => {
      controls.clearLog();
      const { summary } = await service.search({ ...lamps, maxItems });
      return [summary?.counts.products, service.calledOffsets()];
    };
    expect(await offsetsOf(10)).to.deep.equal([10, [0]]);
    expect(await offsetsOf(40)).to.deep.equal([40, [0, 200]]);
    expect(await offsetsOf(40)).to.deep.equal([20, [0]]);
    expect(await offsetsOf(41)).to.deep.equal([41, [0, 200, 400]]);
  });

  it('goes on where new items that it drops come before too few known ones', async () => {
    const { controls } = service.simulator;
    const add = (n: number, colour: string) =>
      controls.addListing({ title: `vermilion lamp ${n} ${colour}`, price: '5.00' });
    for (let n = 0; n < 400; n++) add(n, n % 10 === 0 ? 'blue' : 'red');
    const lamps = { ...newest, query: 'vermilion', track: 'vermilion', title: { include: ['blue'] } };
    await service.search({ ...lamps, maxItems: 20 });
    for (let n = 400; n < 405; n++) add(n, 'red');
    controls.clearLog();
    const { summary } = await service.search({ ...lamps, maxItems: 22 });
    expect([summary?.counts.products, service.calledOffsets()]).to.deep.equal([22, [0, 200]]);
  });

  it('goes on to the first page that ends with known ones, and never asks for one after it', async () => {
    await service.search(newest);
    const added = Array.from({ length: 310 }, (_, n) =>
      service.simulator.controls.addListing({ title: `phone case number ${n}`, price: '5.00' }),
    );
    service.simulator.controls.clearLog();
    const { searchId } = await service.search(newest);
    // 200 new ones, then 110 new ones before 90 known ones, then known ones only.
    expect(service.calledOffsets()).to.deep.equal([0, 200, 400]);
    const products = await service.producer.products(searchId);
    const fresh = products.filter(({ mark }) => mark === 'new').map(({ itemId }) => itemId);
    expect(fresh).to.have.members(added);
  });
});
