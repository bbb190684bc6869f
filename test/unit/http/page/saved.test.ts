import { expect } from 'chai';
import { type SavedPage, savedView } from '../../../../src/http/page/saved/savedView.ts';

describe('the page of what a person keeps', () => {
  const items: SavedPage['items'] = new Map(
    Array.from({ length: 230 }, (_, n) => {
      const at = new Date(Date.UTC(2026, 0, 1) - n * 1000).toISOString();
      const site = n < 150 ? ('EBAY_US' as const) : ('EBAY_GB' as const);
      const own = { favourite: n < 210, hidden: n >= 210, note: '', site, since: at, at };
      return [`v1|${110000000000 + n}|0`, own];
    }),
  );
  const shown = (page: number) => {
    const rights = { csrf: null, mayEnqueue: true, maySchedule: true };
    const text = String(savedView({ items, marketplace: 'EBAY_US', ...rights, page }));
    const ids = [...text.matchAll(/data-item="v1\|(\d+)\|0"/g)].map(([, id]) => Number(id) - 110000000000);
    return { text, ids, links: [...text.matchAll(/<a href="(\/saved[^"]*)" rel/g)].map(([, link]) => link) };
  };

  it('has a hundred listings, each on one page, and counts all of them', () => {
    const pages = [1, 2, 3].map(shown);
    expect(pages.map(({ ids }) => ids.length)).to.deep.equal([100, 100, 30]);
    expect(pages.flatMap(({ ids }) => ids)).to.deep.equal([...items.keys()].map((_, n) => n));
    expect(pages.map(({ links }) => links)).to.deep.equal([
      ['/saved?page=2'],
      ['/saved', '/saved?page=3'],
      ['/saved?page=2'],
    ]);
    expect(pages[1]?.text)
      .to.include('150 listings on eBay US')
      .and.match(/>60 listings on eBay/);
    expect(pages[1]?.text).to.include('name="page" value="2"').and.not.include('hidden listings');
    expect(pages[2]?.text).to.include('20 hidden listings');
    expect(shown(99).ids).to.deep.equal(pages[2]?.ids);
  });
});
