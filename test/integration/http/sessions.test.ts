import { hash } from 'node:crypto';
import { expect } from 'chai';
import { claimedId } from '../../../src/http/auth/apiKeys.ts';
import { removeTenants, useHttpService } from '../../support/httpService.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

const NOWHERE = { page: false, dashboard: false };
const BOTH = { page: true, dashboard: true };

describe('sessions of page and dashboard', () => {
  const service = useHttpService({}, { isKept: true });
  const inBoth = async (key: string) => {
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
    return visitor;
  };

  it('end for the same browser when it signs in again, with another id', async () => {
    const key = await service.key();
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    const [before, former] = [visitor.copy(), visitor.cookie('dpf_session')];
    await visitor.signIn(key);
    expect(visitor.cookie('dpf_session')).to.be.a('string').and.not.equal(former);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
    expect(await before.isIn()).to.deep.equal(NOWHERE);
  });

  it('never have an id that the browser brought', async () => {
    const key = await service.key();
    const chosen = 'c'.repeat(43);
    const visitor = new Visitor(service);
    const headers = { cookie: `dpf_session=${chosen}` };
    await visitor.signIn(key, headers);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
    expect(visitor.cookie('dpf_session')).to.not.equal(chosen);
    expect((await new Visitor(service).ask('/', { headers })).status).to.equal(303);
    expect((await new Visitor(service).ask('/admin/queues', { headers })).status).to.equal(303);
  });

  it('end on the page and the dashboard at once, in one browser', async () => {
    const key = await service.key();
    const [visitor, other] = [await inBoth(key), await inBoth(key)];
    const stolen = visitor.copy();
    expect((await visitor.signOut()).status).to.equal(303);
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
    expect(await stolen.isIn()).to.deep.equal(NOWHERE);
    expect(await other.isIn()).to.deep.equal(BOTH);
  });

  it('end for a key in all browsers by a button; those of another key stay', async () => {
    const key = await service.key();
    const [visitor, second, other] = [
      await inBoth(key),
      await inBoth(key),
      await inBoth(await service.key()),
    ];
    expect((await visitor.signOut({ everywhere: '1' })).status).to.equal(303);
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
    expect(await second.isIn()).to.deep.equal(NOWHERE);
    expect(await other.isIn()).to.deep.equal(BOTH);
    // The key itself goes on.
    const answer = await service.call('GET', '/v1/quota', undefined, { authorization: `Bearer ${key}` });
    expect(answer.status).to.equal(200);
    await inBoth(key);
  });

  it('end everywhere by a form of their own page alone', async () => {
    const visitor = await inBoth(await service.key());
    const form = { everywhere: '1' };
    expect((await visitor.ask('/sign-out', { form })).status).to.equal(403);
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await visitor.ask('/sign-out', { form, headers })).status).to.equal(403);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
  });

  it('live as long as it says, and what ends them everywhere lives longer', async () => {
    const key = await service.key();
    const generation = `{ebay}:sessions:${claimedId(key)}`;
    const visitor = await inBoth(key);
    await visitor.signOut({ everywhere: '1' });
    await service.redis.expire(generation, 60);
    await inBoth(key);
    const lives = new Map<string, number>();
    for (const name of await service.redis.keys('*session*')) lives.set(name, await service.redis.ttl(name));
    const of = (part: string) => [...lives].filter(([name]) => name.includes(part)).map(([, life]) => life);
    const isNear = (life: number, hours: number) => life <= hours * 3600 && life > hours * 3600 - 60;
    expect(of(':page:').some((life) => isNear(life, 12))).to.equal(true);
    expect(of(generation)).to.satisfy(([life = 0]) => isNear(life, 24));
    // None of them lives for ever.
    expect([...lives.values()]).to.not.include(-1);
  });

  it('are kept to TLS where the proxy or the browser says that the browser came by TLS', async () => {
    const key = await service.key();
    const host = new URL(service.app.url).host;
    const cases: Array<[headers: Record<string, string>, secure: boolean]> = [
      [{}, false],
      [{ 'x-forwarded-proto': 'http' }, false],
      [{ 'x-forwarded-proto': 'httpsx' }, false],
      [{ 'x-forwarded-proto': 'https' }, true],
      [{ 'x-forwarded-proto': 'HTTPS, http' }, true],
      [{ origin: `https://${host}` }, true],
    ];
    for (const [headers, secure] of cases) {
      const visitor = new Visitor(service);
      const signedIn = await visitor.signIn(key, headers);
      const board = await visitor.ask('/admin/queues', { headers });
      const cookies = [signedIn, board].flatMap((answer) => answer.headers.getSetCookie());
      expect(cookies).to.have.length(2);
      for (const each of cookies) expect(each.includes('; Secure'), JSON.stringify(headers)).to.equal(secure);
    }
  });

  it('end with their tenant, whose keys then find nothing anywhere', async () => {
    const key = await service.key(undefined, 'shop');
    const visitor = await inBoth(key);
    await removeTenants(service.redis);
    await service.app.reload();
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
    expect((await visitor.signOut()).status).to.equal(303);
    const { status, headers } = await new Visitor(service).signIn(key);
    expect([status, headers.getSetCookie()]).to.deep.equal([404, []]);
    for (const path of ['/metrics', '/v1/quota', '/v1/schedules'])
      expect(
        (await service.call('GET', path, undefined, { authorization: `Bearer ${key}` })).status,
      ).to.equal(404);
  });

  it('count as use of their key', async () => {
    const key = await service.key();
    const secret = 's'.repeat(43);
    const name = `{ebay}:session:page:${hash('sha256', secret, 'base64url')}`;
    // As the page of the former release stored it: its sessions go on, at the dashboard too. Those of its dashboard have ended.
    await service.redis.set(name, `${claimedId(key)} 0`);
    await service.redis.set(name.replace(':page:', ':dashboard:'), `${claimedId(key)} 0`);
    const ask = (path: string, cookie: string) =>
      new Visitor(service).ask(path, { headers: { cookie: `${cookie}=${secret}` } });
    expect((await ask('/', 'dpf_session')).status).to.equal(200);
    expect((await ask('/admin/queues', 'dpf_session')).status).to.equal(200);
    expect((await ask('/admin/queues', 'dpf_dashboard')).status).to.equal(303);
    await waitFor('the use', () => service.redis.hget('{ebay}:api-keys:used', claimedId(key) as string));
  });

  it('end with their key', async () => {
    const key = await service.key();
    const visitor = await inBoth(key);
    await service.keys.revoke(claimedId(key) as string);
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
  });
});
