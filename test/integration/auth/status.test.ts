import { expect } from 'chai';
import { useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = 'ebay:access_token';

describe('the token as seen from outside', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);

  it('status says where the token comes from, its age and the day’s count, never the token', async () => {
    const { auth } = await fleet.start();
    expect(await auth.status()).to.include({ source: 'none', miss: 'absent', age: null, mintsToday: 0 });
    expect(fleet.endpoint.calls).to.have.length(0);
    await auth.getAccessToken();
    const status = await auth.status();
    expect(status).to.include({
      source: 'redis',
      miss: null,
      mintsToday: 1,
      dailyMintLimit: 200,
      encrypted: false,
    });
    expect(status.age).to.be.within(0, 5);
    expect(status.expiresIn).to.be.within(7190, 7200);
    expect(status.usableFor).to.be.within(6890, 6900);
    expect(JSON.stringify(status)).to.not.include('token-1');
  });

  it('status asks and changes nothing, also without Redis', async () => {
    const { auth, redis: connection } = await fleet.start();
    await auth.status();
    expect(await redis.connect().dbsize()).to.equal(0);
    connection.disconnect();
    expect(await auth.status()).to.include({ source: 'none', miss: 'silent', mintsToday: 0 });
  });

  it('clear forgets token and pause, not the day’s count', async () => {
    const { auth } = await fleet.start();
    await auth.getAccessToken();
    fleet.endpoint.respond = (call) => call.answer(401, { error: 'invalid_client' });
    await auth.refreshToken().catch(() => undefined);
    expect((await auth.status()).credentialRefused).to.equal(true);
    await auth.clear();
    expect(await auth.status()).to.include({ source: 'none', mintsToday: 2, coolDown: null });
    expect(await redis.connect().exists(KEY)).to.equal(0);
    fleet.endpoint.respond = (call) => call.grant();
    expect(await auth.getAccessToken()).to.equal('token-3');
  });

  it('clear says so when Redis did not take part', async () => {
    const { auth, redis: connection } = await fleet.start();
    connection.disconnect();
    expect(await auth.clear().catch((failure: unknown) => failure)).to.include({ code: 'redis-unavailable' });
  });

  it('metrics count hits by source, misses, mints by reason and result, and tell the seconds to expiry', async () => {
    const { auth, registry } = await fleet.start();
    await auth.getAccessToken();
    await auth.getAccessToken();
    await auth.refreshToken('token-1');
    fleet.endpoint.respond = (call) => call.answer(500, {});
    await auth.refreshToken().catch(() => undefined);
    const text = await registry.metrics();
    for (const line of [
      'dpf_token_served_total{tenant="default",source="mint"} 2',
      'dpf_token_served_total{tenant="default",source="redis"} 1',
      'dpf_token_cache_misses_total{tenant="default",reason="absent"} 1',
      'dpf_token_mints_total{tenant="default",reason="missing",result="ok"} 1',
      'dpf_token_mints_total{tenant="default",reason="refused",result="ok"} 1',
      'dpf_token_mints_total{tenant="default",reason="forced",result="server-error"} 1',
      'dpf_token_mint_seconds_count{tenant="default"} 3',
    ])
      expect(text).to.include(line);
    const seconds = Number(/dpf_token_expiry_seconds\{tenant="default"\} ([\d.]+)/.exec(text)?.[1]);
    expect(seconds).to.be.within(6890, 6900);
  });

  it('what a token answer had wrong is logged, and the token used', async () => {
    fleet.endpoint.respond = (call) => call.grant({ expires_in: undefined });
    const { auth, log } = await fleet.start();
    expect(await auth.getAccessToken()).to.equal('token-1');
    expect(log.find(({ message }) => message === 'unusual token answer')?.fields.warning).to.include(
      'expires_in',
    );
  });
});

describe('refreshing ahead', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  // Cached for 1 s, the last 0.9 s of it are "ahead": refreshed 0.1 to 0.55 s after it was stored.
  const env = { TOKEN_CACHE_TIME: '1', TOKEN_REFRESH_AHEAD: '0.9' };

  it('one process fetches the next token in the background while all others keep working', async () => {
    const processes = [await fleet.start(env), await fleet.start(env), await fleet.start(env)];
    const all = () => Promise.all(processes.map(({ auth }) => auth.getAccessToken()));
    await all();
    fleet.endpoint.hold();
    await redis.connect().persist(KEY); // however slow this machine is
    const call = await fleet.endpoint.arrived(2);
    expect(new Set(await all())).to.deep.equal(new Set(['token-1']));
    call.grant();
    await waitFor('the next token everywhere', async () =>
      (await all()).every((token) => token === 'token-2'),
    );
    const mints = await Promise.all(
      processes.map(({ registry }) => registry.getSingleMetricAsString('dpf_token_mints_total')),
    );
    expect(mints.filter((text) => text.includes('reason="ahead"'))).to.have.length(1);
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a process whose moment comes late finds the token replaced and asks for nothing', async () => {
    const early = await fleet.start(env, { random: () => 0 });
    const late = await fleet.start(env, { random: () => 1 });
    await early.auth.getAccessToken();
    await late.auth.getAccessToken();
    await waitFor('the next token', () => fleet.endpoint.calls.length === 2);
    early.auth.close();
    await waitFor('the late process to have it', async () => (await late.auth.cachedToken()) === 'token-2');
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a value that has long to live is not replaced, whatever this process’s clock says', async () => {
    const { auth } = await fleet.start({}, { clock: () => Date.now() + 3_250_000 });
    await auth.storeToken({
      access_token: 'fresh',
      expires_in: 7200,
      token_type: 'Bearer',
      stored_at: new Date().toISOString(),
    });
    await redis.connect().pexpire(KEY, 3_300_000);
    const ahead = { clock: () => Date.now() + 3_250_000, random: () => 0 };
    const { auth: skewed, redis: connection } = await fleet.start({}, ahead);
    const questions = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await connection.info('commandstats'))?.[1] ?? 0);
    await waitFor('the connection', () => connection.status === 'ready');
    const before = await questions();
    await skewed.getAccessToken();
    await waitFor('the question to be asked', async () => (await questions()) > before);
    expect(await skewed.getAccessToken()).to.equal('fresh');
    expect(fleet.endpoint.calls).to.have.length(0);
  });
});
