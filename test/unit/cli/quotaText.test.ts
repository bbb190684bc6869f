import { expect } from 'chai';
import { quotaText } from '../../../src/cli/quota.ts';
import { estimateText } from '../../../src/cli/search.ts';
import { whenText } from '../../../src/cli/table.ts';
import type { QuotaReport } from '../../../src/ebay/gate/quota.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const RESET = '2026-03-03T08:00:00.000Z';
const plain = { paint: (_colour: string, text: string) => text };
const open = { reason: 'quota', until: RESET } as const;

const REPORT: QuotaReport = {
  limit: 5000,
  used: 3600,
  remaining: 1400,
  reset: RESET,
  interval: 0.2,
  closed: null,
  circuit: 'closed',
  classes: {
    interactive: { upTo: 5000, remaining: 1400, closed: null },
    scheduled: { upTo: 4500, remaining: 900, closed: null },
    backfill: { upTo: 3500, remaining: 0, closed: open },
  },
};

function lineOf(text: string, name: string): string {
  return text.split('\n').find((line) => line.startsWith(name)) ?? '';
}

describe('dpf quota', () => {
  it('draws the day’s calls as a bar beside their numbers', () => {
    const line = lineOf(quotaText(REPORT, plain, NOW), 'calls today');
    expect(line).to.contain('3,600 of 5,000, 1,400 left');
    expect(line.match(/█/g)).to.have.length(21);
    expect(line.match(/░/g)).to.have.length(9);
  });

  it('shows one call of thousands, and never more than the whole bar', () => {
    const bar = (used: number) => quotaText({ ...REPORT, used }, plain, NOW).match(/█/g);
    expect(bar(0)).to.equal(null);
    expect(bar(1)).to.have.length(1);
    expect(bar(6000)).to.have.length(30);
  });

  it('says in words and on the clock when the day ends', () => {
    expect(lineOf(quotaText(REPORT, plain, NOW), 'resets')).to.match(/in 20 h \(.+\)$/);
  });

  it('says who may call and who waits, why and until when', () => {
    const text = quotaText(REPORT, plain, NOW);
    expect(lineOf(text, 'interactive')).to.contain('may call, 1,400 left');
    expect(lineOf(text, 'backfill')).to.contain('waits: the calls of this day are used up; again in 20 h');
  });

  it('says why the gate is closed for everybody', () => {
    const closed = { reason: 'pause', until: '2026-03-02T12:00:25.000Z' } as const;
    const line = lineOf(quotaText({ ...REPORT, closed }, plain, NOW), 'gate');
    expect(line).to.contain('closed: eBay asked for a pause (429); again in 25 s');
  });

  it('says what the circuit does', () => {
    const text = quotaText({ ...REPORT, circuit: 'half-open' }, plain, NOW);
    expect(lineOf(text, 'circuit')).to.contain('half-open');
  });
});

describe('instants in words', () => {
  it('calls what has passed now', () => {
    expect(whenText('2026-03-02T11:59:59Z', NOW)).to.match(/^now \(/);
  });
});

describe('dpf search --dry-run', () => {
  const estimate = {
    calls: { pages: 3, details: 0, total: 3, atMost: 15 },
    class: 'interactive' as const,
    remaining: 1400,
    shareOfRemaining: 3 / 1400,
    reset: RESET,
    budget: null,
    ahead: 12,
    earliestFinish: '2026-03-02T12:00:15.000Z',
  };

  it('says calls, share of what is left, queue and earliest finish', () => {
    const text = estimateText(estimate, plain, NOW, 21_600);
    expect(lineOf(text, 'calls')).to.contain('3 calls, at most 15');
    expect(lineOf(text, 'share')).to.contain('0.2 % of the 1,400 that interactive searches have left today');
    expect(lineOf(text, 'queue')).to.contain('12 calls before its first one');
    expect(lineOf(text, 'finish')).to.match(/in 15 s \(.+\) at the earliest/);
  });

  it('says that a search larger than the day goes on after the reset', () => {
    const text = estimateText({ ...estimate, shareOfRemaining: 1.4 }, plain, NOW, 21_600);
    expect(lineOf(text, 'share')).to.contain('more than the 1,400').and.to.contain('continues in 20 h');
  });

  it('says when there are calls again where none is left', () => {
    const text = estimateText({ ...estimate, remaining: 0, shareOfRemaining: null }, plain, NOW, 21_600);
    expect(lineOf(text, 'share')).to.contain('none left today; more in 20 h');
  });

  it('warns of a search whose first results expire before its end', () => {
    const warningOf = (changed: Partial<typeof estimate>) =>
      estimateText({ ...estimate, ...changed }, plain, NOW, 21_600)
        .split('\n')
        .find((line) => line.includes('warning'));
    const late = new Date(Date.parse(RESET) + 60_000).toISOString();
    expect(warningOf({ remaining: 13, earliestFinish: late })).to.contain('RESULTS_TTL, 21,600 s');
    expect(warningOf({})).to.equal(undefined);
    // All of it is made after the reset, within a minute.
    expect(warningOf({ remaining: 0, earliestFinish: late })).to.equal(undefined);
  });
});
