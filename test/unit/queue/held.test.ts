import { expect } from 'chai';
import { type Held, heldAfter } from '../../../src/queue/worker.ts';

describe('the calls that a worker holds', () => {
  /** After waits of so many intervals, one after the other. */
  const jobs = (first: number, most: number, ...intervals: number[]) => {
    let held: Held = { jobs: first, longWaits: 0 };
    for (const each of intervals) held = heldAfter(held, most, each * 100, 100);
    return held.jobs;
  };

  it('become fewer by one with each three in a row that wait for more than two slots', () => {
    const numbers = [jobs(10, 10, 9, 9), jobs(10, 10, 9, 9, 9), jobs(10, 10, 9, 9, 9, 9, 9, 9)];
    expect([...numbers, jobs(10, 10, 9, 9, 1, 9, 9), jobs(10, 10, 2, 2, 2)]).to.deep.equal([
      10, 9, 8, 10, 10,
    ]);
  });

  it('become more by two with one that finds its slot free', () => {
    const numbers = [jobs(3, 10, 0.1), jobs(9, 10, 0), jobs(3, 10, 1), jobs(3, 10, 9, 9, 0.1, 9)];
    expect(numbers).to.deep.equal([5, 10, 3, 5]);
  });

  it('are never more than WORKER_CONCURRENCY, and two if that allows it', () => {
    expect([jobs(2, 10, 50, 50, 50), jobs(1, 1, 50, 50, 50), jobs(1, 1, 0)]).to.deep.equal([2, 1, 1]);
  });

  it('are WORKER_CONCURRENCY where no interval is kept', () => {
    expect(heldAfter({ jobs: 3, longWaits: 0 }, 50, 0, 0).jobs).to.equal(50);
  });
});
