import { expect } from 'chai';
import { CLIENT_SECRET, failureOf, useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = 'ebay:access_token';
const expire = async (redis: { del(key: string): Promise<number> }) => redis.del(KEY);

describe('trouble with the token endpoint', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);

  for (const [what, status, body, headers, reason, code, seconds] of [
    ['invalid_client', 401, { error: 'invalid_client' }, {}, 'invalid_client', 'credential-refused', 1800],
    ['invalid_scope', 400, { error: 'invalid_scope' }, {}, 'invalid_scope', 'credential-refused', 1800],
    [
      'unsupported_grant_type',
      400,
      { error: 'unsupported_grant_type' },
      {},
      'unsupported_grant_type',
      'credential-refused',
      1800,
    ],
    [
      '429 in the REST shape',
      429,
      { errors: [{ errorId: 2001 }] },
      {},
      'throttled',
      'token-unavailable',
      100,
    ],
    ['429 with Retry-After', 429, {}, { 'retry-after': '200' }, 'throttled', 'token-unavailable', 200],
    [
      '429 with a huge Retry-After',
      429,
      {},
      { 'retry-after': '86400' },
      'throttled',
      'token-unavailable',
      300,
    ],
    ['500', 500, { error: 'server_error' }, {}, 'server-error', 'token-unavailable', 100],
    ['503 as a web page', 503, '<html>', {}, 'server-error', 'token-unavailable', 100],
    ['200 as a web page', 200, '<html>', {}, 'bad-answer', 'token-unavailable', 100],
    ['a redirect', 302, '', { location: 'http://127.0.0.1:1/' }, 'bad-answer', 'token-unavailable', 100],
    ['an oversized answer', 200, ' '.repeat(100_000), {}, 'bad-answer', 'token-unavailable', 100],
  ] as const)
    it(`${what} pauses the whole fleet for about ${seconds} s and says why`, async () => {
      fleet.endpoint.respond = (call) => call.answer(status, body, headers);
      const env = { TOKEN_FAILURE_BACKOFF: '100' };
      const [one, two] = [await fleet.start(env), await fleet.start(env)];
      for (const { auth } of [one, two, one]) {
        const failure = await failureOf(auth.getAccessToken());
        expect(failure.code).to.equal(code);
        expect(failure.detail.reason).to.equal(reason);
        const rest = ((failure.detail.until as number) - Date.now()) / 1000;
        expect(rest).to.be.within(seconds * 0.9 - 0.5, seconds * 1.26);
      }
      expect(fleet.endpoint.calls).to.have.length(1);
      expect((await two.auth.status()).coolDown).to.include({ reason });
    });

  it('a timeout and a refused connection pause too', async () => {
    fleet.endpoint.hold();
    const slow = await fleet.start({ TOKEN_REQUEST_TIMEOUT: '0.1' });
    expect((await failureOf(slow.auth.getAccessToken())).detail.reason).to.equal('timeout');
    const nowhere = await fleet.start({ EBAY_TOKEN_URL: 'http://127.0.0.1:1/token' }, { tenant: 'nowhere' });
    expect((await failureOf(nowhere.auth.getAccessToken())).detail.reason).to.equal('unreachable');
  });

  it('the pause grows with every failure that follows and ends with a success', async () => {
    fleet.endpoint.respond = (call) => call.answer(500, {});
    const env = { TOKEN_FAILURE_BACKOFF: '0.05', MAX_TOKEN_FAILURE_BACKOFF: '10' };
    const [one, two] = [
      await fleet.start(env, { random: () => 0 }),
      await fleet.start(env, { random: () => 0 }),
    ];
    const pauses: unknown[] = [];
    for (const [n, { auth, log }] of [one, two, one].entries()) {
      await waitFor(`request ${n + 1}`, async () => {
        await auth.getAccessToken().catch(() => undefined);
        return fleet.endpoint.calls.length === n + 1;
      });
      pauses.push(log.findLast(({ message }) => message === 'token request failed')?.fields.pauseMs);
    }
    expect(pauses).to.deep.equal([50, 100, 200]);
    fleet.endpoint.respond = (call) => call.grant();
    await waitFor('a token', () => two.auth.getAccessToken().catch(() => undefined));
    expect((await one.auth.status()).coolDown).to.equal(null);
    expect(await one.auth.getAccessToken()).to.equal('token-4');
    await expire(redis.connect());
    fleet.endpoint.respond = (call) => call.answer(500, {});
    expect(await one.auth.getAccessToken()).to.equal('token-4');
    expect(one.log.at(-1)?.fields.pauseMs).to.equal(50);
  });

  it('while the endpoint is down the copy in memory serves, and nobody waits for the next try', async () => {
    const env = { TOKEN_FAILURE_BACKOFF: '0.01', MAX_TOKEN_FAILURE_BACKOFF: '0.02' };
    const { auth, log } = await fleet.start(env);
    await auth.getAccessToken();
    await expire(redis.connect());
    fleet.endpoint.respond = (call) => call.answer(503, {});
    expect(await auth.getAccessToken()).to.equal('token-1');
    fleet.endpoint.hold();
    // The next try hangs; the callers do not.
    await waitFor('a try that hangs', async () => {
      expect(await auth.getAccessToken()).to.equal('token-1');
      return fleet.endpoint.calls.length === 3;
    });
    expect(await auth.getAccessToken()).to.equal('token-1');
    fleet.endpoint.calls.at(-1)?.grant();
    await waitFor('the new token', async () => (await auth.getAccessToken()) === 'token-3');
    expect(log.filter(({ level }) => level === 'error')).to.have.length(0);
  });

  it('the copy in memory ends with the token’s buffer', async () => {
    let now = Date.now();
    const auth = fleet.startAlone({}, { clock: () => now });
    await auth.getAccessToken();
    fleet.endpoint.respond = (call) => call.answer(503, {});
    now += 6_899_000;
    expect(await auth.getAccessToken()).to.equal('token-1');
    now += 2000;
    expect(await failureOf(auth.getAccessToken())).to.include({ code: 'token-unavailable' });
  });

  it('a keyset that was put right starts without the pause of the wrong one', async () => {
    fleet.endpoint.respond = (call) => call.answer(401, { error: 'invalid_client' });
    const wrong = await fleet.start();
    await failureOf(wrong.auth.getAccessToken());
    fleet.endpoint.respond = (call) => call.grant();
    const right = await fleet.start({ EBAY_CLIENT_SECRET: 'SBX-another' });
    expect(await right.auth.getAccessToken()).to.equal('token-2');
    expect(await wrong.auth.getAccessToken()).to.equal('token-2');
  });

  it('a request that arrives in another form is not blamed on the keyset', async () => {
    fleet.endpoint.respond = (call) => call.answer(400, { error: 'unsupported_grant_type' });
    const { auth } = await fleet.start();
    const { message } = await failureOf(auth.getAccessToken());
    expect(message).to.include('unsupported_grant_type').and.include('EBAY_TOKEN_URL');
    expect(message).to.not.match(/invalid_client|EBAY_CLIENT/);
  });

  it('network and HTTP errors are re-raised with detail, never the secret', async () => {
    fleet.endpoint.respond = (call) => call.answer(401, { error: 'invalid_client', hint: CLIENT_SECRET });
    const { auth, log, registry } = await fleet.start({}, { tenant: 'one' });
    const refused = await failureOf(auth.getAccessToken());
    const gone = await fleet.start({ EBAY_TOKEN_URL: 'http://127.0.0.1:1/token' }, { tenant: 'two' });
    const unreachable = await failureOf(gone.auth.getAccessToken());
    expect(refused.message).to.include('EBAY_CLIENT_SECRET').and.to.include('invalid_client');
    expect(gone.log.at(-1)?.fields.cause).to.include('ECONNREFUSED');
    const { inspect } = await import('node:util');
    const seen = inspect([refused, unreachable, log, gone.log, await registry.metrics()], { depth: 20 });
    const basic = fleet.endpoint.calls[0]?.headers.authorization?.slice(6) as string;
    for (const secret of [CLIENT_SECRET, basic]) expect(seen).to.not.include(secret);
  });

  it('an outage of Redis does not end the pause: no token is fetched without Redis', async () => {
    fleet.endpoint.respond = (call) => call.answer(401, { error: 'invalid_client' });
    const { auth, redis: connection } = await fleet.start();
    await failureOf(auth.getAccessToken());
    connection.disconnect();
    expect(await failureOf(auth.getAccessToken())).to.include({ code: 'redis-unavailable' });
    expect(fleet.endpoint.calls).to.have.length(1);
  });
});

