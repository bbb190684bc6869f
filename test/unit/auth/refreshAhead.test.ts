import { expect } from 'chai';
import sinon from 'sinon';
import { type CachedToken, cacheMs, FleetClock } from '../../../src/ebay/oauth/cache.ts';
import { RefreshAhead, refreshAt } from '../../../src/ebay/oauth/service.ts';
import { testConfig } from '../../support/config.ts';

const config = testConfig();
const { token: settings } = config;

function tokenAt(storedAt: number, value = `token of ${storedAt}`): CachedToken {
  const data = { access_token: value, expires_in: 7200, token_type: 'Bearer', stored_at: '' };
  return { value, data, cachedUntil: storedAt + cacheMs(7200, settings), usableUntil: storedAt + 6_900_000 };
}

describe('refreshing ahead', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => clock.restore());

  function ahead(random: () => number) {
    const renewals: number[] = [];
    const renew = async () => {
      renewals.push(Date.now() / 1000);
    };
    return { renewals, refresh: new RefreshAhead({ config, clock: new FleetClock(), random }, renew) };
  }

  it('happens in the last 60 s of the cached time, spread over 30 to 60 s before its end', async () => {
    for (const [random, at] of [
      [() => 0, 3240],
      [() => 1, 3270],
    ] as const) {
      clock.setSystemTime(0);
      const { renewals, refresh } = ahead(random);
      refresh.used(tokenAt(0));
      await clock.tickAsync(at * 1000 - 1);
      expect(renewals).to.deep.equal([]);
      await clock.tickAsync(1);
      expect(renewals).to.deep.equal([at]);
      refresh.close();
    }
  });

  it('is tried again before the end where it did not succeed, until the token cannot be used any more', async () => {
    const { renewals, refresh } = ahead(() => 0);
    refresh.used(tokenAt(0));
    await clock.tickAsync(3_300_000);
    expect(renewals.slice(0, 3)).to.deep.equal([3240, 3249, 3258]);
    await clock.tickAsync(7_000_000);
    expect(renewals.at(-1)).to.be.below(6900);
    refresh.close();
  });

  it('is left out for a token that nobody used, and made up for when somebody does', async () => {
    const { renewals, refresh } = ahead(() => 0);
    refresh.watch(tokenAt(0));
    await clock.tickAsync(3_250_000);
    expect(renewals).to.deep.equal([]);
    refresh.used(tokenAt(0));
    expect(renewals).to.deep.equal([3250]);
    refresh.close();
  });

  it('stops with close', async () => {
    const { renewals, refresh } = ahead(() => 0);
    refresh.used(tokenAt(0));
    refresh.close();
    await clock.tickAsync(4_000_000);
    expect(renewals).to.deep.equal([]);
    expect(clock.countTimers()).to.equal(0);
  });
});

describe('a day of a fleet', () => {
  const DAY = 86_400_000;

  /** Every process picks its moment for every token; the first one mints, and the answer takes `answerMs`. */
  function mintsOfADay(processes: number, random: () => number, answerMs: number): number {
    let mints = 0;
    for (let now = 0; now < DAY; ) {
      mints += 1;
      const token = tokenAt(now + answerMs);
      now = Math.min(...Array.from({ length: processes }, () => refreshAt(token, { config, random })));
    }
    return mints;
  }

  for (const processes of [1, 8, 50])
    it(`costs ${processes} processes at most 27 mints`, () => {
      for (const random of [Math.random, () => 0, () => 1])
        for (const answerMs of [0, 60, 5000])
          expect(mintsOfADay(processes, random, answerMs)).to.be.within(26, 27);
    });
});
