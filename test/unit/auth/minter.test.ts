import { expect } from 'chai';
import { FleetClock, TokenCache, type TokenContext } from '../../../src/ebay/oauth/cache.ts';
import { LocalPermits, Minter } from '../../../src/ebay/oauth/mint.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { failureOf } from '../../support/gates.ts';

describe('the next token, fetched ahead', () => {
  it('is left alone where the cache holds what this process cannot read, without asking again and again', async () => {
    const context: TokenContext = {
      config: testConfig({ TOKEN_REQUEST_TIMEOUT: '0.1', TOKEN_LOCK_TIME: '0.1' }),
      tenant: 'default',
      redis: undefined,
      clock: new FleetClock(),
      log: NOOP_LOGGER,
      metrics: undefined,
      random: Math.random,
      seen: () => undefined,
    };
    const permits = new LocalPermits(context);
    let asked = 0;
    permits.permit = async () => {
      asked += 1;
      return { kind: 'replaced', value: 'not json {' };
    };
    const minter = new Minter(context, new TokenCache(context), permits);
    const { code } = await failureOf(minter.acquire({ reason: 'ahead', stale: 'the present one' }));
    expect([code, asked]).to.deep.equal(['token-unavailable', 1]);
  });
});
