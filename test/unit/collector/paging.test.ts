import { expect } from 'chai';
import {
  callBound,
  needOf,
  type PageFacts,
  pageAt,
  pageNumber,
  pageSize,
  pagesAhead,
  progressOf,
  shareOf,
} from '../../../src/collector/paging.ts';
import { estimateCalls } from '../../../src/collector/query.ts';
import { randomFrom } from '../../../src/simulator/random.ts';
import {
  anyShape,
  compareWithOracle,
  type Listing,
  makeListing,
  searchRequest as request,
  runSearch,
} from '../../support/listings.ts';
import { LONG } from '../../support/long.ts';

const MARKETPLACES = ['EBAY_US', 'EBAY_GB', 'EBAY_DE', 'EBAY_FR', 'EBAY_IT'] as const;

/** Each condition of `paging.ts` that was broken on purpose differed within 300 of these, or in the calls of 600. */
const CASES = LONG ? 20_000 : 600;
const CASES_OF_SEVERAL = LONG ? 300 : 60;

describe('the pages of a search', () => {
  it('are as few as the items wanted allow, twice as large up to what eBay gives, and whole where some may not fit', () => {
    const size = (fields: object) => pageSize(request(fields));
    expect([1, 50, 100, 200, 10_000].map((maxItems) => size({ maxItems }))).to.deep.equal([
      2, 100, 200, 200, 200,
    ]);
    for (const condition of [{ title: { exclude: ['x'] } }, { seller: { minFeedbackScore: 1 } }])
      expect(size({ maxItems: 10, ...condition })).to.equal(200);
    expect(size({ maxItems: 10, excludePickupOnly: true })).to.equal(200);
    expect(size({ maxItems: 10, excludePickupOnly: false })).to.equal(20);
  });

  it('share the items equally, the first marketplaces take the remainder', () => {
    const shared = request({ maxItems: 500, marketplaces: ['EBAY_US', 'EBAY_DE', 'EBAY_GB'] });
    expect(shared.marketplaces.map((id) => shareOf(shared, id))).to.deep.equal([167, 167, 166]);
    expect(shareOf(shared, 'EBAY_FR')).to.equal(0);
  });

  it('give a marketplace its share of different items: one that eBay repeats counts once', () => {
    const asked = request({ maxItems: 4, marketplaces: ['EBAY_US', 'EBAY_DE'] });
    const page = (marketplace: 'EBAY_US' | 'EBAY_DE', ...ids: string[]) => ({
      ...{ marketplace, offset: 0, limit: 2, hasNext: true, total: 10 },
      products: ids.map((itemId) => ({ itemId })),
    });
    const pages = [page('EBAY_US', 'a', 'b'), page('EBAY_DE', 'x', 'x')];
    expect(progressOf(asked, pages as never, () => true).next).to.deep.equal([pageAt(asked, 'EBAY_DE', 2)]);
  });

  it('begin at a multiple of their limit, as eBay insists', () => {
    const asked = request({ maxItems: 450 });
    const limits = [0, 200, 100, 300, 270, 9800, 1].map((offset) => pageAt(asked, 'EBAY_US', offset).limit);
    expect(limits).to.deep.equal([200, 200, 100, 150, 135, 200, 1]);
  });

  it('have numbers of their own over all marketplaces, those off the grid too', () => {
    const asked = request({ maxItems: 800, marketplaces: ['EBAY_US', 'EBAY_DE'] });
    const number = (marketplace: 'EBAY_US' | 'EBAY_DE', offset: number) =>
      pageNumber(asked, { marketplace, offset });
    expect([number('EBAY_US', 0), number('EBAY_DE', 0), number('EBAY_US', 200)]).to.deep.equal([1, 2, 3]);
    expect([number('EBAY_US', 100), number('EBAY_DE', 100)]).to.deep.equal([1_000_100, 2_000_100]);
  });

  it('are asked for ahead only behind answered pages, once a page had a lower limit', () => {
    const asked = request({ maxItems: 1000 });
    const facts = (offset: number, next: number) => ({ offset, next, fitting: 100, print: `${offset}` });
    const ahead = (offset: number, known: PageFacts[]) =>
      pagesAhead(asked, { marketplace: 'EBAY_US', offset, total: 5000 }, known).map((page) => page.offset);
    const [first, second, lowered] = [facts(0, 200), facts(200, 400), facts(400, 500)];
    expect(ahead(400, [first, second, lowered])).to.deep.equal([500]);
    expect(ahead(400, [first, lowered]), 'page 200 is under way').to.deep.equal([]);
    expect(ahead(400, [first, facts(400, 600)])).to.include.members([600, 800]);
  });

  it('are needed as far as the bound and the wanted number go, and where eBay said that they begin', () => {
    const asked = request({ maxItems: 450, maxCalls: 4 });
    const facts = (offset: number, next: number | null, fitting = 200) => ({
      offset,
      next,
      fitting,
      print: `${offset}`,
    });
    const need = (offset: number, known: PageFacts[] = [], change: object = {}) => {
      const address = pageAt(asked, 'EBAY_US', offset);
      return needOf(asked, { ...address, page: pageNumber(asked, address), ...change }, known);
    };
    expect([need(0), need(400), need(600)]).to.deep.equal(['needed', 'needed', 'unsure']);
    const few = [facts(0, 200, 50), facts(200, 400, 50), facts(400, 600, 50)];
    expect([need(600, few), need(800, few)]).to.deep.equal(['needed', 'unsure']);
    expect(need(800, [...few, facts(600, 800, 50)])).to.equal('unsure');
    expect(need(600, [facts(0, 200), facts(200, 400), facts(400, 600)])).to.equal('unsure');
    expect(need(400, [facts(0, 200), facts(200, null)])).to.equal('ended');
    expect(need(600, [facts(0, 200), { ...facts(200, 400), print: '0' }])).to.equal('ended');
    const between = [need(100), need(100, [facts(0, 100)]), need(100, [facts(0, 200)])];
    expect(between).to.deep.equal(['astray', 'needed', 'astray']);
    const odd = [
      { page: 2 },
      { limit: 300 },
      { limit: 7, offset: 5 },
      { marketplace: 'EBAY_DE' },
      { offset: 10_000 },
    ];
    for (const change of odd) expect(need(0, [], change)).to.equal('foreign');
  });
});

