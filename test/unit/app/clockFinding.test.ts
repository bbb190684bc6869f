import { expect } from 'chai';
import { clockFinding } from '../../../src/app/doctor.ts';

describe('whose clock is off', () => {
  const cases: Array<[redisMs: number, ebayMs: number | undefined, message: RegExp]> = [
    [900, -4000, /^this machine, Redis and eBay have the same time$/],
    [40, undefined, /^this machine and Redis have the same time$/],
    [60_000, 0, /^Redis’s clock is 60 s ahead of this machine’s and eBay’s$/],
    [-60_000, undefined, /^Redis’s clock is 60 s behind this machine’s; eBay’s is unknown/],
    [60_000, 59_000, /^this machine’s clock is 60 s behind Redis’s and eBay’s$/],
    [-60_000, -61_000, /^this machine’s clock is 60 s ahead of Redis’s and eBay’s$/],
    [0, -60_000, /^the clocks of this machine and of Redis are 60 s ahead of eBay’s$/],
    [
      60_000,
      -60_000,
      /^this machine, Redis and eBay have three different times: .* 60 s ahead of .* 60 s behind/,
    ],
  ];
  for (const [redisMs, ebayMs, message] of cases)
    it(`Redis ${redisMs} ms, eBay ${ebayMs} ms: ${message.source.slice(1, 60)}`, () => {
      const finding = clockFinding(redisMs, ebayMs);
      expect(finding.message).to.match(message);
      expect(finding.state).to.equal(message.source.includes('same time') ? 'ok' : 'fail');
    });
});
