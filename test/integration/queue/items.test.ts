import { expect } from 'chai';
import type { Product } from '../../../src/product/product.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { around, usePause } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a search for listings that the request names', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  /** Each listing's id and variation, of those with variations and of those without. */
  let grouped: Product[];
  let single: Product[];

  beforeEach(async () => {
    const { searchId } = await service.search({ query: 'phone case', maxItems: 30 });
    const products = await service.producer.products(searchId);
    grouped = products.filter(({ group }) => group !== null);
    single = products.filter(({ group }) => group === null);
    service.simulator.controls.clearLog();
  });

  const idOf = ({ legacyItemId }: Product) => legacyItemId as string;
  /** What was asked for, in the order of the calls: an item's id, or the number of a listing or group with the kind. */
  const asked = () =>
    service.simulator.controls
      .log()
      .filter(({ kind }) => kind !== 'token' && kind !== 'rate-limit')
      .map(({ kind, path, query }) =>
        kind === 'item'
          ? decodeURIComponent(path.split('/').at(-1) ?? '')
          : `${kind} ${query.legacy_item_id ?? query.item_group_id ?? ''}`,
      );

  it('asks for each once, in whichever form it is named, and delivers them in the order of the request', async () => {
    const [one, two, three, four] = single as [Product, Product, Product, Product];
    const [variation] = grouped as [Product];
    const [, listing, number] = variation.itemId.split('|');
    const items = [
      one.itemId,
      `  ${idOf(two)} `,
      `https://www.ebay.com/itm/A-Phone-Case/${idOf(three)}?hash=item1`,
      `https://www.ebay.de/itm/${listing}?var=${number}`,
      four.itemId,
      `https://m.ebay.com/itm/${idOf(one)}`,
    ];
    const { searchId, summary } = await service.search({ items });
    expect(summary).to.deep.include({
      outcome: 'complete',
      pages: 0,
      calls: 5,
      lookedAt: 5,
      stoppedBy: 'end',
      missing: [],
      gone: [],
      error: null,
    });
    expect(summary?.counts).to.deep.equal({
      found: 5,
      collected: 5,
      products: 5,
      duplicates: 0,
      filteredOut: 0,
      rejected: {},
    });
    expect(Date.parse(summary?.expiresAt ?? '')).to.be.greaterThan(Date.now());
    expect(asked()).to.have.members([
      one.itemId,
      `legacy-item ${idOf(two)}`,
      `legacy-item ${idOf(three)}`,
      variation.itemId,
      four.itemId,
    ]);
    const products = await service.producer.products(searchId);
    expect(products.map(({ itemId, rank }) => [itemId, rank])).to.deep.equal(
      [one, two, three, variation, four].map(({ itemId }, index) => [itemId, index + 1]),
    );
    for (const product of products) {
      expect(product).to.include({ marketplace: 'EBAY_US' });
      expect(product.details?.observedAt).to.equal(product.observedAt);
    }
    const streamed: Product[] = [];
    for await (const part of service.producer.productParts(searchId)) streamed.push(...part);
    expect(streamed).to.deep.equal(products);
  });

  it('carry a version that release 0.2 leaves to later ones, unless it makes the same calls', async () => {
    const [one] = single as [Product];
    const query = { query: 'phone case', maxItems: 1 };
    const searches: Array<[SearchRequest, versions: string[]]> = [
      [{ ...query, details: 'full' }, ['item 2', 'page 2']],
      [{ ...query, details: 'full', detailsMaxAge: 0 }, ['item 3', 'page 3']],
      [{ items: [one.itemId] }, ['item 3']],
      [{ gtin: '4006381333931', maxItems: 1 }, ['page 3']],
      [{ ...query, filters: { itemLocationRegion: 'EUROPEAN_UNION' } }, ['page 3']],
      [{ ...query, filters: { itemLocationCountry: 'US' } }, ['page 2']],
    ];
    for (const [request, versions] of searches) {
      const { searchId } = await service.search(request);
      const jobs = await service.calls.getJobs(['completed']);
      const own = jobs.filter(({ data }) => data.search.searchId === searchId);
      const carried = own.map(({ data }) => `${data.kind} ${data.v}`).sort();
      expect(carried, JSON.stringify(request)).to.deep.equal(versions);
    }
  });

  it('says of a listing with variations that one is to be named, and asks for no other', async () => {
    const [listing] = grouped as [Product];
    const [other] = single as [Product];
    const { searchId, summary } = await service.search({ items: [idOf(listing), other.itemId] });
    expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: null, calls: 2 });
    expect(summary?.missing).to.have.length(1);
    expect(summary?.missing[0]).to.include({ page: null, code: 'item-has-variations' });
    expect(summary?.missing[0]?.message).to.include('variations: all').and.include(idOf(listing));
    expect(summary?.error).to.include({ code: 'item-has-variations', retryable: false });
    const products = await service.producer.products(searchId);
    expect(products.map(({ itemId }) => itemId)).to.deep.equal([other.itemId]);
  });

  it('asks for the variations of a listing that turns out to have some, and delivers each in its place', async () => {
    const [listing] = grouped as [Product];
    const [first, last] = single as [Product, Product];
    const items = [first.itemId, idOf(listing), last.itemId];
    const { searchId, summary } = await service.search({ items, variations: 'all' });
    expect(asked()).to.have.members([
      first.itemId,
      `legacy-item ${idOf(listing)}`,
      last.itemId,
      `item-group ${idOf(listing)}`,
    ]);
    expect(asked().at(-1)).to.equal(`item-group ${idOf(listing)}`);
    const products = await service.producer.products(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 4, lookedAt: products.length });
    const variations = products.slice(1, -1);
    expect(variations.length).to.be.greaterThan(1);
    expect(new Set(variations.map(({ itemId }) => itemId)).size).to.equal(variations.length);
    expect(new Set(variations.map(idOf))).to.deep.equal(new Set([idOf(listing)]));
    expect(variations.every(({ details, rank }) => details !== undefined && rank === 2)).to.equal(true);
    expect([products[0], products.at(-1)].map((product) => product?.itemId)).to.deep.equal([
      first.itemId,
      last.itemId,
    ]);
    expect((await service.producer.get(searchId)).progress?.details).to.deep.equal({ there: 4, of: 4 });
  });

  it('asks for all variations at once where one of them is named', async () => {
    const [variation] = grouped as [Product];
    const { summary } = await service.search({ items: [variation.itemId], variations: 'all' });
    expect(asked()).to.deep.equal([`item-group ${idOf(variation)}`]);
    expect(summary).to.include({ outcome: 'complete', calls: 1 });
  });

  it('names what is gone, which is no failure; where all are gone nothing was found', async () => {
    const [gone, there, alsoGone] = single as [Product, Product, Product];
    for (const { legacyItemId } of [gone, alsoGone])
      service.simulator.controls.removeListing(legacyItemId as string);
    const items = [gone.itemId, there.itemId, idOf(alsoGone)];
    const { summary } = await service.search({ items, detailsMaxAge: 0 });
    expect(summary).to.deep.include({
      outcome: 'complete',
      gone: [gone.itemId, idOf(alsoGone)],
      error: null,
    });
    expect(summary?.counts).to.include({ collected: 1, products: 1 });
    const all = await service.search({ items: [gone.itemId, idOf(alsoGone)], detailsMaxAge: 0 });
    expect(all.summary).to.deep.include({
      outcome: 'none-found',
      stoppedBy: 'end',
      gone: [gone.itemId, idOf(alsoGone)],
    });
  });

  it('is partial when an item fails, and a retry asks for that one only', async () => {
    const [one, two] = single as [Product, Product];
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 500, on: { endpoint: 'legacy-item' }, count: 1 });
    const { searchId, summary } = await service.search({ items: [one.itemId, idOf(two)] });
    expect(summary).to.include({ outcome: 'partial', stoppedBy: null });
    expect(summary?.missing.map(({ itemId }) => itemId)).to.deep.equal([idOf(two)]);
    controls.clearLog();
    await service.producer.retry(searchId);
    const retried = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(asked()).to.deep.equal([`legacy-item ${idOf(two)}`]);
    expect(retried.summary).to.deep.include({ outcome: 'complete', calls: 3, missing: [] });
  });

  it('fails where nothing at all was answered', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item' } });
    const [one] = single as [Product];
    const report = await service.search({ items: [one.itemId] });
    expect(report.error?.code).to.equal('ebay-server-error');
    const degraded = await service.search({ items: [one.itemId], onFailure: 'degrade' });
    expect(degraded.summary).to.include({ outcome: 'degraded', expiresAt: null });
  });

  it('answers an identical search within maxAge without a call, in the order of each', async () => {
    const [one, two] = single as [Product, Product];
    // Without answers for items that all searches share.
    await service.search({ items: [one.itemId, two.itemId], detailsMaxAge: 0 });
    service.simulator.controls.clearLog();
    const items = [two.itemId, one.itemId];
    const { searchId, summary } = await service.search({ items, maxAge: 60, detailsMaxAge: 0 });
    expect(asked()).to.deep.equal([]);
    expect(summary).to.include({ outcome: 'complete', calls: 0 });
    const products = await service.producer.products(searchId);
    expect(products.map(({ itemId }) => itemId)).to.deep.equal(items);
  });

  it('applies the margin that the request demands, and counts what it drops', async () => {
    const free = single.filter(({ shipping }) => shipping.kind === 'free');
    const [cheap, dear] = free as [Product, Product];
    service.simulator.controls.changeListing(idOf(cheap), { price: '1.00' });
    service.simulator.controls.changeListing(idOf(dear), { price: '900.00' });
    const costs = { currency: 'USD', resalePrice: '500', minMarginAmount: '1' };
    const { searchId, summary } = await service.search({ items: [dear.itemId, idOf(cheap)], costs });
    expect(summary?.counts).to.deep.include({ products: 1, filteredOut: 1, filteredOutBy: { margin: 1 } });
    expect(summary).to.include({ outcome: 'complete', stoppedBy: 'end', lookedAt: 2 });
    const products = await service.producer.products(searchId);
    expect(products.map(({ itemId }) => itemId)).to.deep.equal([cheap.itemId]);
    expect((await service.search({ items: [dear.itemId], costs })).summary?.outcome).to.equal('filtered-out');
  });

  it('is compared with its track: a changed price, and what is gone, each once', async () => {
    const [one, two] = single as [Product, Product];
    const request = { items: [one.itemId, idOf(two)], track: 'named', detailsMaxAge: 0 };
    await service.search(request);
    service.simulator.controls.changeListing(idOf(one), { price: '0.99' });
    service.simulator.controls.removeListing(idOf(two));
    const { searchId, summary } = await service.search(request);
    const products = await service.producer.products(searchId);
    expect(products.map(({ itemId, mark }) => [itemId, mark])).to.deep.equal([[one.itemId, 'price-dropped']]);
    expect(summary?.gone).to.deep.equal([idOf(two)]);
    const events = await service.producer.get(searchId);
    expect(events.state).to.equal('done');
    const third = await service.search(request);
    const same = await service.producer.products(third.searchId);
    expect(same.map(({ mark }) => mark)).to.deep.equal(['same']);
  });
});