describe('the estimate of a search', () => {
  it('is one call a full page of each marketplace and one an item for details, and at most its bound', () => {
    const marketplaces = ['EBAY_US', 'EBAY_DE'];
    const estimated = (fields: object) => Object.values(estimateCalls(request(fields)));
    expect(estimated({ maxItems: 500, marketplaces })).to.deep.equal([4, 0, 4, 20]);
    expect(estimated({ maxItems: 50, details: 'full' })).to.deep.equal([1, 50, 51, 55]);
    expect(estimated({ maxItems: 450, maxCalls: 4 })).to.deep.equal([3, 0, 3, 4]);
    expect(estimated({ maxItems: 10_000 })).to.deep.equal([50, 0, 50, 50]);
  });
});

describe('a search of one marketplace', () => {
  it(`delivers what an oracle does that knows the whole listing, in any interleaving (${CASES} listings)`, () => {
    const { disagreements, spent, needed } = compareWithOracle(CASES, randomFrom(20_261));
    expect(disagreements).to.deep.equal([]);
    expect(spent / needed).to.be.within(1, 1.05);
  }).timeout(120_000);

  const plain = { size: 5000, repeats: 0, fitting: 1, hidden: 0, lowered: 0, drift: 0, broken: 0 };
  const run = (fields: object, shape: object = {}, answer?: Partial<Listing>) => {
    const random = randomFrom(1);
    const listing = { ...makeListing('EBAY_US', { ...plain, ...shape }, random), ...answer };
    const { stoppedBy, delivered, calls } = runSearch(request(fields), [listing], 3, random);
    return [stoppedBy, delivered.length, calls];
  };

  it('asks for the fewest calls where the listing holds enough and repeats nothing', () => {
    expect(run({ maxItems: 450 })).to.deep.equal(['wanted', 450, 3]);
    expect(run({ maxItems: 200 })).to.deep.equal(['wanted', 200, 1]);
    expect(run({ maxItems: 1 })).to.deep.equal(['wanted', 1, 1]);
  });

  it('goes on behind pages that repeat, that are short and of which little fits', () => {
    expect(run({ maxItems: 1000 }, { repeats: 0.5 }).slice(0, 2)).to.deep.equal(['wanted', 1000]);
    expect(run({ maxItems: 1000 }, { hidden: 0.5 }).slice(0, 2)).to.deep.equal(['wanted', 1000]);
    expect(
      run({ maxItems: 50, title: { include: ['x'] }, maxCalls: 25 }, { fitting: 0.02 }).slice(0, 2),
    ).to.deep.equal(['wanted', 50]);
  });

  it('stops at the end of the listing, at its window, and at its own bound', () => {
    expect(run({ maxItems: 450 }, { size: 420 })).to.deep.equal(['end', 420, 3]);
    expect(run({ maxItems: 2000 }, { size: 420 })).to.deep.equal(['end', 420, 3]);
    expect(run({ maxItems: 450 }, { size: 0 })).to.deep.equal(['end', 0, 1]);
    expect(run({ maxItems: 10_000 }, { size: 12_000, repeats: 0.2 }).slice(0, 1)).to.deep.equal(['window']);
    expect(run({ maxItems: 450, maxCalls: 2 })).to.deep.equal(['max-calls', 400, 2]);
    expect(run({ maxItems: 50, title: { include: ['x'] } }, { fitting: 0 })).to.deep.equal([
      'max-calls',
      0,
      5,
    ]);
  });

  it('stops at the window, not at the end, where the last page that eBay shows names no next one', () => {
    const ends = (size: number) => {
      const { answer } = makeListing('EBAY_US', { ...plain, size, fitting: 0.9 }, randomFrom(1));
      const cut: Partial<Listing> = {
        answer: (offset, limit) => {
          const page = answer(offset, limit);
          return page && { ...page, hasNext: page.hasNext && offset + limit < 10_000 };
        },
      };
      return run({ maxItems: 9999, maxCalls: 60, title: { include: ['x'] } }, {}, cut)[0];
    };
    expect([ends(9900), ends(10_000), ends(10_001)]).to.deep.equal(['end', 'end', 'window']);
  });

  it('ends at a page without anything new, however often eBay shows it', () => {
    const { answer } = makeListing('EBAY_US', plain, randomFrom(1));
    const again: Partial<Listing> = {
      answer: (offset, limit) => {
        const first = answer(0, limit);
        return first && { ...first, offset };
      },
    };
    const [stoppedBy, delivered, calls] = run({ maxItems: 3000 }, {}, again);
    expect([stoppedBy, delivered]).to.deep.equal(['end', 200]);
    expect(calls).to.be.at.most(5);
  });
});

