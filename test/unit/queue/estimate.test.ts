import { expect } from 'chai';
import { estimate, type Outlook } from '../../../src/queue/search/estimate.ts';

const NOW = Date.UTC(2026, 0, 1);
const RESET = NOW + 3_600_000;
const calm: Outlook = {
  intervalMs: 1000,
  upTo: 100,
  remaining: 100,
  reset: RESET,
  closedUntil: undefined,
  ahead: 0,
  now: NOW,
};
const pages = (total: number) => ({ pages: total, details: 0, total, atMost: 5 * total });
const seconds = (iso: string, from = NOW) => (Date.parse(iso) - from) / 1000;

describe('an estimate', () => {
  it('counts the search’s calls and those before it at the present pace', () => {
    const { earliestFinish, shareOfRemaining } = estimate(pages(5), 'interactive', { ...calm, ahead: 7 });
    expect(seconds(earliestFinish)).to.equal(12);
    expect(shareOfRemaining).to.equal(0.05);
  });

  it('goes on after the reset with what does not fit into today', () => {
    const { earliestFinish, shareOfRemaining } = estimate(pages(150), 'interactive', calm);
    expect(seconds(earliestFinish, RESET)).to.equal(50);
    expect(shareOfRemaining).to.equal(1.5);
  });

  it('takes as many days as it has to, each with the calls of its class', () => {
    const finish = (total: number, change: object = {}) =>
      seconds(estimate(pages(total), 'interactive', { ...calm, ...change }).earliestFinish, RESET) / 3600;
    expect([finish(200), finish(201)]).to.deep.equal([100 / 3600, 24 + 1 / 3600]);
    expect(finish(450)).to.equal(72 + 50 / 3600);
    expect(finish(150, { remaining: 0, closedUntil: RESET })).to.equal(24 + 50 / 3600);
    expect(finish(150, { upTo: 0, remaining: 0 })).to.equal(150 / 3600);
  });

  it('begins when the class may call again', () => {
    const closed = { ...calm, remaining: 0, closedUntil: RESET };
    const { earliestFinish, shareOfRemaining } = estimate(pages(10), 'backfill', closed);
    expect(seconds(earliestFinish, RESET)).to.equal(10);
    expect(shareOfRemaining).to.equal(null);
  });
});
