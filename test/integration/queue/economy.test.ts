import { expect } from 'chai';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { useService } from '../../support/service.ts';
import { get, mintToken, SEARCH } from '../../support/simulator.ts';

describe('the calls that a search costs, by the log of the simulator', () => {
  const service = useService({ PAGE_BACKOFF: '0.01' });
  const controls = () => service.simulator.controls;

  /** Listings that a word of their own finds, the same number on every site. */
  function list(word: string, count: number): string[] {
    return Array.from({ length: count }, (_, n) =>
      controls().addListing({ title: `${word} lamp ${n}`, price: '5.00' }),
    );
  }

  /** Calls for pages and for items of each of these searches, one after the other. */
  async function callsOf(...requests: SearchRequest[]): Promise<Array<[pages: number, items: number]>> {
    const calls: Array<[number, number]> = [];
    for (const request of requests) {
      controls().clearLog();
      const { summary } = await service.search(request);
      const made = [controls().log({ kind: 'search' }).length, controls().log({ kind: 'item' }).length];
      expect(summary?.calls, JSON.stringify(request)).to.equal((made[0] as number) + (made[1] as number));
      calls.push(made as [number, number]);
    }
    return calls;
  }
  const pagesOf = async (...requests: SearchRequest[]) =>
    (await callsOf(...requests)).map(([pages]) => pages);
  const limits = () =>
    controls()
      .log({ kind: 'search' })
      .map(({ query }) => Number(query.limit));

  it('are as many as pages of 200 hold what is wanted, and none beyond the end of the listing', async () => {
    const query = 'phone case';
    const wanted = [450, 400, 201, 200, 1].map((maxItems) => ({ query, maxItems }));
    expect(await pagesOf(...wanted)).to.deep.equal([3, 2, 2, 1, 1]);
    list('vermilionix', 450);
    expect(await pagesOf({ query: 'vermilionix', maxItems: 1000 })).to.deep.equal([3]);
    expect(limits()).to.deep.equal([200, 200, 200]);
    expect(await pagesOf({ query: 'nothinghasthisname' })).to.deep.equal([1]);
  });

  it('are one for each of five sites with the same goods, and ask for whole pages where conditions drop some', async () => {
    const marketplaces = ['EBAY_US', 'EBAY_DE', 'EBAY_GB', 'EBAY_FR', 'EBAY_IT'] as const;
    expect(
      await pagesOf({ query: 'phone case', maxItems: 1000, marketplaces: [...marketplaces] }),
    ).to.deep.equal([5]);
    expect(
      await pagesOf({ query: 'phone case', maxItems: 5, title: { exclude: ['quetzal'] } }),
    ).to.deep.equal([1]);
    expect(limits()).to.deep.equal([200]);
  });

  it('are one for a track that looks for the newest, with nothing new and with five new of 400', async () => {
    list('cerulescent', 400);
    const newest: SearchRequest = {
      ...{ query: 'cerulescent', sort: 'newlyListed', maxItems: 1000, track: 'newest' },
    };
    expect(await pagesOf(newest, newest)).to.deep.equal([2, 1]);
    list('cerulescent', 5);
    expect(await pagesOf(newest, newest)).to.deep.equal([1, 1]);
  });

  it('are 21, 1 and 1 for three runs with the details of twenty items', async () => {
    const full: SearchRequest = { query: 'phone case', maxItems: 20, details: 'full' };
    const runs = [
      [1, 20],
      [1, 0],
      [1, 0],
    ];
    expect(await callsOf(full, full, full)).to.deep.equal(runs);
    const fresh: SearchRequest = {
      ...full,
      query: 'led strip',
      details: 'new',
      track: 'new',
      detailsMaxAge: 0,
    };
    expect(await callsOf(fresh, fresh, fresh)).to.deep.equal(runs);
  });

  it('are none where an earlier search within maxAge has what is wanted', async () => {
    const many: SearchRequest = { query: 'phone case', maxItems: 300 };
    const recent = { ...many, maxAge: 600 };
    expect(await pagesOf(many, recent, { ...recent, maxItems: 100 })).to.deep.equal([2, 0, 0]);
  });

  it('are two where eBay answers with another page, and then the search says so', async () => {
    const token = await mintToken(service.simulator.url);
    const other = await get(service.simulator.url, `${SEARCH}?q=phone%20case&limit=200&offset=200`, token);
    controls().clearLog();
    controls().arm({ fault: 'status', status: 200, body: await other.text() });
    const { error } = await service.search({ query: 'phone case' });
    expect(error?.code).to.equal('ebay-bad-answer');
    expect(controls().log({ kind: 'search' })).to.have.length(2);
  });

  it('need one token and one look at the quota', async () => {
    await service.search({ query: 'phone case', maxItems: 400 });
    expect(controls().log({ kind: 'token' })).to.have.length(1);
    expect(controls().log({ kind: 'rate-limit' })).to.have.length(1);
  });
});
