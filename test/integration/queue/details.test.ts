import { expect } from 'chai';
import { Failure, type FailureCode } from '../../../src/failures.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { around } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a search with details', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  const wanted = { query: 'phone case', maxItems: 25, details: 'full' } as const;
  const calledItems = () =>
    service.simulator.controls
      .log({ kind: 'item' })
      .map(({ path }) => decodeURIComponent(path.split('/').at(-1) ?? ''));

  it('calls once for each product and gives each its details', async () => {
    const { searchId, summary } = await service.search(wanted);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 26, pages: 1, gone: [], missing: [] });
    const products = await service.producer.products(searchId);
    expect(products).to.have.length(25);
    for (const { details } of products)
      expect(details).to.include.keys(
        'brand',
        'mpn',
        'gtin',
        'returns',
        'availability',
        'estimatedSoldQuantity',
        'aspects',
      );
    expect(calledItems()).to.have.members(products.map(({ itemId }) => itemId));
  });

  it('gives a product the offer of its own answer: no amount of the older page stands beside it', async () => {
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item' }, count: 1 });
    const { searchId } = await service.search({ ...wanted, maxItems: 1, filters: { freeShipping: true } });
    const [found] = await service.producer.products(searchId);
    expect(found).to.not.have.property('details');

    controls.changeListing(found?.legacyItemId as string, { price: '7.77' });
    await service.producer.retry(searchId);
    await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    const [product] = await service.producer.products(searchId);
    expect(product?.price).to.deep.equal({ value: '7.77', currency: 'USD' });
    expect(product?.total).to.deep.equal({ value: '7.77', currency: 'USD' });
    expect(product?.observedAt).to.equal(product?.details?.observedAt);
    expect(Date.parse(product?.observedAt ?? '')).to.be.greaterThan(Date.parse(found?.observedAt ?? ''));
    expect(product?.rank).to.equal(found?.rank);
  });

  it('calls for the products after the list is cut to maxItems, not for all of the pages', async () => {
    const { summary } = await service.search({ ...wanted, maxItems: 3, title: { exclude: ['quetzal'] } });
    expect(summary?.counts).to.deep.include({ collected: 200, products: 3 });
    expect(calledItems()).to.have.length(3);
  });

  it('marks an item that is gone, and counts it as no failure', async () => {
    service.simulator.controls.arm({
      fault: 'status',
      status: 404,
      errorId: 11001,
      on: { endpoint: 'item' },
      count: 1,
    });
    const { searchId, summary } = await service.search(wanted);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 26, error: null });
    const products = await service.producer.products(searchId);
    const gone = products.filter(({ details }) => details?.availability === 'gone');
    expect(gone.map(({ itemId }) => itemId))
      .to.deep.equal(summary?.gone)
      .and.have.length(1);
  });

  it('is partial when an item fails in the end, names it, and a retry calls for that one only', async () => {
    service.simulator.controls.arm({
      fault: 'status',
      status: 500,
      on: { endpoint: 'item' },
      skip: 4,
      count: 1,
    });
    const { searchId, summary } = await service.search(wanted);
    expect(summary?.outcome).to.equal('partial');
    expect(summary?.missing).to.have.length(1);
    expect(summary?.missing[0]).to.include({ marketplace: 'EBAY_US', page: null, code: 'ebay-server-error' });
    expect(summary?.error).to.include({ code: 'ebay-server-error', page: null, retryable: true });
    const failed = summary?.missing[0]?.itemId;
    const without = (await service.producer.products(searchId)).filter(
      ({ details }) => details === undefined,
    );
    expect(without.map(({ itemId }) => itemId)).to.deep.equal([failed]);

    service.simulator.controls.clearLog();
    await service.producer.retry(searchId);
    const again = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(again.summary).to.deep.include({ outcome: 'complete', missing: [], error: null });
    expect(calledItems()).to.deep.equal([failed]);
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('wakes when its failed item is retried by itself', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item' }, count: 1 });
    const { searchId, summary } = await service.search(wanted);
    expect(summary?.outcome).to.equal('partial');
    const [failed] = await service.calls.getFailed(0, 10);
    service.simulator.controls.clearLog();
    await failed?.retry('failed');
    await waitFor(
      'the end',
      async () => (await service.producer.get(searchId)).summary?.outcome === 'complete',
    );
    expect(calledItems()).to.have.length(1);
  });

  it('has details of the products that are there when a later page failed', async () => {
    service.simulator.controls.arm({
      fault: 'status',
      status: 500,
      on: { endpoint: 'search', marketplace: 'EBAY_DE' },
    });
    const { searchId, summary } = await service.search({
      ...wanted,
      marketplaces: ['EBAY_US', 'EBAY_DE'],
      maxItems: 10,
    });
    expect(summary?.outcome).to.equal('partial');
    expect(summary?.missing.map(({ marketplace }) => marketplace)).to.deep.equal(['EBAY_DE']);
    const products = await service.producer.products(searchId);
    // What the one leaves of its share, the other fills up.
    expect(products).to.have.length(10);
    expect(products.every(({ details }) => details !== undefined)).to.equal(true);
  });
});

