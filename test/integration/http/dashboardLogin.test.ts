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

  it('sends a browser without one to the form, and answers a program 401', async () => {
    const page = await visitor().send('GET', '', { accept: 'text/html' });
    expect([page.status, page.headers.get('location')]).to.deep.equal([303, '/admin/queues/login']);
    const form = await visitor().send('GET', '/login', { accept: 'text/html' });
    expect(await form.text()).to.include('<input id="key" name="key" type="password"');
    const data = await visitor().send('GET', '/api/queues');
    expect(data.status).to.equal(401);
    expect(data.headers.get('content-type')).to.match(/^application\/problem\+json/);
  });

  it('takes a key with the role operate, for a cookie that no script reads and no other site sends', async () => {
    const answer = await visitor().logIn(await service.key(['operate']));
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/admin/queues']);
    const [session = '', csrf = ''] = answer.headers.getSetCookie();
    expect(session).to.match(/^dpf_dashboard=[\w-]{43}; Path=\/admin\/queues; HttpOnly; SameSite=Strict$/);
    expect(csrf).to.match(/^XSRF-TOKEN=[\w-]{43}; Path=\/admin\/queues; SameSite=Strict$/);
    const page = await (await loggedIn()).send('GET', '', { accept: 'text/html' });
    expect(page.status).to.equal(200);
  });

  it('keeps its cookie to TLS where the browser came by TLS', async () => {
    const host = new URL(service.app.url).host;
    const answer = await visitor().logIn(await service.key(['operate']), { origin: `https://${host}` });
    expect(answer.headers.getSetCookie().join()).to.match(/Secure.*Secure/);
  });

  it('takes no other key, and says why on the page', async () => {
    const wrongRole = await visitor().logIn(await service.key(['enqueue', 'read', 'schedule']));
    expect(wrongRole.status).to.equal(403);
    expect(await wrongRole.text()).to.include(
      'role="alert">Not now: this key does not have the role operate',
    );
    const mangled = (await service.key(['operate'])).replace(/.$/, '_');
    for (const key of ['', 'x', '<script>alert(1)</script>', mangled]) {
      const answer = await visitor().logIn(key);
      const page = await answer.text();
      expect([answer.status, answer.headers.getSetCookie()], page).to.deep.equal([401, []]);
      expect(page).to.include('no valid API key').and.not.include('<script');
    }
    expect(service.logged).to.not.include('<script>alert');
    const { origin } = visitor();
    const json = await service.call('POST', '/admin/queues/login', { key: 1 }, { origin });
    expect(json.status, json.text).to.equal(401);
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
    for (const path of ['', '/login', '/queue/ebay-search', '/api/queues', '/static/css/none.css']) {
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
    expect((await visitor.send('GET', '/login')).status).to.equal(404);
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
