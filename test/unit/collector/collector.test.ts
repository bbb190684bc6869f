import { expect } from 'chai';
import { EbayProductCollector } from '../../../src/collector/collector.ts';
import type { BrowseClient } from '../../../src/ebay/client.ts';
import { Failure } from '../../../src/failures.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { failureOf } from '../../support/gates.ts';

type Call = { marketplace: string; offset: number; limit: number };

/** A Browse client that answers from a function: the collector's own boundary. */
function collector(answer: (call: Call) => Record<string, unknown>) {
  const calls: Call[] = [];
  const browse = {
    async search(params: Record<string, string>, headers: Record<string, string>) {
      const marketplace = headers['X-EBAY-C-MARKETPLACE-ID'] as string;
      const call = { marketplace, offset: Number(params.offset), limit: Number(params.limit) };
      calls.push(call);
      return { body: answer(call), latencyMs: 12, attempts: 1 };
    },
    getItemByLegacyId: (id: string) => browse.getItem(id),
    getItemsByGroup: (id: string) => browse.getItem(id),
    async getItem(itemId: string): Promise<{ body: object; latencyMs: number; attempts: number }> {
      if (itemId === 'v1|gone|0') throw new Failure('item-gone', 'eBay no longer has the item');
      return { body: answer({ marketplace: itemId, offset: 0, limit: 1 }), latencyMs: 12, attempts: 2 };
    },
  };
  const made = new EbayProductCollector({
    browse: browse as unknown as BrowseClient,
    clock: () => new Date('2026-08-01T12:00:00Z'),
  });
  return { collector: made, calls };
}