describe('a search with details under way', () => {
  const service = useService();
  const wanted = { query: 'phone case', maxItems: 100, details: 'full' } as const;
  const itemCalls = () => service.simulator.controls.log({ kind: 'item' });

  beforeEach(() => service.simulator.controls.configure({ latencyMs: 20 }));
  afterEach(() => service.simulator.controls.configure({ latencyMs: 0 }));

  it('stops at a cancel, makes no call beyond those in flight and keeps what it has', async () => {
    const { searchId } = await service.producer.enqueue(wanted);
    await waitFor('some details', () => itemCalls().length >= 15);
    await service.producer.cancel(searchId);
    const atCancel = itemCalls().length;
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary?.outcome).to.equal('cancelled');
    // As many as there are lanes may have passed their look at the mark.
    expect(itemCalls().length - atCancel).to.be.at.most(11);
    const detailed = (await service.producer.products(searchId)).filter(
      ({ details }) => details !== undefined,
    );
    expect(detailed).to.have.length(itemCalls().length);
    expect(await service.calls.getJobCountByTypes('prioritized', 'wait', 'delayed', 'active')).to.equal(0);
  });

  it('says how many details are there', async () => {
    const { searchId } = await service.producer.enqueue(wanted);
    const progress = await waitFor('progress', async () => {
      const { progress: now } = await service.producer.get(searchId);
      return now?.details ? now : undefined;
    });
    expect(progress.details?.of).to.equal(100);
    expect(progress).to.include({ state: 'collecting', pages: 1, products: 100 });
  });
});

describe('a search whose item calls end before all are made', () => {
  let refusal: { code: FailureCode; after: number } | undefined;
  let made = 0;
  beforeEach(() => {
    refusal = undefined;
    made = 0;
  });
  const service = useService(
    {},
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: around(context.collector, {
          async collectItem(call) {
            made += 1;
            if (refusal !== undefined && made > refusal.after)
              throw new Failure(refusal.code, 'no more calls', { calls: 0 });
            return context.collector.collectItem(call);
          },
        }),
      }),
    },
  );

  /** What each item call of the simulator's log asked for, as a summary names it. */
  const asked = () =>
    service.simulator.controls
      .log()
      .flatMap(({ kind, path, query }) =>
        kind === 'item'
          ? [decodeURIComponent(path.split('/').at(-1) ?? '')]
          : kind === 'item-group'
            ? [query.item_group_id ?? '']
            : [],
      );
  const named = async (): Promise<SearchRequest> => {
    const { searchId } = await service.search({ query: 'phone case', maxItems: 25 });
    const products = await service.producer.products(searchId);
    return { items: products.map(({ itemId }) => itemId) };
  };
  const found = { query: 'phone case', maxItems: 25, details: 'full' } as const;

  for (const [what, request, code] of [
    ['a keyset that is refused, of items that it names', named, 'credential-refused'],
    ['a keyset that is refused, of details', () => found, 'credential-refused'],
    ['a budget that is spent, of items that it names', named, 'budget_exceeded'],
    ['a budget that is spent, of variations', () => ({ ...found, variations: 'all' }), 'budget_exceeded'],
  ] as const)
    it(`names each one that is not there, with ${what}, and a retry asks for just those`, async () => {
      const wanted = await request();
      service.simulator.controls.clearLog();
      refusal = { code, after: 7 };
      const { searchId, summary } = await service.search(wanted);
      expect(summary?.outcome).to.equal('partial');
      const there = asked();
      expect(there).to.have.length(7);
      expect(new Set(summary?.missing.map((part) => part.code))).to.deep.equal(new Set([code]));
      const missing = summary?.missing.map(({ itemId }) => itemId as string) ?? [];
      expect(missing).to.not.include.members(there);

      refusal = undefined;
      service.simulator.controls.clearLog();
      await service.producer.retry(searchId);
      const again = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
      expect(again.summary).to.deep.include({ outcome: 'complete', missing: [] });
      expect(asked()).to.have.members(missing);
    });
});
