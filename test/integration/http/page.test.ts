import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { request, sendRaw } from '../../support/rawHttp.ts';

const FORM = 'application/x-www-form-urlencoded';

describe('the page, for people with a key', () => {
  const service = useHttpService({ EBAY_API_URL: 'https://api.ebay.com' });

  /** A browser's request: no key, redirects seen and not followed. */
  async function ask(
    path: string,
    options: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ) {
    const { form, headers = {} } = options;
    const answer = await fetch(`${service.app.url}${path}`, {
      redirect: 'manual',
      headers: { ...(form && { 'content-type': FORM, 'sec-fetch-site': 'same-origin' }), ...headers },
      ...(form && { method: 'POST', body: new URLSearchParams(form).toString() }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  async function signIn(roles?: Parameters<typeof service.key>[0]) {
    const key = await service.key(roles);
    const { headers } = await ask('/sign-in', { form: { key, next: '/' } });
    const cookie = (headers.get('set-cookie') ?? '').split(';')[0] as string;
    const { text } = await ask('/', { headers: { cookie } });
    return { key, cookie, csrf: /name="_csrf" value="([\w-]{43})"/.exec(text)?.[1] ?? '', text };
  }

  it('sends those who are not signed in to sign in, and back to where they wanted to go', async () => {
    const first = await ask('/searches/s_1?order=delivered');
    expect(first.status).to.equal(303);
    expect(first.headers.get('location')).to.equal('/sign-in?next=%2Fsearches%2Fs_1%3Forder%3Ddelivered');
    const form = await ask(first.headers.get('location') as string);
    expect(form.text).to.include('value="/searches/s_1?order=delivered"');
    const key = await service.key();
    const back = await ask('/sign-in', { form: { key, next: '/searches/s_1?order=delivered' } });
    expect(back.headers.get('location')).to.equal('/searches/s_1?order=delivered');
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example'])
      expect((await ask('/sign-in', { form: { key, next } })).headers.get('location')).to.equal('/');
  });

  it('gives a cookie that no script reads and no other site sends, and keeps the key nowhere', async () => {
    const key = await service.key();
    const { headers, status } = await ask('/sign-in', { form: { key } });
    expect(status).to.equal(303);
    expect(headers.get('set-cookie')).to.match(
      /^dpf_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const { redis } = service;
    const session = (headers.get('set-cookie') as string).slice(12, 55);
    const kept = await Promise.all((await redis.keys('*session*')).map((name) => redis.get(name)));
    expect(kept).to.have.length(1);
    expect(kept.join() + (await redis.keys('*')).join()).not.to.include(session);
    expect(kept.join()).not.to.include(key.slice(-20));
    expect(service.logged).not.to.include(key.slice(-20));
  });

  it('refuses a wrong key without saying why, and ends a session with its key', async () => {
    const { status, text } = await ask('/sign-in', {
      form: { key: `dpf_live_0000000000_${'x'.repeat(43)}` },
    });
    expect(status).to.equal(401);
    expect(text).to.include('This key is not valid.');
    const { cookie, key } = await signIn();
    expect((await ask('/', { headers: { cookie } })).status).to.equal(200);
    await service.keys.revoke(key.slice('dpf_live_'.length).slice(0, 10));
    expect((await ask('/', { headers: { cookie } })).status).to.equal(303);
  });

  it('takes a form from its own pages and session only', async () => {
    const { cookie, csrf } = await signIn();
    const search = (form: Record<string, string>, headers: Record<string, string> = {}) =>
      ask('/searches', { form: { query: 'usb c hub', ...form }, headers: { cookie, ...headers } });
    expect((await search({})).status).to.equal(403);
    expect((await search({ _csrf: 'f'.repeat(43) })).status).to.equal(403);
    expect((await search({ _csrf: csrf }, { 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
    const taken = await search({ _csrf: csrf });
    expect(taken.status).to.equal(303);
    expect(taken.headers.get('location')).to.match(/^\/searches\/s_[0-9a-f]{32}$/);
    await ask('/sign-out', { form: { _csrf: csrf }, headers: { cookie } });
    expect((await ask('/', { headers: { cookie } })).status).to.equal(303);
  });

  it('lets a key do what its roles say', async () => {
    const { cookie, csrf, text } = await signIn(['read']);
    expect(text).to.include('Calls to eBay today');
    const refused = await ask('/searches', {
      form: { query: 'usb c hub', _csrf: csrf },
      headers: { cookie },
    });
    expect(refused.status).to.equal(403);
    expect(refused.text).to.include('role <code>enqueue</code>');
  });

  it('names what is wrong with a search beside the field, and keeps what was written', async () => {
    const { cookie, csrf } = await signIn();
    const form = { query: 'a <b>', priceMax: 'much', country: 'usa', _csrf: csrf };
    const { status, text } = await ask('/searches', { form, headers: { cookie } });
    expect(status).to.equal(400);
    expect(text).to.include('id="priceMax-problem"').and.to.include('id="country-problem"');
    expect(text).to.include('value="a &lt;b&gt;"').and.not.to.include('a <b>');
    const estimate = await ask('/estimate', { form, headers: { cookie } });
    expect(estimate.status).to.equal(200);
  });

  it('lets pictures come from eBay alone, scripts and styles from here alone, and nothing inline', async () => {
    const { cookie } = await signIn();
    const { headers, text } = await ask('/', { headers: { cookie } });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.include("default-src 'none'").and.to.include("script-src 'self'");
    expect(policy).not.to.match(/unsafe|\*;|http:/);
    expect(policy).to.match(/img-src 'self' data: https:\/\/i\.ebayimg\.com /);
    expect(text).not.to.match(/<script(?![^>]*src=)|<style| style=| on[a-z]+=/);
    for (const [asset] of text.matchAll(/\/page\/page\.(css|js)\?[0-9a-f]{12}/g)) {
      const answer = await ask(asset);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('cache-control')).to.include('immutable');
    }
  });

  it('takes forms alone: values of JSON could be anything', async () => {
    const { cookie } = await signIn();
    for (const path of ['/sign-in', '/searches'])
      expect((await service.call('POST', path, { key: 1, query: 1 }, { cookie })).status, path).to.equal(415);
  });

  it('reads no body of a search before it knows who sends it, and refuses one that is too long', async () => {
    const headers = [`Content-Type: ${FORM}`, 'Content-Length: 1000000'];
    const { text } = await sendRaw(service.app.url, request('POST /searches HTTP/1.1', headers, 'query='));
    expect(text).to.match(/^HTTP\/1\.1 303 /);
    expect(text).to.include('location: /sign-in?next=%2F');
    const { cookie, csrf } = await signIn();
    const long = await ask('/searches', {
      form: { _csrf: csrf, image: 'x'.repeat(1_200_000) },
      headers: { cookie },
    });
    expect(long.status).to.equal(413);
    expect(long.text).to.include('at most 1200000 bytes');
  });

  it('takes no form of very many fields, and one whose fields come again and again', async () => {
    const post = (body: string) =>
      service.call('POST', '/sign-in', body, { 'content-type': FORM, 'sec-fetch-site': 'same-origin' });
    const many = await post('a&'.repeat(30_000));
    expect(many.status).to.equal(400);
    expect(many.text).to.include('at most 2000 fields');
    expect((await post(`${'a=&'.repeat(1_900)}key=wrong`)).status).to.equal(401);
  });

  it('says so where a search is not there any more', async () => {
    const { cookie } = await signIn();
    const { status, text } = await ask('/searches/s_gone', { headers: { cookie } });
    expect(status).to.equal(404);
    expect(text).to.include('Not here any more');
  });
});