describe('the mint budget', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);

  it('is counted over the fleet and turns a loop into an alarm', async () => {
    const env = { DAILY_MINT_LIMIT: '3' };
    const [one, two] = [await fleet.start(env), await fleet.start(env)];
    for (const { auth } of [one, two, one]) await auth.refreshToken();
    for (const { auth, log } of [one, two]) {
      for (let n = 0; n < 2; n += 1) {
        const failure = await failureOf(auth.refreshToken());
        expect(failure).to.include({ code: 'mint-budget-spent', disposition: 'wait' });
        expect(failure.detail.until).to.be.within(Date.now(), Date.now() + 25 * 3_600_000);
      }
      expect(log.filter(({ level }) => level === 'error')).to.have.length(1);
    }
    expect(fleet.endpoint.calls).to.have.length(3);
    // The token that is there serves on.
    expect(await two.auth.getAccessToken()).to.equal('token-3');
    expect(await one.auth.status()).to.include({ mintsToday: 3, dailyMintLimit: 3 });
  });

  it('counts failed requests and keeps its count for two days, per credential', async () => {
    fleet.endpoint.respond = (call) => call.answer(500, {});
    const { auth, redis: connection } = await fleet.start();
    await failureOf(auth.getAccessToken());
    const [key] = await connection.keys('*:mints:*');
    expect(key).to.match(/^\{ebay:access_token\}:mints:[0-9a-f]{12}:\d{4}-\d\d-\d\d$/);
    expect(await connection.get(key as string)).to.equal('1');
    expect(await connection.ttl(key as string)).to.be.within(172_700, 172_800);
    const other = await fleet.start({ EBAY_CLIENT_ID: 'Another-SBX-1' });
    expect(await other.auth.status()).to.include({ mintsToday: 0 });
  });

  it('is kept in memory by a process without any Redis', async () => {
    const auth = fleet.startAlone({ DAILY_MINT_LIMIT: '2' });
    await auth.refreshToken();
    await auth.refreshToken();
    expect(await failureOf(auth.refreshToken())).to.include({ code: 'mint-budget-spent' });
  });
});