describe('a search for all variations of what it finds', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  const wanted = { query: 'phone case', maxItems: 20, variations: 'all' } as const;
  const calls = (kind: 'search' | 'item' | 'item-group') => service.simulator.controls.log({ kind });

  it('calls once for each listing that has some, and delivers them in place of the product of the page', async () => {
    const listed = await service.search({ query: 'phone case', maxItems: 20 });
    const before = await service.producer.products(listed.searchId);
    const groups = new Set(before.flatMap(({ group }) => group?.id ?? []));
    service.simulator.controls.clearLog();
    const { searchId, summary } = await service.search(wanted);
    expect(groups.size).to.be.greaterThan(1);
    expect(calls('search')).to.have.length(1);
    expect(calls('item')).to.have.length(0);
    expect(calls('item-group').map(({ query }) => query.item_group_id)).to.have.members([...groups]);
    const products = await service.producer.products(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', pages: 1, calls: 1 + groups.size, missing: [] });
    expect(summary?.counts.products).to.equal(products.length).and.be.greaterThan(before.length);
    const listings = [...new Set(products.map(({ legacyItemId }) => legacyItemId))];
    expect(listings).to.deep.equal([...new Set(before.map(({ legacyItemId }) => legacyItemId))]);
    for (const { group, details } of products)
      expect(details !== undefined, String(group?.id)).to.equal(group !== null);
    const streamed: Product[] = [];
    for await (const part of service.producer.productParts(searchId)) streamed.push(...part);
    expect(streamed).to.deep.equal(products);
  });

  it('reports the changed price of each variation by its track', async () => {
    const request = { ...wanted, track: 'variations', detailsMaxAge: 0 };
    const first = await service.search(request);
    const before = await service.producer.products(first.searchId);
    const listing = before.find(({ group }) => group !== null)?.legacyItemId as string;
    service.simulator.controls.changeListing(listing, { price: '0.99' });
    const { searchId } = await service.search(request);
    const products = await service.producer.products(searchId);
    const changed = products.filter(({ legacyItemId }) => legacyItemId === listing);
    expect(changed.length).to.be.greaterThan(1);
    expect(new Set(changed.map(({ mark }) => mark))).to.deep.equal(new Set(['price-dropped']));
    const others = products.filter(({ legacyItemId, mark }) => legacyItemId !== listing && mark !== 'same');
    expect(others.map(({ itemId, mark }) => [itemId, mark])).to.deep.equal([]);
  });

  it('calls with details for each of the other products too, and for no variation', async () => {
    const { searchId, summary } = await service.search({ ...wanted, details: 'full' });
    const products = await service.producer.products(searchId);
    const single = products.filter(({ group }) => group === null);
    expect(calls('item')).to.have.length(single.length);
    expect(summary?.calls).to.equal(1 + single.length + calls('item-group').length);
    expect(products.every(({ details }) => details !== undefined)).to.equal(true);
  });

  it('keeps the product of the page where its variations fail, and names what was asked for', async () => {
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item-group' }, count: 1 });
    const { searchId, summary } = await service.search(wanted);
    expect(summary).to.include({ outcome: 'partial', stoppedBy: 'wanted' });
    const [failed] = summary?.missing ?? [];
    const listing = failed?.itemId;
    const products = await service.producer.products(searchId);
    const kept = products.filter(({ legacyItemId }) => legacyItemId === listing);
    expect(kept.map(({ details }) => details)).to.deep.equal([undefined]);
    controls.clearLog();
    await service.producer.retry(searchId);
    const retried = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(retried.summary).to.include({ outcome: 'complete' });
    expect(calls('item-group')).to.have.length(1);
  });
});

