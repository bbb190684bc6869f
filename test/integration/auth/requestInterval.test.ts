import { expect } from 'chai';
import { useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';

const INTERVAL_MS = 1000;
const env = { TOKEN_REQUEST_INTERVAL: String(INTERVAL_MS / 1000) };

describe('TOKEN_REQUEST_INTERVAL', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  /** When each token request arrived. */
  const arrivals: number[] = [];
  beforeEach(() => {
    arrivals.length = 0;
    fleet.endpoint.respond = (call) => {
      arrivals.push(performance.now());
      call.grant();
    };
  });

  it('is kept between the token requests of two processes, after a refusal', async () => {
    const [one, two] = [await fleet.start(env), await fleet.start(env)];
    const began = performance.now();
    const first = await one.auth.getAccessToken();
    expect(await two.auth.refreshToken(first)).to.equal('token-2');
    expect(await one.auth.getAccessToken()).to.equal('token-2');
    expect(arrivals).to.have.lengthOf(2);
    // The interval began after `began`. Redis and the timer count in whole ms.
    expect((arrivals[1] as number) - began).to.be.at.least(INTERVAL_MS - 2);
  });

  it('is kept by a refresh by hand and by processes that lost the cached token', async () => {
    const [one, two] = [await fleet.start(env), await fleet.start(env)];
    const began = performance.now();
    await one.auth.getAccessToken();
    await redis.connect().del('ebay:access_token');
    const asked = [two.auth.getAccessToken(), one.auth.getAccessToken()];
    expect(new Set(await Promise.all(asked))).to.deep.equal(new Set(['token-2']));
    await one.auth.refreshToken();
    expect(arrivals).to.have.lengthOf(3);
    expect((arrivals[1] as number) - began).to.be.at.least(INTERVAL_MS - 2);
    expect((arrivals[2] as number) - began).to.be.at.least(2 * INTERVAL_MS - 4);
  });
});
