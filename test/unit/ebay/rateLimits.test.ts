import { expect } from 'chai';
import { readRateLimits } from '../../../src/ebay/client.ts';

const RESET = '2026-08-02T07:00:00.000Z';
const rate = { count: 3, limit: 5000, remaining: 4997, reset: RESET, timeWindow: 86_400 };
const bulk = { name: 'buy.browse.item.bulk', rates: [{ ...rate, remaining: 1 }] };
const body = (apiName: unknown, ...resources: unknown[]) => ({ rateLimits: [{ apiName, resources }] });
const expected = { limit: 5000, remaining: 4997, reset: Date.parse(RESET) };

describe('eBay’s rate limits', () => {
  for (const apiName of ['Browse', 'browse', 'BROWSE'])
    it(`are found under the name ${apiName}, not mistaken for the bulk resource`, () => {
      const ours = { name: 'buy.Browse', rates: [rate] };
      expect(readRateLimits(body(apiName, bulk, ours))).to.deep.equal(expected);
    });

  it('come from the first rate that makes sense', () => {
    const rates = [{}, null, { ...rate, reset: 'tomorrow' }, { ...rate, remaining: '4' }, rate];
    expect(readRateLimits(body('Browse', { name: 'buy.browse', rates }))).to.deep.equal(expected);
  });

  for (const other of [
    {},
    { rateLimits: 'none' },
    { rateLimits: [null, 7, {}] },
    body('Feed', { name: 'buy.browse', rates: [rate] }),
    body('Browse', bulk),
    body('Browse', { name: 'buy.browse' }),
    body('Browse', { name: 'buy.browse', rates: [{ ...rate, limit: -1 }] }),
  ])
    it(`are none in ${JSON.stringify(other).slice(0, 70)}`, () => {
      expect(readRateLimits(other)).to.equal(undefined);
    });
});
