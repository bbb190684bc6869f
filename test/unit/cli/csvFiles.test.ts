import { expect } from 'chai';
import { Command } from 'commander';
import { answering } from '../../../src/cli/commandSetup.ts';
import { printFound } from '../../../src/cli/search.ts';
import { showList } from '../../../src/cli/watchlist.ts';
import type { SearchSummary } from '../../../src/product/summary.ts';
import { readImport } from '../../../src/queue/watch/watchlists/import.ts';
import type { Watchlists } from '../../../src/queue/watch/watchlists/watchlists.ts';
import { productOf } from '../collector/listing.ts';
import { plainTerminal } from './plainTerminal.ts';

const SUMMARY: SearchSummary = {
  ...{ searchId: 's_1', outcome: 'complete', stoppedBy: 'end', lookedAt: 2, calls: 1, pages: 1 },
  counts: { found: 2, collected: 2, products: 2, duplicates: 0, filteredOut: 0, rejected: {} },
  ...{ missing: [], gone: [], warnings: [], error: null },
  ...{ startedAt: '2026-03-02T12:00:00.000Z', finishedAt: '2026-03-02T12:00:01.500Z', expiresAt: null },
};

/** A terminal with all that was written to it, line ends included. */
function writtenTo() {
  const written: string[] = [];
  return { written, terminal: plainTerminal({ print: (text, end = '\n') => void written.push(text + end) }) };
}

const LISTS = {
  get: async () => ({}),
  entries: async () => ({
    entries: ['110000000001', '110000000002'].map((item) => ({
      ...{ item, state: 'waiting', itemId: null, price: null, shipping: null, quantity: null },
      ...{ quantityMoreThan: null, lastSeen: null, nextCheck: null, columns: { resale: '1.50' } },
    })),
    next: null,
  }),
} as unknown as Watchlists;

describe('A CSV file that a command prints', () => {
  it('has one kind of line ends: the products of a search', () => {
    const { written, terminal } = writtenTo();
    printFound(
      terminal,
      { summary: SUMMARY, products: [productOf(), productOf()] },
      { csv: true, columns: 'legacyItemId' },
    );
    expect(written.join('').split('\r\n')).to.deep.equal(['legacyItemId', '1001', '1001', '']);
  });

  it('has one kind of line ends: the listings of a watchlist, which an import finds unchanged', async () => {
    const { written, terminal } = writtenTo();
    const show = answering<{ csv?: boolean }>(new Command('show').option('--csv'), terminal, (flags) =>
      showList(LISTS, 'w', flags, terminal),
    );
    await show.parseAsync(['--csv'], { from: 'user' });
    const csv = written.join('');
    expect(csv.replaceAll('\r\n', '')).to.not.match(/[\r\n]/);
    expect(csv).to.match(/\r\n[^\r\n]+\r\n[^\r\n]+\r\n$/);
    const { entries } = readImport({ csv });
    expect([...entries.values()]).to.deep.equal([{ resale: '1.50' }, { resale: '1.50' }]);
  });
});
