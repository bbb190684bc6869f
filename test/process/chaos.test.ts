import { expect } from 'chai';
import { judge } from '../../bench/chaos/evidence.ts';
import { overlooked } from '../../bench/chaos/planted.ts';
import { runChaos } from '../../bench/chaos/run.ts';
import { LONG } from '../support/long.ts';

/**
 * Less than the defaults, and still more than a busy machine holds up a call or a worker. Kills follow each other far faster
 * than locks run out, so the same page may be hit by any of them; which count stops a page is `crashes.test.ts`'s subject.
 */
const SCALED = {
  WORKER_MAX_RESTARTS: '21',
  MIN_API_CALL_INTERVAL: '0.1',
  EBAY_CALL_TIMEOUT: '4',
  WORKER_LOCK_DURATION: '4',
  WORKER_STALLED_INTERVAL: '0.6',
};

/** Eight kills pass every barrier. */
const SIZE = LONG ? { workers: 4, searches: 24, kills: 20 } : { workers: 3, searches: 12, kills: 8 };

describe('workers killed under load', () => {
  it('leave evidence in which a loss, a double, a wrong outcome and a wasted call would be seen', () => {
    expect(overlooked()).to.deep.equal([]);
  });

  it('lose no search, store nothing twice, tell every outcome right and its event once, and waste no call', async function () {
    this.timeout(170_000);
    const evidence = await runChaos({ ...SIZE, everyMs: 150, env: SCALED });
    const verdict = judge(evidence);
    // Two may pass a barrier at the same moment.
    expect(evidence.lives.filter(({ killedAt }) => killedAt !== null).length).to.be.at.least(SIZE.kills);
    expect(verdict).to.deep.include({ lost: [], doubled: [], wrongOutcome: [], untold: [], toldTwice: [] });
    expect(verdict.extraCalls).to.be.at.most(verdict.excusedCalls);
  });
});
