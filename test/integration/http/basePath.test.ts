import { connect } from 'node:net';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { startServeApp } from '../../../src/app/serve.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { useBrowser } from '../../support/browser.ts';
import { testConfig } from '../../support/config.ts';
import { useHttpService } from '../../support/httpService.ts';
import { sendRaw } from '../../support/rawHttp.ts';
import { type ReverseProxy, startReverseProxy } from '../../support/reverseProxy.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

const BASE = '/ebay/finder';
const HTML = { accept: 'text/html' };

/** Every address of this origin in a page. */
function addressesIn(text: string): string[] {
  const found = text.matchAll(/ (?:href|src|(?:form)?action|data-(?:estimate|live|cost))="([^"]*)"/g);
  return [...found].map(([, address = '']) => address);
}

/** Of one kind are all addresses of one path, and those of all products. */
function kindOf(address: string): string {
  return address.replace(/\?.*/, '').replace(/\/items\/[^/]+/, '/items/:id');
}

for (const strips of [true, false])
  describe(`the server under a path of a proxy that ${strips ? 'takes it off' : 'passes it on'}`, function () {
    this.timeout(60_000);
    let proxy: ReverseProxy;
    after(() => proxy.close());
    const beside = useService({}, {}, { isKept: true });
    const service = useHttpService({ HTTP_BASE_PATH: BASE }, { beside });
    before(async () => {
      proxy = await startReverseProxy(service.app.url, { prefix: BASE, strips });
    });
    const ask = (path: string, options: RequestInit = {}) =>
      fetch(path.startsWith('http') ? path : proxy.url + path, { redirect: 'manual', ...options });

    it('names itself in every answer of the API below that path', async () => {
      const headers = { authorization: `Bearer ${await service.key()}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ query: 'phone case', maxItems: 30 });
      const added = await ask(`${BASE}/v1/searches`, { method: 'POST', headers, body });
      const { searchId } = (await added.json()) as { searchId: string };
      expect(added.headers.get('location')).to.equal(`${BASE}/v1/searches/${searchId}`);
      const report = await ask(`${added.headers.get('location')}?wait=30`, { headers });
      expect(((await report.json()) as { state: string }).state).to.equal('done');
      const page = await ask(`${BASE}/v1/searches/${searchId}/products?limit=5`, { headers });
      const next = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
      expect(next).to.match(new RegExp(`^${BASE}/v1/searches/`));
      expect((await ask(next, { headers })).status).to.equal(200);
      const wrong = await ask(`${BASE}/v1/nothing?x=1`, { headers });
      expect(await wrong.json()).to.include({ status: 404, instance: `${BASE}/v1/nothing` });
      const method = await ask(`${BASE}/v1/searches`, { method: 'PUT', headers });
      expect([method.status, method.headers.get('allow')]).to.deep.equal([405, 'GET, POST']);
      const document = (await (await ask(`${BASE}/docs/json`)).json()) as { servers: unknown };
      expect(document.servers).to.deep.equal([{ url: BASE }]);
    });

    it('has pages whose links, forms and files all lead below it, and cookies of it alone', async () => {
      const visitor = new Visitor({ app: { url: proxy.url } });
      const key = await service.key();
      const first = await visitor.ask(`${BASE}/searches/s_1?order=delivered`);
      expect(first.headers.get('location')).to.match(new RegExp(`^${BASE}/sign-in\\?next=%2Fsearches`));
      const signedIn = await visitor.ask(`${BASE}/sign-in`, { form: { key, next: '/searches/s_1' } });
      expect(signedIn.headers.get('location')).to.equal(`${BASE}/searches/s_1`);
      expect(signedIn.headers.getSetCookie()[0]).to.include(`; Path=${BASE};`);
      const board = await visitor.ask(`${BASE}/admin/queues`);
      expect(board.headers.getSetCookie().join()).to.match(
        new RegExp(`^XSRF-TOKEN=[^,]*; Path=${BASE}/admin/queues;`),
      );

      const { searchId } = await beside.search({ query: 'phone case', maxItems: 50 });
      await beside.producer.schedule.add({ name: 'daily', every: 86_400, request: { query: 'mug' } });
      const queue = [BASE, `${BASE}/`, `${BASE}?x=1`, `${BASE}/searches/${searchId}`, `${BASE}/admin/queues`];
      const seen = new Map<string, number>();
      while (queue.length > 0) {
        const path = queue.shift() as string;
        const { status, text: markup, headers } = await visitor.ask(path);
        seen.set(path, status);
        const text = markup.replaceAll('&amp;', '&');
        if (!headers.get('content-type')?.startsWith('text/html')) continue;
        const base = /<base href="([^"]*)"/.exec(text)?.[1] ?? path;
        for (const address of addressesIn(text)) {
          const url = new URL(address, new URL(base, proxy.url));
          if (url.origin !== proxy.url || address.startsWith('#')) continue;
          expect(url.pathname, `${path}: ${address}`).to.match(new RegExp(`^${BASE}(/|$)`));
          const next = url.pathname + url.search;
          // Of many addresses of one kind a few are enough.
          const alike = [...seen.keys(), ...queue].filter((each) => kindOf(each) === kindOf(url.pathname));
          // Forms are not sent; of the cards one is like another.
          const isForm = ['action', 'data-estimate', 'data-cost'].some((name) =>
            text.includes(`${name}="${address}"`),
          );
          if (
            !isForm &&
            (alike.length < 4 || next.includes('page=2')) &&
            !seen.has(next) &&
            !queue.includes(next)
          )
            queue.push(next);
        }
      }
      expect([...seen].filter(([, status]) => status !== 200)).to.deep.equal([]);
      expect([...seen.keys()].join(' '))
        .to.include('page=2')
        .and.include('/items/')
        .and.include('/products.csv')
        .and.include('/static/');
      expect(proxy.outside).to.deep.equal([]);
      // What a session may not see any more.
      const out = await visitor.ask(`${BASE}/admin/queues/logout`);
      expect(out.headers.get('location')).to.equal(`${BASE}/sign-out`);
    });
  });

describe('a browser before a proxy that takes the path off', function () {
  this.timeout(120_000);
  const beside = useService();
  const service = useHttpService({ HTTP_BASE_PATH: BASE }, { beside });
  const browser = useBrowser();
  let proxy: ReverseProxy;
  beforeEach(async () => {
    proxy = await startReverseProxy(service.app.url, { prefix: BASE, strips: true });
  });
  afterEach(() => proxy.close());

  it('stays below it: sign-in, search, schedule, file, dashboard, documentation, sign-out', async () => {
    const { page, complaints } = await browser.open();
    const key = await service.key();
    const within = () => expect(page.url()).to.match(new RegExp(`^${proxy.url}${BASE}(/|$)`));
    await page.goto(proxy.url + BASE);
    await page.fill('#key', key);
    await page.press('#key', 'Enter');
    await page.fill('#query', 'phone case');
    await page.getByText(/1 call/).waitFor();
    await page.press('#query', 'Enter');
    await page.waitForSelector('#status[data-state=done]');
    within();
    await page.locator('nav.pages').scrollIntoViewIfNeeded();
    await page.locator('ul.cards > li').nth(60).waitFor();
    await page.getByText('Download', { exact: true }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV', exact: true }).click(),
    ]);
    expect(download.url()).to.include(BASE);
    await page.click('a.watch-this');
    await page.click('.make-schedule button.main');
    await page.waitForSelector('#schedule-phone-case');
    within();
    await page.getByRole('link', { name: 'API', exact: true }).click();
    // The scripts of Swagger UI are large.
    await page.getByText('/v1/searches/{id}/events').first().waitFor({ timeout: 60_000 });
    within();
    await page.goto(`${proxy.url}${BASE}/admin/queues`);
    await page.getByText('ebay-calls').first().waitFor();
    await page.getByText('ebay-calls').first().click();
    await page.waitForURL(/queue\/ebay-calls/);
    within();
    await signOut(page);
    within();
    expect(complaints).to.deep.equal([]);
    expect(proxy.outside).to.deep.equal([]);
  });

  async function signOut(page: Page): Promise<void> {
    await page.goto(proxy.url + BASE);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL(/sign-in$/);
    await page.goto(`${proxy.url}${BASE}/admin/queues`);
    await page.waitForURL(/sign-in\?next=/);
  }
});

describe('the base path', () => {
  const service = useHttpService({ HTTP_BASE_PATH: '/ebay' });

  it('comes from the settings alone, never from a header', async () => {
    const hostile = ['/evil', '//evil.example', 'https://evil.example', '/x" onclick="y'];
    for (const prefix of hostile) {
      const headers = { ...HTML, 'x-forwarded-prefix': prefix, 'x-script-name': prefix };
      const answer = await new Visitor(service).ask('/', { headers });
      expect(answer.headers.get('location')).to.equal('/ebay/sign-in?next=%2F');
      expect((await new Visitor(service).ask('/sign-in', { headers })).text).to.not.include('evil');
    }
  });

  it('is one path: what only looks like it, or repeats it, is not found', async () => {
    for (const path of ['/ebayx', '/ebay.', '/ebay/ebay/livez', '/EBAY/livez', '/ebay//livez'])
      expect((await service.call('GET', path)).status, path).to.equal(404);
    for (const path of ['/ebay/livez', '/livez', '/ebay/livez?x=1'])
      expect((await service.call('GET', path)).status, path).to.equal(200);
    const { status } = await service.call('GET', '/ebay/v1/quota?api_key=x');
    expect(status).to.equal(400);
    // Its own path begins with the base path.
    for (const path of ['/ebay/account-deletion', '/ebay/ebay/account-deletion'])
      expect((await service.call('POST', path, {})).json.errors[0].code, path).to.equal('not_configured');
  });

  it('leads nowhere else after signing in', async () => {
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
      const form = { key: await service.key(), next };
      const { headers } = await new Visitor(service).ask('/ebay/sign-in', { form });
      expect(headers.get('location')).to.equal('/ebay/');
    }
  });

  it('is refused where the server has that path itself', async () => {
    for (const path of ['/v1', '/searches', '/docs', '/admin', '/page']) {
      const config = testConfig({
        REDIS_URL: `redis://${service.redis.options.host}:${service.redis.options.port}`,
        HTTP_PORT: '0',
        HTTP_BASE_PATH: path,
      });
      const error = await startServeApp(config, quietLog()).catch((each) => each);
      expect(error, path).to.be.instanceOf(ConfigError);
      expect(String(error)).to.include('HTTP_BASE_PATH');
    }
    for (const path of ['ebay', '/ebay/', '//ebay', '/e bay', '/../x', '/a"b', 'https://a/b'])
      expect(() => testConfig({ HTTP_BASE_PATH: path }), path).to.throw('HTTP_BASE_PATH');
  });
});

describe('an idle connection', () => {
  const service = useHttpService({ HTTP_KEEP_ALIVE: '1' });

  it('stays open for as long as HTTP_KEEP_ALIVE says, which the answer says too', async () => {
    const since = Date.now();
    let closed = 0;
    const head = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const { text } = await sendRaw(service.app.url, head);
    expect(text).to.match(/^keep-alive: timeout=1$/im);
    const { hostname, port } = new URL(service.app.url);
    const socket = connect(Number(port), hostname, () => socket.write(head));
    socket.resume().on('close', () => {
      closed = Date.now();
    });
    await waitFor('the server closes it', () => closed > 0);
    expect(closed - since).to.be.above(900);
  });

  it('stays open for 75 s by default, longer than balancers keep theirs', () => {
    expect(testConfig({}).http.keepAlive).to.equal(75);
  });
});
