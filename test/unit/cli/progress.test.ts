import { expect } from 'chai';
import { progressText } from '../../../src/cli/search.ts';
import { progressLine } from '../../../src/cli/terminal.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';
import { plainTerminal } from './plainTerminal.ts';

const queued: SearchReport = { searchId: 's_1', state: 'queued', progress: null, summary: null, error: null };

describe('progress', () => {
  it('says after a while that no worker takes the search', () => {
    expect(progressText(queued, 100)).to.equal('queued');
    expect(progressText(queued, 10_000)).to.contain('dpf worker');
  });

  it('says why a search waits and until when', () => {
    const until = Date.parse('2026-03-02T08:00:00Z');
    const progress = { state: 'waiting', pages: 1, of: 3, products: 200, reason: 'quota', until } as const;
    const text = progressText({ ...queued, state: 'waiting', progress }, 0);
    expect(text).to.match(
      /^waiting: the calls of this day are used up, next try at .*2 Mar.* · 200 items, page 2 of 3$/,
    );
  });

  it('says why a call is repeated, which attempt is next and when it begins', () => {
    const until = Date.now() + 10_000;
    const again = { reason: 'ebay-server-error', attempt: 2, attempts: 5 };
    const progress = { state: 'waiting', pages: 0, of: 3, products: 0, until, ...again } as const;
    const text = progressText({ ...queued, state: 'waiting', progress }, 0);
    expect(text).to.match(/^waiting: eBay answered with an error, attempt 2 of 5 at (.+ )?\d\d:\d\d:\d\d /);
    const { until: _until, ...due } = progress;
    const now = progressText(
      { ...queued, state: 'collecting', progress: { ...due, state: 'collecting' } },
      0,
    );
    expect(now).to.match(/^collecting: eBay answered with an error, attempt 2 of 5 · 0 items/);
  });

  it('is a plain line for each change where there is no terminal', () => {
    const terminal = plainTerminal();
    const line = progressLine(terminal);
    for (const text of ['queued', 'queued', 'collecting']) line.show(() => text);
    line.end();
    expect(terminal.err).to.deep.equal(['queued', 'collecting']);
  });

  it('is one line drawn over and over on a terminal, never wider than it, and gone at the end', () => {
    const terminal = plainTerminal({ live: true, width: 60 });
    const line = progressLine(terminal);
    line.show(() => 'x'.repeat(200));
    line.end();
    expect(terminal.err.join('')).to.not.contain('\n');
    expect(terminal.err[0]?.replace('\r\u001b[2K', '').length).to.be.below(60);
    expect(terminal.err.at(-1)).to.equal('\r\u001b[2K');
  });
});
