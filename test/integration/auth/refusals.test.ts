import { expect } from 'chai';
import { failureOf, useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('refused tokens', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const streak = async () => {
    const { auth } = await fleet.start();
    return (await auth.status()).refusedInARow;
  };

  it('three tokens refused one after another before any was accepted stop the whole fleet', async () => {
    const [one, two] = [await fleet.start(), await fleet.start()];
    const first = await one.auth.getAccessToken();
    const second = await two.auth.refreshToken(first);
    const third = await one.auth.refreshToken(second);
    for (const { auth } of [two, one]) {
      const failure = await failureOf(auth.refreshToken(third));
      expect(failure).to.include({ code: 'credential-refused', disposition: 'permanent' });
      expect(failure.detail.reason).to.equal('tokens-refused');
      expect(failure.detail.until).to.be.within(Date.now() + 1_790_000, Date.now() + 1_801_000);
    }
    const late = await fleet.start();
    expect(await failureOf(late.auth.getAccessToken())).to.include({ code: 'credential-refused' });
    expect(fleet.endpoint.calls).to.have.length(3);
    expect(await late.auth.status()).to.deep.include({ refusedInARow: 3, credentialRefused: true });
    expect((await late.auth.status()).coolDown).to.include({ reason: 'tokens-refused' });
    expect(await late.registry.getSingleMetricAsString('dpf_token_credential_refused')).to.include('} 1');
  });

  it('an accepted token ends the streak, whichever process used it', async () => {
    const [one, two] = [await fleet.start(), await fleet.start()];
    const first = await one.auth.getAccessToken();
    const second = await one.auth.refreshToken(first);
    const third = await one.auth.refreshToken(second);
    expect(await streak()).to.equal(2);
    two.auth.accepted(third);
    await waitFor('the streak to end', async () => (await streak()) === 0);
    expect(await one.auth.refreshToken(third)).to.equal('token-4');
    expect(await streak()).to.equal(0);
  });

  it('a token accepted before it was refused does not count', async () => {
    const { auth } = await fleet.start();
    const first = await auth.getAccessToken();
    auth.accepted(first);
    await waitFor('the acceptance', async () => (await redis.connect().keys('*:refused:*')).length === 1);
    await auth.refreshToken(first);
    expect(await streak()).to.equal(0);
  });

  it('one token refused in many calls and processes counts once', async () => {
    const processes = [await fleet.start(), await fleet.start()];
    const token = await processes[0]?.auth.getAccessToken();
    await Promise.all(
      processes.flatMap(({ auth }) => Array.from({ length: 20 }, () => auth.refreshToken(token))),
    );
    expect(await streak()).to.equal(1);
    // Even where somebody puts it back.
    await processes[0]?.auth.storeToken({
      access_token: token as string,
      expires_in: 7200,
      token_type: 'Bearer',
    });
    await processes[0]?.auth.refreshToken(token);
    expect(await streak()).to.equal(1);
  });

  it('after the cool-down one mint decides: refused again, the fleet rests again', async () => {
    const env = { CREDENTIAL_REFUSED_BACKOFF: '0.2' };
    const { auth } = await fleet.start(env);
    let token = await auth.getAccessToken();
    for (let n = 0; n < 2; n += 1) token = await auth.refreshToken(token);
    expect(await failureOf(auth.refreshToken(token))).to.include({ code: 'credential-refused' });
    const next = await waitFor('the cool-down to end', () => auth.getAccessToken().catch(() => undefined));
    expect(next).to.equal('token-4');
    expect(await failureOf(auth.refreshToken(next))).to.include({ code: 'credential-refused' });
    expect(fleet.endpoint.calls).to.have.length(4);
  });

  it('a refused token leaves the cache at once, so that nobody else spends a call on it', async () => {
    const [one, two] = [await fleet.start(), await fleet.start()];
    await two.auth.getAccessToken();
    fleet.endpoint.hold();
    const refreshing = one.auth.refreshToken('token-1');
    const call = await fleet.endpoint.arrived(2);
    expect(await two.auth.cachedToken()).to.equal(undefined);
    const asking = two.auth.getAccessToken();
    call.grant();
    expect(await Promise.all([refreshing, asking])).to.deep.equal(['token-2', 'token-2']);
  });

  it('accepting the same token again costs nothing', async () => {
    const { auth, redis: connection } = await fleet.start();
    auth.accepted(await auth.getAccessToken());
    const evals = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await connection.info('commandstats'))?.[1]);
    const before = await evals();
    for (let n = 0; n < 100; n += 1) auth.accepted('token-1');
    expect(await evals()).to.equal(before);
  });
});
