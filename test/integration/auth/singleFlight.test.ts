import { expect } from 'chai';
import { useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = 'ebay:access_token';
const LOCK = `{${KEY}}:lock`;

describe('one token for the fleet', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const waiters = async (registry: { getSingleMetricAsString(name: string): Promise<string> }) =>
    /dpf_token_waits_total\{tenant="default"\} 1/.test(
      await registry.getSingleMetricAsString('dpf_token_waits_total'),
    );

  it('many concurrent misses over several processes cause one POST', async () => {
    fleet.endpoint.hold();
    const processes = await Promise.all([fleet.start(), fleet.start(), fleet.start(), fleet.start()]);
    const asked = processes.flatMap(({ auth }) => Array.from({ length: 25 }, () => auth.getAccessToken()));
    const call = await fleet.endpoint.arrived(1);
    // All but the one that asks eBay are seen waiting before the answer comes.
    await waitFor('three waiting processes', async () => {
      const waiting = await Promise.all(processes.map(({ registry }) => waiters(registry)));
      return waiting.filter(Boolean).length === 3;
    });
    call.grant();
    expect(new Set(await Promise.all(asked))).to.deep.equal(new Set(['token-1']));
    expect(fleet.endpoint.calls).to.have.length(1);
  });

  it('many concurrent 401s cause one POST', async () => {
    const processes = await Promise.all([fleet.start(), fleet.start(), fleet.start()]);
    const tokens = await Promise.all(processes.map(({ auth }) => auth.getAccessToken()));
    expect(new Set(tokens).size).to.equal(1);
    fleet.endpoint.hold();
    const refreshed = processes.flatMap(({ auth }) =>
      Array.from({ length: 20 }, () => auth.refreshToken('token-1')),
    );
    (await fleet.endpoint.arrived(2)).grant();
    expect(new Set(await Promise.all(refreshed))).to.deep.equal(new Set(['token-2']));
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a 401 refresh is skipped if another worker already replaced the token that failed', async () => {
    const one = await fleet.start();
    const two = await fleet.start();
    await one.auth.getAccessToken();
    await two.auth.getAccessToken();
    await one.auth.refreshToken('token-1');
    for (let late = 0; late < 10; late += 1)
      expect(await two.auth.refreshToken('token-1')).to.equal('token-2');
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a token replaced between reading the cache and asking for the lock is taken, not minted again', async () => {
    const one = await fleet.start();
    const two = await fleet.start();
    await one.auth.getAccessToken();
    // The other process read the old value just before it was replaced.
    const get = two.redis.get.bind(two.redis);
    let replacing: Promise<string> | undefined;
    two.redis.get = (async (key: string) => {
      const value = await get(key);
      replacing ??= one.auth.refreshToken('token-1');
      await replacing;
      return value;
    }) as typeof two.redis.get;
    expect(await two.auth.refreshToken('token-1')).to.equal('token-2');
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a refusal that joins a search begun for the same old token still gets a new one', async () => {
    const one = await fleet.start();
    await redis.connect().set(LOCK, 'another process', 'PX', 10_000);
    const searching = one.auth.getAccessToken();
    await waitFor('a search under way', () => waiters(one.registry));
    const refreshing = one.auth.refreshToken('theirs');
    await redis.connect().set(
      KEY,
      JSON.stringify({
        access_token: 'theirs',
        expires_in: 7200,
        token_type: 'Bearer',
        stored_at: new Date().toISOString(),
      }),
    );
    expect(await searching).to.equal('theirs');
    await redis.connect().del(LOCK);
    expect(await refreshing).to.equal('token-1');
  });

  it('the lock outlives the request’s own deadline and is released with the token', async () => {
    fleet.endpoint.hold();
    const { auth, redis: connection } = await fleet.start();
    const token = auth.getAccessToken();
    const call = await fleet.endpoint.arrived(1);
    expect(await connection.pttl(LOCK)).to.be.within(10_000, 15_000);
    call.grant();
    await token;
    expect(await connection.exists(LOCK)).to.equal(0);
  });

  it('a lock whose holder died is taken over when it ends, with one further mint', async () => {
    const processes = await Promise.all([fleet.start(), fleet.start()]);
    await redis.connect().set(LOCK, 'a dead process', 'PX', 300);
    const tokens = await Promise.all(processes.map(({ auth }) => auth.getAccessToken()));
    expect(tokens).to.deep.equal(['token-1', 'token-1']);
    expect(fleet.endpoint.calls).to.have.length(1);
  });

  it('a lock is released only by its owner, after success and after failure', async () => {
    fleet.endpoint.hold();
    const { auth } = await fleet.start();
    const connection = redis.connect();
    for (const [n, finish] of [
      [1, 200],
      [2, 500],
    ] as const) {
      const token = auth.refreshToken().catch((error: { code: string }) => error.code);
      const call = await fleet.endpoint.arrived(n);
      // The lock ran out while the request was slow, and another process has it now.
      await connection.set(LOCK, 'the next process', 'PX', 10_000);
      if (finish === 200) call.grant();
      else call.answer(500, {});
      await token;
      expect(await connection.get(LOCK), `after ${finish}`).to.equal('the next process');
      await connection.del(LOCK);
    }
  });

  it('the failure of a mint that lost its lock begins no pause for the fleet', async () => {
    fleet.endpoint.hold();
    const [one, two] = [await fleet.start(), await fleet.start()];
    const slow = one.auth.getAccessToken().catch((error: { code: string }) => error.code);
    const first = await fleet.endpoint.arrived(1);
    await redis.connect().del(LOCK);
    const quick = two.auth.getAccessToken();
    const second = await fleet.endpoint.arrived(2);
    first.answer(503, {});
    expect(await slow).to.equal('token-unavailable');
    second.grant();
    expect(await quick).to.equal('token-2');
    expect((await two.auth.status()).coolDown).to.equal(null);
  });

  it('a slow earlier mint never overwrites a later one', async () => {
    fleet.endpoint.hold();
    const [one, two] = [await fleet.start(), await fleet.start()];
    const slow = one.auth.getAccessToken();
    const first = await fleet.endpoint.arrived(1);
    await redis.connect().del(LOCK); // as if it had run out
    const quick = two.auth.getAccessToken();
    (await fleet.endpoint.arrived(2)).grant();
    expect(await quick).to.equal('token-2');
    first.grant();
    expect(await slow).to.equal('token-2');
    expect(await two.auth.retrieveToken()).to.include({ access_token: 'token-2' });
  });

  it('a slow earlier mint does not come back after the later token was refused either', async () => {
    fleet.endpoint.hold();
    const [one, two] = [await fleet.start(), await fleet.start()];
    const slow = one.auth.getAccessToken();
    const first = await fleet.endpoint.arrived(1);
    await redis.connect().del(LOCK);
    const quick = two.auth.getAccessToken();
    (await fleet.endpoint.arrived(2)).grant();
    const refreshing = two.auth.refreshToken(await quick);
    const third = await fleet.endpoint.arrived(3);
    first.grant();
    expect(await slow).to.equal('token-1');
    expect(await redis.connect().exists(KEY)).to.equal(0);
    third.grant();
    expect(await refreshing).to.equal('token-3');
    expect(await one.auth.getAccessToken()).to.equal('token-3');
  });

  it('a refreshed token asked for by hand is one for all who ask at once', async () => {
    const [one, two] = [await fleet.start(), await fleet.start()];
    await one.auth.getAccessToken();
    fleet.endpoint.hold();
    const forced = [one.auth.refreshToken(), two.auth.refreshToken(), two.auth.refreshToken()];
    (await fleet.endpoint.arrived(2)).grant();
    expect(new Set(await Promise.all(forced))).to.deep.equal(new Set(['token-2']));
  });

  it('without Redis concurrent callers of one process share one POST', async () => {
    fleet.endpoint.hold();
    const auth = fleet.startAlone();
    const asked = Array.from({ length: 50 }, () => auth.getAccessToken());
    (await fleet.endpoint.arrived(1)).grant();
    expect(new Set(await Promise.all(asked))).to.deep.equal(new Set(['token-1']));
    const refreshed = Array.from({ length: 50 }, () => auth.refreshToken('token-1'));
    (await fleet.endpoint.arrived(2)).grant();
    expect(new Set(await Promise.all(refreshed))).to.deep.equal(new Set(['token-2']));
    expect(fleet.endpoint.calls).to.have.length(2);
  });
});
