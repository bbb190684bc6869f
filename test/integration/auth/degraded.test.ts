import { expect } from 'chai';
import { failureOf, useAuth } from '../../support/auth.ts';
import { startTestRedis, useRedis } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcpProxy.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = 'ebay:access_token';

describe('the token while Redis is slow, gone or full', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  let proxy: TcpProxy;
  beforeEach(async () => {
    proxy = await startTcpProxy(Number(new URL(redis.url).port));
  });
  afterEach(() => proxy.close());
  const through = (env: Record<string, string> = {}) =>
    fleet.start({
      REDIS_URL: `redis://127.0.0.1:${proxy.port}/0`,
      TOKEN_READ_TIMEOUT: '0.1',
      ...env,
    });

  it('Redis missing: no token is fetched, for no call could use it', async () => {
    const { auth, log } = await fleet.start({ REDIS_URL: 'redis://127.0.0.1:1/0' });
    const ends = await Promise.all(Array.from({ length: 20 }, () => failureOf(auth.getAccessToken())));
    expect(new Set(ends.map(({ code }) => code))).to.deep.equal(new Set(['redis-unavailable']));
    expect(fleet.endpoint.calls).to.have.length(0);
    expect(log.map(({ message }) => message)).to.deep.equal([
      'Redis does not answer: the token in memory serves',
    ]);
  });

  it('a Redis read failure counts as a miss, not a crash', async () => {
    const { auth, redis: connection, registry } = await fleet.start();
    await auth.getAccessToken();
    connection.disconnect();
    expect(await auth.getAccessToken()).to.equal('token-1');
    const metric = await registry.getSingleMetricAsString('dpf_token_cache_misses_total');
    expect(metric).to.include('reason="silent"} 1');
  });

  it('a failing write keeps the token in memory, logs and goes on', async () => {
    const { auth, log } = await fleet.start();
    const admin = redis.connect();
    fleet.endpoint.hold();
    const first = auth.getAccessToken();
    const call = await fleet.endpoint.arrived(1);
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      call.grant();
      expect(await first).to.equal('token-1');
      for (let n = 0; n < 5; n += 1) expect(await auth.getAccessToken()).to.equal('token-1');
      expect(fleet.endpoint.calls).to.have.length(1);
      expect(log.map(({ level, message }) => `${level} ${message}`)).to.include(
        'warn Redis does not take the token: it is kept in memory',
      );
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
  });

  it('with Redis 50 ms slower the fleet’s token serves all the same', async () => {
    proxy.mode = 'latency';
    proxy.latencyMs = 50;
    const [one, two] = [await through(), await through()];
    const tokens = await Promise.all([one, two, one].map(({ auth }) => auth.getAccessToken()));
    expect(new Set(tokens).size).to.equal(1);
    expect(fleet.endpoint.calls).to.have.length(1);
    await waitFor('an answer in time', async () => (await two.auth.status()).source === 'redis');
  });

  it('a Redis that stalls is waited for TOKEN_READ_TIMEOUT once, by all callers together', async () => {
    const { auth, registry, redis: connection } = await through({ REDIS_COMMAND_TIMEOUT: '30' });
    await auth.getAccessToken();
    let reads = 0;
    const get = connection.get.bind(connection);
    connection.get = ((key: string) => {
      reads += 1;
      return get(key);
    }) as typeof connection.get;
    proxy.mode = 'stall';
    const first = await Promise.all(Array.from({ length: 50 }, () => auth.getAccessToken()));
    const later = await auth.getAccessToken();
    expect(new Set([...first, later])).to.deep.equal(new Set(['token-1']));
    const served = await registry.getSingleMetricAsString('dpf_token_served_total');
    expect(served).to.include('source="memory"} 51');
    expect(reads).to.equal(1);
    proxy.mode = 'ok';
    await waitFor('Redis to serve again', async () => (await auth.status()).source === 'redis');
  });

  it('a process that starts while Redis stalls fetches nothing, and takes the fleet’s token when it is back', async () => {
    const { auth: settled } = await fleet.start();
    await settled.getAccessToken();
    const { auth, redis: connection } = await through({ REDIS_COMMAND_TIMEOUT: '0.3' });
    await waitFor('a connection', () => connection.status === 'ready');
    proxy.mode = 'stall';
    expect((await failureOf(auth.getAccessToken())).code).to.equal('redis-unavailable');
    proxy.mode = 'ok';
    const token = () => auth.getAccessToken().catch(() => undefined);
    await waitFor('the fleet’s token', async () => (await token()) === 'token-1');
    expect(fleet.endpoint.calls).to.have.length(1);
  });

  it('a connection that is still coming up is waited for, not replaced by a mint', async () => {
    const { auth: settled } = await fleet.start();
    await settled.getAccessToken();
    proxy.mode = 'stall';
    const { auth } = await through();
    const asked = auth.getAccessToken();
    await waitFor('the connection', () => proxy.connections === 1);
    proxy.mode = 'ok';
    expect(await asked).to.equal('token-1');
  });

  it('on return of an empty Redis the fleet converges on one token with one mint', async () => {
    const own = await startTestRedis();
    proxy.targetPort = own.port;
    const processes = [await through(), await through(), await through()];
    const all = () => Promise.all(processes.map(({ auth }) => auth.getAccessToken()));
    await all();
    await own.stop();
    expect(new Set(await all())).to.deep.equal(new Set(['token-1']));
    proxy.targetPort = Number(new URL(redis.url).port);
    await waitFor('all processes to read from Redis', async () => {
      const tokens = await all();
      const sources = await Promise.all(processes.map(async ({ auth }) => (await auth.status()).source));
      return sources.every((source) => source === 'redis') && new Set(tokens).size === 1;
    });
    expect(fleet.endpoint.calls).to.have.length(2);
  });
});

describe('a clock that is wrong', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);

  for (const minutes of [10, -10, 180])
    it(`${minutes} minutes off costs no mint: a token’s age is told by Redis’s time`, async () => {
      const right = await fleet.start();
      await right.auth.getAccessToken();
      const wrong = await fleet.start({}, { clock: () => Date.now() + minutes * 60_000 });
      for (let n = 0; n < 3; n += 1) expect(await wrong.auth.getAccessToken()).to.equal('token-1');
      expect(await wrong.auth.refreshToken('token-1')).to.equal('token-2');
      const { stored_at } = JSON.parse((await redis.connect().get(KEY)) as string);
      expect(Math.abs(Date.parse(stored_at) - Date.now())).to.be.below(10_000);
      expect(await right.auth.getAccessToken()).to.equal('token-2');
      expect(fleet.endpoint.calls).to.have.length(2);
      wrong.auth.close();
    });

  it('has no budget of another day, however often such a process starts', async () => {
    const env = { DAILY_MINT_LIMIT: '3' };
    for (const days of [-2, 2, 0]) {
      const { auth } = await fleet.start(env, { clock: () => Date.now() + days * 86_400_000 });
      await auth.refreshToken();
    }
    for (const days of [-2, 2, 0]) {
      const { auth } = await fleet.start(env, { clock: () => Date.now() + days * 86_400_000 });
      const { code, detail } = await failureOf(auth.refreshToken());
      expect(code).to.equal('mint-budget-spent');
      expect(detail.until).to.be.within(Date.now(), Date.now() + 26 * 3_600_000);
    }
    expect(fleet.endpoint.calls).to.have.length(3);
  });
});
