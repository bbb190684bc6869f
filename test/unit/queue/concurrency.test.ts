import { expect } from 'chai';
import { concurrencyFor } from '../../../src/queue/search/plan.ts';

describe('the calls of a search', () => {
  it('are as many at a time as a call takes intervals and half of one, and a limited number without an interval', () => {
    expect([concurrencyFor(300, 100), concurrencyFor(351, 100), concurrencyFor(150, 1000)]).to.deep.equal([
      4, 5, 1,
    ]);
    expect(concurrencyFor(60_000, 20)).to.equal(concurrencyFor(1, 0));
  });
});