describe('a search of several marketplaces', () => {
  it('delivers the same whatever is under way at a time, and spends its bound at most', () => {
    const random = randomFrom(7);
    for (let index = 0; index < CASES_OF_SEVERAL; index += 1) {
      const marketplaces = MARKETPLACES.slice(0, 2 + Math.floor(random() * 4));
      const asked = request({
        maxItems: 5 + Math.floor(random() ** 2 * 1500),
        marketplaces,
        ...(random() < 0.5 && { maxCalls: 5 + Math.floor(random() * 20) }),
      });
      const sameGoods = random() < 0.5;
      const listings = marketplaces.map((marketplace, place) => {
        const shape = { ...anyShape(random, 1), broken: 0 };
        return makeListing(marketplace, { ...shape, firstId: sameGoods ? 0 : place * 10_000 }, random);
      });
      const { calls: _, ...alone } = runSearch(asked, listings, 1, randomFrom(0));
      const { calls, ...beside } = runSearch(asked, listings, 1 + Math.floor(random() * 6), random);
      expect(beside, `case ${index}`).to.deep.equal(alone);
      expect(beside.pages).to.be.at.most(callBound(asked));
      expect(calls).to.be.at.least(beside.pages);
    }
  }).timeout(60_000);

  const regular = { repeats: 0, fitting: 1, hidden: 0, lowered: 0, drift: 0, broken: 0 };
  const runAll = (maxItems: number, sizes: readonly number[]) => {
    const listings = MARKETPLACES.map((id, place) =>
      makeListing(id, { ...regular, size: sizes[place] ?? 3000 }, randomFrom(3)),
    );
    const asked = request({ maxItems, marketplaces: [...MARKETPLACES] });
    const { stoppedBy, delivered, calls } = runSearch(asked, listings, 2, randomFrom(3));
    return [stoppedBy, delivered.length, calls];
  };

  it('judges each item of each page twice at most, however far it goes on: every look at its progress asks this', () => {
    const asked = request({ maxItems: 10_000, maxCalls: 250, marketplaces: [...MARKETPLACES] });
    const pages = MARKETPLACES.flatMap((marketplace) =>
      Array.from({ length: 50 }, (_, page) => ({
        ...pageAt(asked, marketplace, page * 200),
        hasNext: true,
        total: 12_000,
        products: Array.from({ length: 200 }, (_, index) => ({ itemId: `${page * 200 + index}` })),
      })),
    );
    let judged = 0;
    const progress = progressOf(asked, pages, () => {
      judged += 1;
      return true;
    });
    expect([progress.stoppedBy, progress.pages.length]).to.deep.equal(['wanted', 90]);
    expect(judged).to.be.at.most(2 * 90 * 200);
  });

  it('goes on where all of them hold the same goods', () => {
    expect(runAll(500, []).slice(0, 2)).to.deep.equal(['wanted', 500]);
  });

  it('calls once for each where one page of one of them holds all that is wanted', () => {
    expect(runAll(100, [])).to.deep.equal(['wanted', 100, 5]);
    expect(runAll(200, [0, 0, 0, 0])).to.deep.equal(['wanted', 200, 5]);
  });
});
