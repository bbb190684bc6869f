import { expect } from 'chai';
import { printFound } from '../../../src/cli/search.ts';
import { withLanded } from '../../../src/product/landed.ts';
import type { Product } from '../../../src/product/product.ts';
import type { SearchSummary } from '../../../src/product/summary.ts';
import { productOf } from '../collector/listing.ts';
import { plainTerminal } from './plainTerminal.ts';

const SUMMARY: SearchSummary = {
  ...{ searchId: 's_1', outcome: 'complete', stoppedBy: 'wanted', lookedAt: 240, calls: 2, pages: 2 },
  counts: { found: 1976, collected: 240, products: 200, duplicates: 0, filteredOut: 0, rejected: {} },
  ...{ missing: [], gone: [], warnings: [], error: null },
  ...{ startedAt: '2026-03-02T12:00:00.000Z', finishedAt: '2026-03-02T12:00:01.500Z', expiresAt: null },
};
const IGNORED = {
  errorId: 12014,
  message: 'The filter was ignored.',
  parameters: [{ name: 'filter', value: 'sellerAccountTypes' }],
};

/** The lines below the table, colours as tags. */
function linesOf(own: Partial<SearchSummary>): string[] {
  const terminal = plainTerminal({ paint: (colour, text) => `<${colour}>${text}</>` });
  printFound(terminal, { summary: { ...SUMMARY, ...own }, products: [] }, {});
  return terminal.out.join('\n').split('\n');
}

describe('the summary of a search in a terminal', () => {
  it('is green where all that was wanted is there', () => {
    expect(linesOf({})).to.deep.equal([
      '<green>✔ complete</> · 200 products · 240 of about 1,976 listings looked at · 2 calls · 1.5 s',
    ]);
  });

  it('is yellow where eBay ignored a part of the search, and names the part', () => {
    const [heading = '', note, ...more] = linesOf({ warnings: [IGNORED] });
    expect(heading)
      .to.match(/^<yellow>! complete, with warnings<\/> /)
      .and.not.include('✔');
    expect(note).to.equal(
      '<yellow>  ! eBay warns: The filter was ignored. [filter=sellerAccountTypes] (12014)</>',
    );
    expect(more).to.deep.equal([]);
  });

  it('says why a search is partial though nothing failed', () => {
    const [heading, note, ...more] = linesOf({ outcome: 'partial', stoppedBy: 'max-calls', pages: 5 });
    expect(heading).to.equal('<yellow>◐ partial</> · 200 products · 2 calls · 1.5 s');
    expect(note).to.equal(
      '<yellow>  ! stopped after 5 calls (maxCalls): 240 of about 1,976 listings looked at</>',
    );
    expect(more).to.deep.equal([]);
  });

  it('names the first twenty of what is missing, and counts the rest', () => {
    const missing = (parts: number) =>
      Array.from({ length: parts }, (_, part) => ({
        ...{ marketplace: 'EBAY_US' as const, page: null, itemId: `v1|${part}|0` },
        ...{ code: 'gave-up-waiting' as const, message: 'nothing came' },
      }));
    const [, ...whole] = linesOf({ outcome: 'degraded', missing: missing(20) });
    expect(whole).to.have.length(20);
    const [, ...lines] = linesOf({ outcome: 'degraded', missing: missing(3020) });
    expect(lines.slice(0, 20)).to.deep.equal(whole);
    expect(lines[19]).to.include('details of v1|19|0 (gave-up-waiting: nothing came)');
    expect(lines.slice(20)).to.deep.equal(['<yellow>  ! missing: 3,000 more, which --json names</>']);
  });

  it('says where --sort-by names a figure that no product has', () => {
    const products = [withLanded(productOf(), { currency: 'USD' })];
    const notesOf = (sortBy: string) => {
      const terminal = plainTerminal();
      printFound(terminal, { summary: SUMMARY, products }, { sortBy });
      return terminal.err;
    };
    expect(notesOf('margin')).to.deep.equal([
      '--sort-by margin changes nothing: the search has no costs with --resale or --markup',
    ]);
    expect(notesOf('landed')).to.deep.equal([]);
  });

  it('has the products in the order of --sort-by, the best first and unknown ones last', () => {
    const costs = { currency: 'USD', resalePrice: '20' };
    const products = ['9.00', '3.00', '15.00'].map((value, at) =>
      withLanded(productOf({ itemId: `v1|${at}|0`, price: { value, currency: 'USD' } }), costs),
    );
    products.unshift(withLanded(productOf({ itemId: 'v1|9|0', shippingOptions: undefined }), costs));
    const shown = (sortBy: string) => {
      const terminal = plainTerminal();
      printFound(terminal, { summary: SUMMARY, products }, { json: true, sortBy, limitRows: 3 });
      return JSON.parse(terminal.out.join('')).products.map(({ itemId }: Product) => itemId.split('|')[1]);
    };
    expect(shown('margin')).to.deep.equal(['1', '0', '2']);
    expect(shown('landed')).to.deep.equal(['1', '0', '2']);
    const [head = '', first = ''] = (() => {
      const terminal = plainTerminal({ width: 140 });
      printFound(terminal, { summary: SUMMARY, products }, { sortBy: 'margin-percent' });
      return terminal.out[0]?.split('\n') ?? [];
    })();
    expect(head).to.match(/Landed +Margin/);
    expect(first).to.include('6.00 USD').and.include('14.00 USD (70 %)');
  });

  it('says below the table how old the prices are', () => {
    const ageOf = (...times: string[]) => {
      const terminal = plainTerminal();
      const products = times.map((observedAt) => ({ ...productOf({}), observedAt }));
      printFound(terminal, { summary: SUMMARY, products }, {}, Date.parse('2026-03-02T12:00:00.000Z'));
      return terminal.out[1];
    };
    expect(ageOf('2026-03-02T11:59:59.900Z')).to.equal('prices seen now');
    expect(ageOf('2026-03-02T11:56:00.000Z', '2026-03-02T10:00:00.000Z')).to.equal(
      'prices seen between 2 h ago and 4 min ago',
    );
  });
});
