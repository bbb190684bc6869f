import { expect } from 'chai';
import { startServeApp } from '../../../src/app/serve.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { testConfig } from '../../support/config.ts';
import { DashboardVisitor } from '../../support/dashboardVisitor.ts';
import { useHttpService } from '../../support/httpService.ts';
import { startTestRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('the dashboard’s login', () => {
  const service = useHttpService();
  const visitor = () => new DashboardVisitor(service);
  const loggedIn = async () => {
    const someone = visitor();
    expect((await someone.logIn(await service.key(['operate']))).status).to.equal(303);
    return someone;
  };

  it('is that of the page: a browser is sent there and back, a program gets 401, former addresses lead on', async () => {
    const html = { accept: 'text/html' };
    const page = await visitor().send('GET', '/queue/ebay-search?status=failed', html);
    const signIn = `/sign-in?next=${encodeURIComponent('/admin/queues/queue/ebay-search?status=failed')}`;
    expect([page.status, page.headers.get('location')]).to.deep.equal([303, signIn]);
    const data = await visitor().send('GET', '/api/queues');
    expect(data.status).to.equal(401);
    expect(data.headers.get('content-type')).to.match(/^application\/problem\+json/);
    for (const [former, target] of [
      ['/login', '/sign-in?next=%2Fadmin%2Fqueues'],
      ['/logout', '/sign-out'],
    ] as const)
      for (const method of ['GET', 'POST']) {
        const { status, headers } = await visitor().send(method, former, html);
        expect([status, headers.get('location')]).to.deep.equal([303, target]);
      }
  });

  it('gives the board a token that its script reads, in every tab that is open', async () => {
    const someone = visitor();
    const answer = await someone.logIn(await service.key(['operate']));
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/admin/queues']);
    const first = someone.cookies.get('XSRF-TOKEN');
    expect(first).to.match(/^[\w-]{43}$/);
    someone.cookies.set('XSRF-TOKEN', 'of another session');
    const polled = await someone.send('GET', '/api/queues');
    expect(polled.headers.getSetCookie()).to.deep.equal([
      `XSRF-TOKEN=${first}; Path=/admin/queues; SameSite=Strict`,
    ]);
    expect((await someone.send('GET', '/api/queues')).headers.getSetCookie()).to.deep.equal([]);
  });

  it('takes no key without the role operate, and says which roles that has and where it may go', async () => {
    const someone = visitor();
    await someone.logIn(await service.key(['enqueue', 'read']));
    const page = await someone.send('GET', '', { accept: 'text/html' });
    const text = await page.text();
    expect([page.status, someone.cookies.has('XSRF-TOKEN')]).to.deep.equal([403, false]);
    expect(text)
      .to.include('with the role <code>operate</code>')
      .and.include('<code>enqueue</code>, <code>read');
    expect(text).to.include('href="/alerts"').and.include('href="/sign-in?next=%2Fadmin%2Fqueues"');
    const program = await someone.send('GET', '/api/queues');
    expect([program.status, ((await program.json()) as { type: string }).type]).to.deep.equal([
      403,
      'urn:dropship-product-finder:missing_role',
    ]);
  });

  it('takes no wrong key, and shows none', async () => {
    const mangled = (await service.key(['operate'])).replace(/.$/, '_');
    for (const key of ['', 'x', '<script>alert(1)</script>', mangled]) {
      const answer = await visitor().logIn(key);
      const page = await answer.text();
      expect([answer.status, answer.headers.getSetCookie()], page).to.deep.equal([401, []]);
      expect(page).to.include('This key is not valid').and.not.include('alert(1)');
    }
    expect(service.logged).to.not.include('<script>alert');
    const { origin } = visitor();
    const json = await service.call('POST', '/sign-in', { key: 1 }, { origin });
    expect(json.status, json.text).to.equal(415);
  });

  it('answers an address that guesses with 429', async () => {
    const someone = visitor();
    const statuses: number[] = [];
    for (let n = 0; n < 40; n += 1) statuses.push((await someone.logIn('dpf_live_guess')).status);
    expect(statuses).to.include(429);
    expect((await someone.logIn('dpf_live_guess')).headers.get('retry-after')).to.match(/^\d+$/);
  });

  it('ends with its key, and on logging out', async () => {
    const key = await service.key(['operate']);
    const someone = visitor();
    await someone.logIn(key);
    const [one = ''] = someone.cookies.values();
    expect((await someone.send('GET', '/api/queues')).status).to.equal(200);
    await service.keys.revoke((await service.keys.list()).find(({ roles }) => roles.length === 1)?.id ?? '');
    expect((await someone.send('GET', '/api/queues')).status).to.equal(401);
    expect(await service.redis.keys(`*${one}*`)).to.deep.equal([]);

    const other = await loggedIn();
    const stolen = new Map(other.cookies);
    expect((await other.logOut()).status).to.equal(303);
    expect([...other.cookies]).to.deep.equal([]);
    for (const [name, value] of stolen) other.cookies.set(name, value);
    expect((await other.send('GET', '/api/queues')).status).to.equal(401);
  });

  it('cannot be made by a page of another site', async () => {
    const key = await service.key(['operate']);
    const foreign: Array<Record<string, string>> = [
      { origin: 'https://evil.example' },
      { origin: '' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign) expect((await visitor().logIn(key, headers)).status).to.equal(403);
  });

  it('allows no page to be framed or to load anything from elsewhere', async () => {
    const someone = await loggedIn();
    for (const path of ['', '/queue/ebay-search', '/api/queues', '/static/css/none.css']) {
      const policy = (await someone.send('GET', path)).headers.get('content-security-policy') ?? '';
      expect(policy, path).to.include("default-src 'none'").and.include("frame-ancestors 'none'");
      expect(policy, path).to.not.match(/unsafe|https?:|\*/);
    }
    const board = await (await someone.send('GET', '')).text();
    expect(board).to.not.match(/(href|src)="https?:|<style| style=/);
  });

  it('has a 404 of its own', async () => {
    const answer = await (await loggedIn()).send('GET', '/no/such/<b>page');
    expect(answer.status).to.equal(404);
    expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
  });
});

describe('the dashboard where no keys are required', () => {
  const service = useHttpService({ HTTP_WITHOUT_KEYS: 'true', DASHBOARD_WRITES: 'true' });

  it('is open to this machine, without a login', async () => {
    const visitor = new DashboardVisitor(service);
    expect((await visitor.send('GET', '', { accept: 'text/html' })).status).to.equal(200);
    expect((await visitor.send('GET', '/login')).headers.get('location')).to.match(/^\/sign-in/);
    expect((await visitor.send('GET', '/api/queues', { 'sec-fetch-site': 'cross-site' })).status).to.equal(
      403,
    );
  });

  it('takes changes from its own page alone', async () => {
    const visitor = new DashboardVisitor(service);
    const pause = '/api/queues/ebay-search/pause';
    expect((await visitor.send('PUT', pause)).status).to.equal(403);
    expect((await visitor.send('PUT', pause, { origin: 'http://evil.example' })).status).to.equal(403);
    expect((await visitor.change('PUT', pause)).status).to.be.oneOf([200, 204]);
  });

  it('says that Redis is away, and goes on when it is back', async () => {
    const redis = await startTestRedis();
    const config = testConfig({ REDIS_URL: redis.url, HTTP_PORT: '0', HTTP_WITHOUT_KEYS: 'true' });
    const app = await startServeApp(config, quietLog());
    const list = () => fetch(`${app.url}/admin/queues/api/queues?activeQueue=ebay-search`);
    expect((await list()).status).to.equal(200);
    await redis.stop();
    const away = await list();
    expect(away.status, await away.text()).to.equal(503);
    expect(away.headers.get('retry-after')).to.match(/^\d+$/);
    const again = await startTestRedis([], redis.port);
    await waitFor('Redis', async () => (await list()).status === 200);
    await app.stop();
    await again.stop();
  });
});