function request(input: Record<string, unknown>): NormalRequest {
  const parsed = parseSearchRequest({ query: 'phone', ...input }, { marketplace: 'EBAY_US' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.request;
}

/** A full page of a listing that goes on, every item different unless `first` says where numbering begins. */
function page({ marketplace, offset, limit }: Call, { next = true, items = limit, title = 'Phone' } = {}) {
  return {
    total: 1000,
    offset,
    limit,
    ...(next
      ? { next: `https://api.ebay.com/buy/browse/v1/item_summary/search?offset=${offset + limit}` }
      : {}),
    itemSummaries: Array.from({ length: items }, (_, index) => ({
      itemId: `v1|${marketplace.length * 100_000 + offset + index}${marketplace.at(-1)?.charCodeAt(0)}|0`,
      title,
      itemWebUrl: 'https://www.ebay.com/itm/1',
      price: { value: '10.00', currency: 'USD' },
      buyingOptions: ['FIXED_PRICE'],
    })),
  };
}

const broken = () => {
  throw new Failure('ebay-server-error', 'eBay answered 503');
};

describe('the collector', () => {
  it('gets one page with what it took', async () => {
    const { collector: made } = collector((call) => page(call));
    const answer = await made.collectPage({
      request: request({}),
      marketplace: 'EBAY_US',
      offset: 200,
      limit: 200,
      class: 'interactive',
    });
    expect(answer.products).to.have.lengthOf(200);
    expect(answer.products[0]?.rank).to.equal(201);
    const { hasNext, latencyMs, calls, observedAt } = answer;
    expect({ hasNext, latencyMs, calls, observedAt }).to.deep.equal({
      hasNext: true,
      latencyMs: 12,
      calls: 1,
      observedAt: '2026-08-01T12:00:00.000Z',
    });
  });

  it('takes JSON of another shape for a bad answer, never for an empty page', async () => {
    const { collector: made } = collector(() => ({ hello: 'world' }));
    const failure = await failureOf(made.collect(request({})));
    expect(failure.code).to.equal('ebay-bad-answer');
  });

  it('steps the offset by the page size and stops when enough was collected', async () => {
    const { collector: made, calls } = collector((call) => page(call, { items: call.limit - 1 }));
    const { outcome, products, pages } = await made.collect(request({ maxItems: 450 }));
    expect(calls.map(({ offset }) => offset)).to.deep.equal([0, 200, 400]);
    expect(outcome).to.equal('complete');
    expect(pages).to.equal(3);
    expect(products).to.have.lengthOf(450);
  });

  it('stops where the listing ends', async () => {
    const { collector: made, calls } = collector((call) => page(call, { next: false, items: 7 }));
    const { products, calls: made7 } = await made.collect(request({ maxItems: 1000 }));
    expect([calls.length, products.length, made7]).to.deep.equal([1, 7, 1]);
  });

  it('every configured marketplace is queried and results merged with the right marketplace label', async () => {
    const { collector: made } = collector((call) => page(call, { next: false, items: 2 }));
    const { products } = await made.collect(request({ marketplaces: ['EBAY_US', 'EBAY_GB'], maxItems: 10 }));
    expect(products.map(({ marketplace }) => marketplace)).to.deep.equal([
      'EBAY_US',
      'EBAY_US',
      'EBAY_GB',
      'EBAY_GB',
    ]);
  });

  it('one marketplace failing does not lose the others: the result is partial, with the reason', async () => {
    const { collector: made } = collector((call) =>
      call.marketplace === 'EBAY_US' ? broken() : page(call, { next: false, items: 2 }),
    );
    const collected = await made.collect(request({ marketplaces: ['EBAY_US', 'EBAY_GB'], maxItems: 10 }));
    expect(collected.outcome).to.equal('partial');
    expect(collected.products).to.have.lengthOf(2);
    expect(collected.missing).to.deep.equal([
      { marketplace: 'EBAY_US', page: 1, code: 'ebay-server-error', message: 'eBay answered 503' },
    ]);
  });

  it('keeps what came before a later page failed', async () => {
    const { collector: made } = collector((call) => (call.offset > 0 ? broken() : page(call)));
    const { outcome, products, missing } = await made.collect(request({ maxItems: 600 }));
    expect([outcome, products.length, missing[0]?.page]).to.deep.equal(['partial', 200, 2]);
  });

  it('fails with the typed reason when the first page does', async () => {
    const { collector: made } = collector(broken);
    expect((await failureOf(made.collect(request({})))).code).to.equal('ebay-server-error');
  });

  it('nothing found and all filtered away are different outcomes', async () => {
    const none = collector(() => ({ total: 0, offset: 0, limit: 200 })).collector;
    expect((await none.collect(request({}))).outcome).to.equal('none-found');
    const all = collector((call) => page(call, { next: false, items: 3, title: 'Phone case' })).collector;
    const filtered = await all.collect(request({ title: { exclude: ['case'] } }));
    expect([filtered.outcome, filtered.counts.filteredOut]).to.deep.equal(['filtered-out', 3]);
  });

  it('goes on behind short and repeating pages, from where eBay says, and says how it ended', async () => {
    const { collector: made, calls } = collector((call) => {
      const limit = Math.min(call.limit, call.offset === 0 ? 100 : 200);
      return { ...page({ ...call, limit }, { items: limit - 30 }), limit };
    });
    const { outcome, products, stoppedBy, lookedAt } = await made.collect(request({ maxItems: 300 }));
    expect(calls.map(({ offset, limit }) => [offset, limit])).to.deep.equal([
      [0, 200],
      [100, 100],
      [200, 200],
    ]);
    expect([outcome, products.length, stoppedBy, lookedAt]).to.deep.equal(['complete', 300, 'wanted', 310]);
  });

  it('is partial at its bound, and says how much was looked at', async () => {
    const { collector: made } = collector((call) => page(call, { title: 'Phone case' }));
    const bound = { maxItems: 50, maxCalls: 3, title: { exclude: ['case'] } };
    const { outcome, stoppedBy, lookedAt, calls } = await made.collect(request(bound));
    expect([outcome, stoppedBy, lookedAt, calls]).to.deep.equal(['partial', 'max-calls', 600, 3]);
  });

  it('fails with strictFilters where eBay ignored a part, with the calls that it took', async () => {
    const ignored = { warnings: [{ errorId: 12014, message: 'sellerAccountTypes ignored' }] };
    const { collector: made } = collector((call) => ({ ...page(call), ...ignored }));
    expect((await made.collect(request({}))).warnings).to.have.lengthOf(1);
    const failure = await failureOf(made.collect(request({ strictFilters: true })));
    expect([failure.code, failure.detail.calls]).to.deep.equal(['filter-ignored', 1]);
    expect(failure.message).to.include('sellerAccountTypes ignored');
  });

  it('an item that is gone has details that say so', async () => {
    const { collector: made } = collector(() => ({ itemId: 'v1|1|0', brand: 'Acme' }));
    const wanted = { request: request({}), marketplace: 'EBAY_US', class: 'interactive' } as const;
    const there = await made.collectItem({ ...wanted, itemId: 'v1|1|0' });
    expect([there.details.brand, there.calls]).to.deep.equal(['Acme', 2]);
    const gone = await made.collectItem({ ...wanted, itemId: 'v1|gone|0' });
    expect(gone.details.availability).to.equal('gone');
    const { collector: odd } = collector(() => ({}));
    expect((await failureOf(odd.collectItem({ ...wanted, itemId: 'v1|1|0' }))).code).to.equal(
      'ebay-bad-answer',
    );
  });

  it('an answer that is delivered is about the very item, listing or group that was asked for', async () => {
    const item = (itemId: string) => ({ itemId, title: 'Phone', buyingOptions: ['FIXED_PRICE'] });
    const answerTo = (itemId: string, body: Record<string, unknown>) => {
      const asked = { ...request({}), items: ['110000000001'], variations: 'all' as const };
      const wanted = { request: asked, marketplace: 'EBAY_US', class: 'interactive', itemId } as const;
      return collector(() => body).collector.collectItem(wanted);
    };
    for (const [itemId, body] of [
      ['v1|110000000001|5', item('v1|110000000001|6')],
      ['listing:110000000001', item('v1|110000000002|0')],
      ['group:110000000001', { items: [item('v1|110000000001|5'), item('v1|110000000002|5')] }],
      ['group:110000000001', { items: [] }],
      ['group:110000000001', item('v1|110000000001|5')],
    ] as const)
      expect((await failureOf(answerTo(itemId, body))).code).to.equal('ebay-bad-answer');
    const group = { items: [item('v1|110000000001|5'), item('v1|110000000001|6'), { itemId: 'v1|1|7' }] };
    const { products, rejected } = await answerTo('group:110000000001', group);
    expect(products?.map(({ itemId }) => itemId)).to.deep.equal(['v1|110000000001|5', 'v1|110000000001|6']);
    expect(rejected).to.deep.equal({ 'no-title': 1 });
  });

  it('an answer about another item, or about another variation of its listing, is none', async () => {
    const { collector: made } = collector(() => ({ itemId: 'v1|1|6', brand: 'Acme' }));
    const wanted = { request: request({}), marketplace: 'EBAY_US', class: 'interactive' } as const;
    for (const itemId of ['v1|2|6', 'v1|1|5', 'v1|1|0']) {
      const failure = await failureOf(made.collectItem({ ...wanted, itemId }));
      expect([failure.code, failure.detail.calls], itemId).to.deep.equal(['ebay-bad-answer', 2]);
    }
    const own = await made.collectItem({ ...wanted, itemId: 'v1|1|6' });
    expect(own.details.brand).to.equal('Acme');
  });
});
