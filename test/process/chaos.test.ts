import { expect } from 'chai';
import { type Evidence, judge } from '../../bench/chaos/evidence.ts';
import { runChaos } from '../../bench/chaos/run.ts';
import type { SearchReport } from '../../src/queue/report.ts';

/** Locks and checks a fifth of the defaults. */
const SCALED = {
  MIN_API_CALL_INTERVAL: '0.1',
  EBAY_CALL_TIMEOUT: '2',
  WORKER_LOCK_DURATION: '2',
  WORKER_STALLED_INTERVAL: '0.6',
};

function report(outcome: string, pages: number): SearchReport {
  return { searchId: 'x', state: 'done', progress: null, error: null, summary: { outcome, pages } as never };
}

/** A run of one search of one page in which everything went well. */
function goodRun(): Evidence {
  return {
    searches: [{ mark: '1', pages: 1, items: 2, report: report('complete', 1), products: ['a', 'b'] }],
    calls: ['1 0'],
    lives: [
      {
        journal: [
          { at: 1, what: 'call', page: '1 0' },
          { at: 2, what: 'stored', page: '1 0' },
        ],
        killedAt: 3,
      },
    ],
  };
}

describe('workers killed under load', () => {
  it('leave evidence in which a loss, a double, a wrong outcome and a wasted call would be seen', () => {
    expect(judge(goodRun())).to.deep.equal({
      lost: [],
      doubled: [],
      wrongOutcome: [],
      extraCalls: 0,
      excusedCalls: 0,
      rerunMs: [],
    });
    const planted = (change: (run: Evidence) => void) => {
      const run = goodRun();
      change(run);
      return judge(run);
    };
    const search = (run: Evidence) => run.searches[0] as Evidence['searches'][number];
    expect(planted((run) => Object.assign(search(run), { report: null })).lost).to.deep.equal(['1']);
    expect(planted((run) => search(run).products.push('a')).doubled).to.deep.equal(['1']);
    expect(
      planted((run) => Object.assign(search(run), { report: report('partial', 1) })).wrongOutcome,
    ).to.deep.equal(['1']);
    expect(planted((run) => search(run).products.pop()).wrongOutcome).to.deep.equal(['1']);
    const wasted = planted((run) => run.calls.push('1 0'));
    expect(wasted.extraCalls).to.be.greaterThan(wasted.excusedCalls);
    const excused = planted((run) => {
      run.calls.push('1 0');
      run.lives[0]?.journal.pop();
      run.lives.push({ journal: [{ at: 9, what: 'call', page: '1 0' }], killedAt: null });
    });
    expect(excused).to.deep.include({ extraCalls: 1, excusedCalls: 1, rerunMs: [6] });
  });

  it('lose no search, store nothing twice, tell every outcome right and waste no call', async function () {
    this.timeout(170_000);
    const evidence = await runChaos({ workers: 4, searches: 24, kills: 20, everyMs: 150, env: SCALED });
    const verdict = judge(evidence);
    expect(evidence.lives.filter(({ killedAt }) => killedAt !== null)).to.have.length(20);
    expect(verdict).to.deep.include({ lost: [], doubled: [], wrongOutcome: [] });
    expect(verdict.extraCalls).to.be.at.most(verdict.excusedCalls);
  });
});
