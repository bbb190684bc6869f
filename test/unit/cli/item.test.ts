import { expect } from 'chai';
import { printListings } from '../../../src/cli/item.ts';
import { run } from '../../../src/cli/program.ts';
import type { SearchSummary } from '../../../src/product/summary.ts';
import { aspects, variation } from '../collector/listing.ts';
import { plainTerminal } from './plainTerminal.ts';

const SUMMARY: SearchSummary = {
  ...{ searchId: 's_1', outcome: 'complete', stoppedBy: 'end', lookedAt: 3, calls: 2, pages: 0 },
  counts: { found: 3, collected: 3, products: 3, duplicates: 0, filteredOut: 0, rejected: {} },
  ...{ missing: [], gone: [], warnings: [], error: null },
  ...{ startedAt: '2026-03-02T12:00:00.000Z', finishedAt: '2026-03-02T12:00:01.500Z', expiresAt: null },
};

describe('dpf item', () => {
  it('shows a row for each variation with its offer, and the facts of the listing once', () => {
    const terminal = plainTerminal();
    const moreThan = { availabilityThreshold: 10, availabilityThresholdType: 'MORE_THAN' };
    const stock = { estimatedAvailabilities: [{ estimatedAvailabilityStatus: 'IN_STOCK', ...moreThan }] };
    const products = [
      variation(1, { ...aspects({ Color: 'Red' }), ...stock }),
      variation(2, aspects({ Color: 'Blue' })),
    ];
    printListings(terminal, { summary: { ...SUMMARY, gone: ['999'] }, products }, {});
    const lines = terminal.out.join('\n').split('\n');
    expect(lines[0]).to.equal('USB hub, 4 ports');
    expect(lines).to.include('condition  New').and.include('page       https://www.ebay.com/itm/1001');
    const at = lines.findIndex((line) => line.startsWith('Color'));
    expect(lines[at]).to.match(/^Color +Price +Shipping +Delivered +Stock +Arrives$/);
    expect(lines[at + 1]).to.match(/^Red +12\.50 USD +3\.00 USD +15\.50 USD +more than 10 +unknown$/);
    expect(lines[at + 2]).to.match(/^Blue +12\.50 USD/);
    expect(lines).to.include('999: eBay no longer has this listing');
  });

  it('shows a minimum advertised price to nobody', () => {
    const terminal = plainTerminal();
    const products = [variation(1, { priceDisplayCondition: 'ONLY_SHOW_ON_REQUEST' })];
    printListings(terminal, { summary: SUMMARY, products }, {});
    expect(terminal.out.join('\n'))
      .to.include('on request')
      .and.not.match(/12\.50|15\.50/);
  });

  it('refuses a wrong address with the argument as it was typed, before it needs Redis', async () => {
    const terminal = plainTerminal();
    expect(await run(['item', '110587654321', 'http://example.com/itm/1'], terminal)).to.equal(2);
    expect(terminal.err.join('\n')).to.include(
      'http://example.com/itm/1  is neither an id nor an address of eBay',
    );
  });
});
