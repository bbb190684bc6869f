import { expect } from 'chai';
import { CLIENT_ID, CLIENT_SECRET, useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';

const KEY = 'ebay:access_token';

describe('the token cache', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const stored = async () => JSON.parse((await redis.connect().get(KEY)) as string);
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const plain = (fields: object = {}) =>
    JSON.stringify({
      access_token: 'theirs',
      expires_in: 7200,
      token_type: 'Bearer',
      stored_at: ago(10),
      ...fields,
    });

  it('returns a valid cached token with one Redis read and no POST', async () => {
    const { auth, redis: connection } = await fleet.start();
    await redis.connect().set(KEY, plain());
    expect(await auth.getAccessToken()).to.equal('theirs');
    const commands = async () =>
      Number(/cmdstat_get:calls=(\d+)/.exec(await connection.info('commandstats'))?.[1]);
    const before = await commands();
    for (let n = 0; n < 10; n += 1) expect(await auth.getAccessToken()).to.equal('theirs');
    expect(await commands()).to.equal(before + 10);
    expect(fleet.endpoint.calls).to.have.length(0);
  });

  for (const [what, value] of [
    ['no token', null],
    ['a token inside the 5-minute buffer', plain({ stored_at: ago(6901) })],
    ['garbage', 'not json {'],
    ['a token without stored_at', plain({ stored_at: undefined })],
    ['a token with a line break', plain({ access_token: 'a\r\nb' })],
    ["another environment's token", plain({ environment: 'production' })],
    ["another credential's token", plain({ credential: '000000000000' })],
    ["other scopes' token", plain({ scopes: 'https://api.ebay.com/oauth/api_scope/buy.item.bulk' })],
  ] as const)
    it(`with ${what} in the cache refreshes once and returns the new token`, async () => {
      if (value !== null) await redis.connect().set(KEY, value);
      const { auth } = await fleet.start();
      expect(await auth.getAccessToken()).to.equal('token-1');
      expect(await auth.getAccessToken()).to.equal('token-1');
      expect(fleet.endpoint.calls).to.have.length(1);
    });

  it('stores the specified JSON for at most 3300 s with a stored_at stamp', async () => {
    const { auth, redis: connection } = await fleet.start();
    const before = Date.now();
    await auth.getAccessToken();
    const value = await stored();
    expect(value).to.include({
      access_token: 'token-1',
      expires_in: 7200,
      token_type: 'Application Access Token',
      environment: 'sandbox',
      scopes: 'https://api.ebay.com/oauth/api_scope',
    });
    expect(value.stored_at).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Date.parse(value.stored_at)).to.be.within(before - 1000, Date.now() + 1000);
    expect(await connection.pttl(KEY)).to.be.within(3_290_000, 3_300_000);
    expect(JSON.stringify(value)).to.not.include(CLIENT_ID);
  });

  it('stores with TTL = lifetime − 300 where that is less than 3300 s', async () => {
    fleet.endpoint.respond = (call) => call.grant({ expires_in: 1000 });
    const { auth, redis: connection } = await fleet.start();
    await auth.getAccessToken();
    expect(await connection.pttl(KEY)).to.be.within(690_000, 700_000);
  });

  it('raises an error of the token endpoint and stores nothing', async () => {
    fleet.endpoint.respond = (call) => call.answer(500, { error: 'server_error' });
    const { auth, redis: connection } = await fleet.start();
    const error = await auth.getAccessToken().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'token-unavailable' });
    expect(await connection.exists(KEY)).to.equal(0);
    expect(await auth.retrieveToken()).to.equal(null);
  });

  it('sends the client-credentials grant: Basic header, form body, scopes joined by one space and encoded once', async () => {
    const scopes = 'https://api.ebay.com/oauth/api_scope https://api.ebay.com/oauth/api_scope/buy.item.bulk';
    const { auth } = await fleet.start({ EBAY_SCOPES: `  ${scopes.replace(' ', '   ')} ` });
    await auth.getAccessToken();
    const [call] = fleet.endpoint.calls;
    expect(call?.headers['content-type']).to.equal('application/x-www-form-urlencoded');
    const basic = Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64');
    expect(call?.headers.authorization).to.equal(`Basic ${basic}`);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).to.deep.equal({
      grant_type: 'client_credentials',
      scope: scopes,
    });
    expect(call?.body).to.not.include('%25');
  });

  it('keeps each tenant’s token under a key of its own', async () => {
    const { auth } = await fleet.start();
    const { auth: other } = await fleet.start({}, { tenant: 'acme' });
    expect(await auth.getAccessToken()).to.equal('token-1');
    expect(await other.getAccessToken()).to.equal('token-2');
    expect(await redis.connect().exists(KEY, `${KEY}:acme`)).to.equal(2);
  });

  it('stores and retrieves a token that was got elsewhere', async () => {
    const { auth, redis: connection } = await fleet.start();
    await auth.storeToken({ access_token: 'given', expires_in: 7200, token_type: 'Bearer' });
    expect(await connection.pttl(KEY)).to.be.within(3_290_000, 3_300_000);
    expect(await auth.retrieveToken()).to.include({ access_token: 'given', expires_in: 7200 });
    expect(await auth.getAccessToken()).to.equal('given');
    expect(fleet.endpoint.calls).to.have.length(0);
  });

  it('knows a token valid at 1000 s old, invalid at 7000 s, and invalid without a readable stored_at', () => {
    const auth = fleet.startAlone();
    const token = { access_token: 'x', expires_in: 7200, token_type: 'Bearer' };
    expect(auth.isTokenValid({ ...token, stored_at: ago(1000) })).to.equal(true);
    expect(auth.isTokenValid({ ...token, stored_at: ago(6899) })).to.equal(true);
    expect(auth.isTokenValid({ ...token, stored_at: ago(6901) })).to.equal(false);
    expect(auth.isTokenValid({ ...token, stored_at: ago(7000) })).to.equal(false);
    expect(auth.isTokenValid({ ...token, stored_at: 'yesterday' })).to.equal(false);
    expect(auth.isTokenValid(token)).to.equal(false);
    expect(auth.isTokenValid(null)).to.equal(false);
  });

  it('lets the next token request leave only after the interval, fleet-wide', async () => {
    const { auth } = await fleet.start({ TOKEN_REQUEST_INTERVAL: '0.3' });
    const { auth: other } = await fleet.start({ TOKEN_REQUEST_INTERVAL: '0.3' });
    await auth.getAccessToken();
    const connection = redis.connect();
    expect(await connection.pttl(`{${KEY}}:interval`)).to.be.within(1, 300);
    await other.enforceRateLimit();
    // -2 once it is gone; a timer may fire a millisecond before Redis's clock.
    expect(await connection.pttl(`{${KEY}}:interval`)).to.be.at.most(2);
    await auth.refreshToken();
    await other.refreshToken();
    expect(fleet.endpoint.calls).to.have.length(3);
  });
});
