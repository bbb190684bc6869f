import { expect } from 'chai';
import { type Ending, outcomeOf } from '../../../src/product/summary.ts';

const ending = (change: Partial<Ending>): Ending => ({
  pages: 2,
  missing: 0,
  cancelled: false,
  stoppedBy: 'end',
  onFailure: 'fail',
  counts: { collected: 10, products: 10 },
  ...change,
});

describe('the outcome of a search', () => {
  const CASES: [outcome: string, when: string, change: Partial<Ending>][] = [
    ['complete', 'the whole listing is delivered', {}],
    ['complete', 'the wanted number is delivered', { stoppedBy: 'wanted' }],
    ['partial', 'its own bound stopped it', { stoppedBy: 'max-calls' }],
    ['partial', 'the end of eBay’s window stopped it', { stoppedBy: 'window' }],
    ['partial', 'it stopped at what its track knows', { stoppedBy: 'known' }],
    [
      'partial',
      'nothing fits as far as it looked',
      { stoppedBy: 'max-calls', counts: { collected: 10, products: 0 } },
    ],
    ['none-found', 'eBay had no items', { counts: { collected: 0, products: 0 } }],
    ['filtered-out', 'eBay had items and none was delivered', { counts: { collected: 10, products: 0 } }],
    ['partial', 'a later page failed for good', { missing: 1 }],
    [
      'partial',
      'a page failed and those before it held nothing',
      { missing: 1, counts: { collected: 0, products: 0 } },
    ],
    ['failed', 'nothing is there', { pages: 0, missing: 1, counts: { collected: 0, products: 0 } }],
    [
      'degraded',
      'nothing is there and the request asked not to fail',
      { pages: 0, missing: 1, onFailure: 'degrade', counts: { collected: 0, products: 0 } },
    ],
    ['cancelled', 'it was cancelled, with what there is', { cancelled: true, missing: 1 }],
  ];
  for (const [outcome, when, change] of CASES) {
    it(`is ${outcome} when ${when}`, () => {
      expect(outcomeOf(ending(change))).to.equal(outcome);
    });
  }
});
