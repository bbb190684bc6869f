import { expect } from 'chai';
import { useAuth } from '../../support/auth.ts';
import { failureOf } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

describe('the token where Redis loses its data', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const lose = () => redis.connect().flushall();

  it('is requested once for the fleet, and the day’s count of requests goes on', async () => {
    const env = { DAILY_MINT_LIMIT: '4' };
    const [one, other] = [await fleet.start(env), await fleet.start(env)];
    for (let n = 0; n < 3; n += 1) await one.auth.refreshToken();
    await lose();
    await Promise.all([one, other].map(({ auth }) => auth.refreshToken()));
    const requests = fleet.endpoint.calls.length;
    // The second one of the two finds either the token of the first one, or the budget spent.
    expect(requests).to.equal(4);
  });

  it('keeps the budget in a process that is refused by it', async () => {
    const { auth } = await fleet.start({ DAILY_MINT_LIMIT: '2' });
    await auth.refreshToken();
    await auth.refreshToken();
    await lose();
    expect(await failureOf(auth.refreshToken())).to.include({ code: 'mint-budget-spent' });
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('is still shared after a request that was under way during the loss', async () => {
    const [one, other] = [await fleet.start(), await fleet.start()];
    for (let n = 0; n < 5; n += 1) await one.auth.refreshToken();
    fleet.endpoint.hold();
    const underWay = one.auth.refreshToken();
    const call = await fleet.endpoint.arrived(6);
    await lose();
    call.grant();
    expect(await underWay).to.equal('token-6');
    const next = other.auth.refreshToken('token-6');
    (await fleet.endpoint.arrived(7)).grant();
    expect(await next).to.equal('token-7');
    // Everybody finds the later one.
    expect(await one.auth.refreshToken('token-6')).to.equal('token-7');
    expect(await (await fleet.start()).auth.getAccessToken()).to.equal('token-7');
    expect(fleet.endpoint.calls).to.have.length(7);
  });
});
