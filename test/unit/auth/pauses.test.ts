import { expect } from 'chai';
import { tokenPauseMs } from '../../../src/ebay/retryPolicy.ts';
import { testConfig } from '../../support/config.ts';

const { token } = testConfig();
const low = () => 0;
const high = () => 0.999;

describe('the pause after a failed token request', () => {
  it('doubles from 2 s to 300 s', () => {
    const grown = [1, 2, 3, 8, 9, 1000].map((n) =>
      tokenPauseMs({ reason: 'server-error', retryAfterMs: undefined }, n, token, low),
    );
    expect(grown).to.deep.equal([2000, 4000, 8000, 256_000, 300_000, 300_000]);
  });

  it('has jitter that only lengthens it', () => {
    expect(tokenPauseMs({ reason: 'timeout', retryAfterMs: undefined }, 1, token, high)).to.be.within(
      2400,
      2500,
    );
  });

  it('honours Retry-After where it asks for more, and clamps it', () => {
    const pause = (retryAfterMs: number) =>
      tokenPauseMs({ reason: 'throttled', retryAfterMs }, 1, token, low);
    expect([0, 1000, 60_000, 86_400_000].map(pause)).to.deep.equal([2000, 2000, 60_000, 300_000]);
  });

  it('is long at once for a refused credential: at most two requests an hour', () => {
    for (const reason of [
      'invalid_client',
      'unauthorized_client',
      'unsupported_grant_type',
      'tokens-refused',
    ] as const) {
      expect(tokenPauseMs({ reason, retryAfterMs: undefined }, 1, token, low)).to.equal(1_800_000);
      expect(tokenPauseMs({ reason, retryAfterMs: 1 }, 9, token, high)).to.be.within(2_200_000, 2_250_000);
    }
  });
});
