import { hash } from 'node:crypto';
import { expect } from 'chai';
import { claimedId } from '../../../src/http/auth/apiKeys.ts';
import { removeTenants, useHttpService } from '../../support/httpService.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

const NOWHERE = { page: false, dashboard: false };
const BOTH = { page: true, dashboard: true };

describe('sessions of page and dashboard', () => {
  const service = useHttpService();
  const inBoth = async (key: string) => {
    const visitor = new Visitor(service);
    await visitor.signIn(key);
    await visitor.logIn(key);
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
    expect((await visitor.isIn()).page).to.equal(true);
    expect((await before.isIn()).page).to.equal(false);

    await visitor.logIn(key);
    const board = visitor.copy();
    await visitor.logIn(key);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
    expect(await board.isIn()).to.deep.equal({ page: true, dashboard: false });
  });

  it('never have an id that the browser brought', async () => {
    const key = await service.key();
    const chosen = 'c'.repeat(43);
    const visitor = new Visitor(service);
    const headers = { cookie: `dpf_session=${chosen}; dpf_dashboard=${chosen}` };
    await visitor.signIn(key, headers);
    await visitor.logIn(key, headers);
    expect(await visitor.isIn()).to.deep.equal(BOTH);
    expect([visitor.cookie('dpf_session'), visitor.cookie('dpf_dashboard')]).to.not.include(chosen);
    expect((await new Visitor(service).ask('/', { headers })).status).to.equal(303);
    expect((await new Visitor(service).ask('/admin/queues', { headers })).status).to.equal(303);
  });

  it('of the page ends with that of the dashboard, where both are of one browser', async () => {
    const key = await service.key();
    const [visitor, other] = [await inBoth(key), await inBoth(key)];
    const stolen = visitor.copy();
    expect((await visitor.signOut()).status).to.equal(303);
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
    expect(await stolen.isIn()).to.deep.equal(NOWHERE);
    expect(await other.isIn()).to.deep.equal(BOTH);
  });

  for (const [title, end] of [
    ['on the page', (visitor: Visitor) => visitor.signOut({ everywhere: '1' })],
    [
      'on the dashboard',
      (visitor: Visitor) => visitor.ask('/admin/queues/logout', { form: { everywhere: '1' } }),
    ],
  ] as const)
    it(`end for a key in all browsers by a button ${title}; those of another key stay`, async () => {
      const key = await service.key();
      const [visitor, second, other] = [
        await inBoth(key),
        await inBoth(key),
        await inBoth(await service.key()),
      ];
      expect((await end(visitor)).status).to.equal(303);
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
    for (const path of ['/sign-out', '/admin/queues/logout']) {
      const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      expect((await visitor.ask(path, { form, headers })).status).to.equal(403);
    }
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
    expect(of(':dashboard:').some((life) => isNear(life, 8))).to.equal(true);
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
    for (const [headers, secure] of cases)
      for (const way of ['signIn', 'logIn'] as const) {
        const cookies = (await new Visitor(service)[way](key, headers)).headers.getSetCookie();
        expect(
          cookies.every((each) => each.includes('; Secure') === secure),
          JSON.stringify(headers),
        ).to.equal(true);
        expect(cookies).to.have.length.above(0);
      }
  });

  it('end with their tenant, whose keys then find nothing anywhere', async () => {
    const key = await service.key(undefined, 'shop');
    const visitor = await inBoth(key);
    await removeTenants(service.redis);
    await service.app.reload();
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
    expect((await visitor.signOut()).status).to.equal(303);
    for (const way of ['signIn', 'logIn'] as const) {
      const { status, headers } = await new Visitor(service)[way](key);
      expect([status, headers.getSetCookie()]).to.deep.equal([404, []]);
    }
    for (const path of ['/metrics', '/v1/quota', '/v1/schedules'])
      expect(
        (await service.call('GET', path, undefined, { authorization: `Bearer ${key}` })).status,
      ).to.equal(404);
  });

  it('count as use of their key', async () => {
    const key = await service.key();
    const secret = 's'.repeat(43);
    const name = `{ebay}:session:page:${hash('sha256', secret, 'base64url')}`;
    await service.redis.set(name, `${claimedId(key)} 0`);
    const headers = { cookie: `dpf_session=${secret}` };
    expect((await new Visitor(service).ask('/', { headers })).status).to.equal(200);
    await waitFor('the use', () => service.redis.hget('{ebay}:api-keys:used', claimedId(key) as string));
  });

  it('end with their key', async () => {
    const key = await service.key();
    const visitor = await inBoth(key);
    await service.keys.revoke(claimedId(key) as string);
    expect(await visitor.isIn()).to.deep.equal(NOWHERE);
  });
});
