import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import {
  allPages,
  concurrencyFor,
  firstMissing,
  pagesAfter,
  pagesOf,
} from '../../../src/queue/search/plan.ts';

function request(fields: object): NormalRequest {
  const parsed = parseSearchRequest({ query: 'x', ...fields }, { marketplace: 'EBAY_US' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.request;
}

function answer(fields: Partial<PageAnswer> = {}): PageAnswer {
  return {
    marketplace: 'EBAY_US',
    offset: 0,
    limit: 200,
    observedAt: '2026-01-01T00:00:00.000Z',
    total: 10_000,
    hasNext: true,
    received: 0,
    products: [],
    rejected: {},
    warnings: [],
    calls: 1,
    latencyMs: 1,
    ...fields,
  };
}

const pageNumbers = (pages: Array<{ page: number }>) => pages.map(({ page }) => page);

describe('the chain of a search’s pages', () => {
  it('steps the offset by the page size, never beyond what was wanted', () => {
    const offsets = pagesOf(request({ maxItems: 450 }), 'EBAY_US').map(({ offset }) => offset);
    expect(offsets).to.deep.equal([0, 200, 400]);
  });

  it('numbers the pages of several marketplaces in turns', () => {
    const two = request({ maxItems: 800, marketplaces: ['EBAY_US', 'EBAY_DE'] });
    expect(pageNumbers(pagesOf(two, 'EBAY_US'))).to.deep.equal([1, 3]);
    expect(pageNumbers(pagesOf(two, 'EBAY_DE'))).to.deep.equal([2, 4]);
    expect(allPages(two)).to.have.length(4);
  });

  it('misses the first page that is not there, also behind pages that are', () => {
    const asked = request({ maxItems: 800 });
    const there = (pages: number[]) => new Map(pages.map((page) => [page, answer()]));
    expect(pageNumbers(firstMissing(asked, there([])))).to.deep.equal([1]);
    expect(pageNumbers(firstMissing(asked, there([1, 2, 4])))).to.deep.equal([3]);
    expect(firstMissing(asked, there([1, 2, 3, 4]))).to.deep.equal([]);
  });

  it('misses nothing after the page with which the listing ended', () => {
    const there = new Map([[1, answer({ hasNext: false })]]);
    expect(firstMissing(request({ maxItems: 800 }), there)).to.deep.equal([]);
  });

  it('adds nothing after the last page of the listing, whatever total says', () => {
    const done = { ...answer({ hasNext: false }), page: 1 };
    expect(pagesAfter(request({ maxItems: 800 }), done)).to.deep.equal([]);
  });

  it('go on while the total promises something, and always with the very next page', () => {
    const added = (total: number) =>
      pageNumbers(pagesAfter(request({ maxItems: 1000 }), { ...answer({ total }), page: 1 }));
    expect(added(10_000)).to.deep.equal([2, 3, 4, 5]);
    expect(added(500)).to.deep.equal([2, 3]);
    // `next` is there, so one more page is, whatever the total claims.
    expect(added(0)).to.deep.equal([2]);
  });

  it('has as many under way as a call takes intervals and half of one, and a limited number without an interval', () => {
    expect([concurrencyFor(300, 100), concurrencyFor(351, 100), concurrencyFor(150, 1000)]).to.deep.equal([
      4, 5, 1,
    ]);
    expect(concurrencyFor(60_000, 20)).to.equal(concurrencyFor(1, 0));
  });
});
