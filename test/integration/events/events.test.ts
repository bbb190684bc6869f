import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { ServiceEvent } from '../../../src/events/event.ts';
import { eventStreamKey } from '../../../src/events/stream.ts';
import type { Product } from '../../../src/product/product.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { allEvents, countByType } from '../../support/events.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

/** A listing of more than one page that fits into a search as a whole. */
const whole: SearchRequest = { query: 'led strip', maxItems: 1000 };

describe('the event stream', () => {
  const service = useService({ PAGE_ATTEMPTS: '1', SWEEP_INTERVAL: '0.1' });
  let redis: Redis;
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
  });
  afterEach(() => redis.disconnect());

  /** The events since `before`. */
  async function eventsSince(before: ServiceEvent[]) {
    return (await allEvents(redis)).slice(before.length);
  }

  /** A price change that the next look will find. */
  function changePrice({ itemId, price }: Product, by: number) {
    service.simulator.controls.changeListing(itemId, { price: (Number(price?.value) + by).toFixed(2) });
  }

  async function pricedOf(searchId: string): Promise<Product[]> {
    const products = await service.producer.products(searchId);
    return products.filter(({ total, converted, auction }) => total && !converted && !auction);
  }

  it('has the first search of a track in one event, and then each change in one', async () => {
    const request = { ...whole, track: 'news' };
    const first = await service.search(request);
    const before = await allEvents(redis);
    expect(countByType(before)).to.deep.equal({ 'search.completed': 1 });
    expect(before[0]).to.deep.include({ searchId: first.searchId, query: 'led strip', schedule: null });

    const [cheaper, dearer, removed] = (await pricedOf(first.searchId)).slice(-3) as [
      Product,
      Product,
      Product,
    ];
    changePrice(cheaper, -0.5);
    changePrice(dearer, 0.25);
    service.simulator.controls.removeListing(removed.itemId);
    const added = service.simulator.controls.addListing({ title: 'led strip with a hook', price: '9.99' });
    const second = await service.search(request);
    const published = await eventsSince(before);
    const items = published.map((event) => ('product' in event ? event.product.itemId : event.searchId));
    expect(new Map(published.map(({ type }, index) => [type, items[index]]))).to.deep.equal(
      new Map([
        ['product.new', added],
        ['product.price-dropped', cheaper.itemId],
        ['product.price-rose', dearer.itemId],
        ['product.gone', removed.itemId],
        ['search.completed', second.searchId],
      ]),
    );
    const drop = published.find(({ type }) => type === 'product.price-dropped');
    expect(drop).to.deep.include({ formerTotal: cheaper.total });
    const { mark, formerTotal } = (await pricedOf(second.searchId)).find(
      ({ itemId }) => itemId === cheaper.itemId,
    ) as Product;
    expect({ mark, formerTotal }).to.deep.equal({ mark: 'price-dropped', formerTotal: cheaper.total });
  });

  it('has what a retry brings, and nothing twice', async () => {
    const request = { ...whole, track: 'retried' };
    await service.search(request);
    const added = Array.from({ length: 3 }, (_, n) =>
      service.simulator.controls.addListing({ title: `led strip number ${n}`, price: '9.99' }),
    );
    const before = await allEvents(redis);
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 200 }, count: 1 });
    const { searchId, summary } = await service.search(request);
    expect(summary?.outcome).to.equal('partial');
    await service.producer.retry(searchId);
    await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    const published = await eventsSince(before);
    const fresh = published.flatMap((event) => (event.type === 'product.new' ? [event.product.itemId] : []));
    expect(fresh).to.have.members(added);
    expect(countByType(published)).to.deep.equal({ 'product.new': 3, 'search.completed': 2 });
  });

  it('has one event of a price that changes to and fro within the cool-down', async () => {
    const request = { ...whole, track: 'swinging' };
    const [swinging] = (await pricedOf((await service.search(request)).searchId)) as [Product];
    const before = await allEvents(redis);
    for (const by of [-0.5, 0, -0.5]) {
      changePrice(swinging, by);
      await service.search(request);
    }
    expect(countByType(await eventsSince(before))).to.deep.equal({
      'search.completed': 3,
      'product.price-dropped': 1,
    });
  });

  it('has searches that fail, are cancelled, are refused or cannot be read', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    const failed = await service.search({ query: 'phone case' });
    await service.searches.add('search', { query: 7 }, { jobId: 'refused' });
    await waitFor(
      'the refused job',
      async () => (await service.searches.getJobState('refused')) === 'failed',
    );
    await service.calls.pause();
    const cancelled = await service.producer.enqueue({ query: 'yoga mat' });
    await waitFor('the page to wait', async () => (await service.calls.getPrioritizedCount()) === 1);
    await service.producer.cancel(cancelled.searchId);
    await service.producer.waitFor(cancelled.searchId, { timeoutMs: 15_000 });
    await service.searches.pause();
    await service.searches.add('search', { query: 'yoga mat' }, { jobId: 'unreadable', priority: 1 });
    await redis.hset('{ebay}:ebay-search:unreadable', 'data', '{');
    const published = await waitFor('four events', async () => {
      const events = await allEvents(redis);
      return events.length >= 4 ? events : undefined;
    });
    expect(
      published.map((event) => [event.type, event.searchId, 'error' in event ? event.error.code : null]),
    ).to.deep.equal([
      ['search.failed', failed.searchId, 'ebay-server-error'],
      ['search.failed', 'refused', 'invalid_payload'],
      ['search.cancelled', cancelled.searchId, null],
      ['search.failed', 'unreadable', 'invalid_payload'],
    ]);
  });

  it('is a stream of each tenant’s own', () => {
    expect(eventStreamKey('{ebay}', 'default')).to.equal('{ebay}:events');
    expect(eventStreamKey('{ebay}', 'acme')).to.equal('{ebay}:events:acme');
  });
});
