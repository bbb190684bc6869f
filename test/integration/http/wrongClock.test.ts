import { expect } from 'chai';
import sinon from 'sinon';
import { useHttpService } from '../../support/httpService.ts';
import { Visitor } from '../../support/visitor.ts';

const DAY_MS = 86_400_000;

describe('a server whose clock is wrong', () => {
  const service = useHttpService();
  let clock: sinon.SinonFakeTimers | undefined;
  afterEach(() => clock?.restore());
  const setAhead = (ms: number) => {
    clock?.restore();
    clock = sinon.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] });
  };
  const keyUntil = async (expiresAt: number) =>
    (await service.keys.add({ name: 'mine', tenant: 'default', roles: ['read', 'operate'], expiresAt })).key;
  const statusOf = async (key: string) =>
    (await service.call('GET', '/v1/quota', undefined, { authorization: `Bearer ${key}` })).status;

  it('ends no key and no session early that others still accept', async () => {
    const key = await keyUntil(Date.now() + DAY_MS);
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    setAhead(2 * DAY_MS);
    expect(await statusOf(key)).to.equal(200);
    expect(await visitor.isIn()).to.deep.equal({ page: true, dashboard: true });
  });

  it('accepts no key and no session late that has ended', async () => {
    const key = await keyUntil(Date.now() + 1500);
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    const ended = Date.now() + 1500;
    setAhead(-2 * DAY_MS);
    // The fake clock stands still.
    while ((await service.keys.now()) <= ended) await service.keys.list();
    expect(await statusOf(key)).to.equal(401);
    expect(await visitor.isIn()).to.deep.equal({ page: false, dashboard: false });
  });

  it('repeats the answer of an idempotency key, and lets a second request wait for the first one', async () => {
    const headers = { 'idempotency-key': 'once' };
    const body = { query: 'phone case' };
    const first = await service.call('POST', '/v1/searches', body, headers);
    await service.redis.hdel(await recordOf(), 'answer');
    await service.redis.hset(await recordOf(), 'until', (await service.keys.now()) + 5000);
    setAhead(2 * DAY_MS);
    expect((await service.call('POST', '/v1/searches', body, headers)).status).to.equal(409);
    await service.redis.hset(await recordOf(), 'until', 0);
    const again = await service.call('POST', '/v1/searches', body, headers);
    expect(again.json).to.deep.equal(first.json);
  });

  async function recordOf(): Promise<string> {
    const [record = ''] = await service.redis.keys('{ebay}:idempotency:*');
    return record;
  }
});
