import { expect } from 'chai';
import { jobsToHold } from '../../../src/queue/worker.ts';

describe('the calls that a worker holds', () => {
  it('become fewer while they wait for many slots, and more when one finds its slot free', () => {
    const next = (held: number, intervals: number) => jobsToHold(held, 10, intervals * 100, 100);
    expect([next(10, 9), next(3, 4), next(3, 3), next(3, 1), next(3, 0.1), next(9, 0)]).to.deep.equal([
      9, 2, 3, 3, 5, 10,
    ]);
  });

  it('are never more than WORKER_CONCURRENCY, and two if that allows it', () => {
    expect([
      jobsToHold(2, 10, 5000, 100),
      jobsToHold(1, 1, 5000, 100),
      jobsToHold(1, 1, 0, 100),
    ]).to.deep.equal([2, 1, 1]);
  });

  it('are WORKER_CONCURRENCY where no interval is kept', () => {
    expect(jobsToHold(3, 50, 0, 0)).to.equal(50);
  });
});