describe('a worker that is lost between eBay’s answer for an item and its storing', () => {
  const answered = usePause<string>();
  let counted = 0;
  const service = useService(
    {
      WORKER_LOCK_DURATION: '1',
      WORKER_STALLED_INTERVAL: '0.2',
      EBAY_CALL_TIMEOUT: '1',
      EBAY_CONNECT_TIMEOUT: '1',
    },
    {},
    {
      adapt: (context) => ({
        ...context,
        metrics: around(context.metrics, {
          collected(products) {
            counted += products;
          },
        }),
        collector: around(context.collector, {
          async collectItem(call) {
            const answer = await context.collector.collectItem(call);
            await answered.pass(call.itemId);
            return answer;
          },
        }),
      }),
    },
  );

  it('costs one more call for that item, and none for the others', async () => {
    const found = await service.search({ query: 'phone case', maxItems: 60 });
    const grouped = (await service.producer.products(found.searchId)).filter(({ group }) => group !== null);
    const items = grouped.slice(0, 3).map(({ itemId }) => itemId);
    const [lost] = grouped.map(({ legacyItemId }) => legacyItemId as string);
    answered.hold((reference) => reference === `group:${lost}`);
    counted = 0;
    const { searchId } = await service.producer.enqueue({ items, variations: 'all' });
    await waitFor('the answer that is not stored', () => answered.waiting === 1);
    answered.hold(() => false);
    const jobs = await service.calls.getJobs(['active']);
    const job = jobs.find(({ data }) => data.itemId === `group:${lost}`);
    const stored = new StoredJobs(service.config.redis.url);
    await waitFor('the search to end without it', async () => {
      await stored.redis.del(service.calls.toKey(`${job?.id}:lock`));
      return (await service.producer.get(searchId)).summary;
    });
    stored.close();
    const { summary } = await service.producer.get(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 3, missing: [] });
    const calls = service.simulator.controls
      .log({ kind: 'item-group' })
      .map(({ query }) => query.item_group_id);
    expect(calls.filter((id) => id === lost)).to.have.length(2);
    expect(calls).to.have.length(4);
    const products = await service.producer.products(searchId);
    expect(counted).to.equal(products.length);
    expect(new Set(products.map(({ itemId }) => itemId)).size).to.equal(products.length);
  });
});
