import { expect } from 'chai';
import { claimedId, type Role } from '../../../src/http/auth/apiKeys.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { Visitor } from '../../support/visitor.ts';

const READ = ['Search', 'Searches', 'Watching', 'News', 'Alerts'];

/** What a key of these roles sees in the menu. */
const MENUS: Array<[roles: Role[], menu: string[]]> = [
  [['read'], [...READ, 'API']],
  [['enqueue'], ['API']],
  [
    ['enqueue', 'read'],
    [...READ, 'API'],
  ],
  [['schedule'], ['API']],
  [['operate'], ['Queues', 'API']],
  [
    ['enqueue', 'read', 'schedule', 'operate'],
    [...READ, 'Queues', 'API'],
  ],
];

describe('the page for keys of different roles', function () {
  this.timeout(120_000);
  const beside = useService({}, {}, { isKept: true });
  const service = useHttpService({}, { beside });

  it('shows each its menu, and no link, form or button that ends with a missing role', async () => {
    const { producer } = beside;
    await beside.search({ query: 'phone case', maxItems: 20, facets: true, track: 'cases' });
    await producer.enqueue({ query: 'mug' });
    await producer.schedule.add({ name: 'daily', every: 86_400, request: { query: 'mug', track: 'mugs' } });
    await service.call('POST', '/v1/watchlists', { name: 'mine', entries: ['110587654321'] });
    await service.call('POST', '/v1/channels', { name: 'phone', kind: 'ntfy', topic: 'abc' });
    await service.call('POST', '/v1/alerts', { name: 'drops', schedule: 'daily', when: ['new'] });
    for (const [roles, menu] of MENUS) {
      const visitor = new Visitor(service);
      await visitor.signIn(await service.key(roles));
      const { dead, pages, sent } = await walk(visitor);
      expect(dead, roles.join()).to.deep.equal([]);
      expect(sent).to.be.above(roles.length === 4 ? 10 : 0);
      const start = pages.get('/') ?? '';
      const [, nav = ''] = /<nav aria-label="Main">(.*?)<\/nav>/s.exec(start) ?? [];
      expect([...nav.matchAll(/<a [^>]*>([^<]*)/g)].map(([, text]) => text?.trim())).to.deep.equal(menu);
      expect(start).to.include('it may ');
      if (roles.includes('read')) {
        expect(nav).to.include('href="/" aria-current="page"');
        expect(pages.get('/alerts')).to.include('href="/alerts" aria-current="page"');
        expect([...pages.keys()].filter((path) => /^\/searches\/s_/.test(path))).to.have.length.above(0);
      } else expect(start).to.include('<h1>Welcome</h1>');
    }
  });

  it('answers a person’s failed request with a page that leads on, and a program’s with JSON', async () => {
    const visitor = new Visitor(service);
    const key = await service.key(['read']);
    await visitor.signIn(key);
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const form = { query: 'mug' };
    const cases: Array<[path: string, asked: Parameters<Visitor['ask']>[1], status: number, text: string]> = [
      ['/nopage', {}, 404, 'There is no such page'],
      ['/no/<b>page', {}, 404, 'There is no such page'],
      ['/searches/s_1', {}, 404, 'A search is kept for some hours'],
      ['/alerts/drops/pause', {}, 405, 'It takes POST'],
      ['/searches', { form }, 403, 'This key may not start and cancel searches'],
      ['/sign-out', { form }, 403, 'This form is out of date'],
      ['/sign-out', { form, headers: foreign }, 403, 'own pages only'],
      ['/metrics', {}, 401, 'This address is for programs'],
      ['/admin/queues', {}, 403, 'This key may not see the queues'],
      ['/%zz', {}, 400, 'That did not work'],
    ];
    for (const [path, asked, status, text] of cases) {
      const answer = await visitor.ask(path, asked);
      expect([answer.status, answer.headers.get('content-type')], path).to.deep.equal([
        status,
        'text/html; charset=utf-8',
      ]);
      expect(answer.text, path).to.include(text).and.include('class="button main" href=');
      expect(answer.text).to.not.include('<b>page');
      expect(answer.headers.get('content-security-policy'), path).to.include("default-src 'none'");
      const program = await visitor.ask(path, { ...asked, headers: { ...asked?.headers, accept: '*/*' } });
      expect(program.status, path).to.equal(status);
      // A form of the page is a person's.
      if (asked?.form === undefined && path !== '/searches/s_1')
        expect(program.headers.get('content-type'), path).to.include('application/problem+json');
    }
    // With the menu of the one who asks.
    expect((await visitor.ask('/nopage')).text)
      .to.include('Sign out')
      .and.include('href="/alerts"');
    expect((await new Visitor(service).ask('/nopage')).text).to.not.include('Sign out');
    await service.redis.hset('{ebay}:api-keys', claimedId(key) as string, 'no JSON');
    for (const path of ['/', '/nopage']) {
      const { status, text } = await visitor.ask(path);
      if (path === '/') expect([status, text]).to.satisfy(() => text.includes('no mistake of yours'));
      expect(status).to.equal(path === '/' ? 500 : 404);
    }
  });
});

/** Every page that links lead to, and what ends with a missing role there. Nothing is changed: no form has its token. */
async function walk(visitor: Visitor): Promise<{ dead: string[]; pages: Map<string, string>; sent: number }> {
  const dead: string[] = [];
  const pages = new Map<string, string>();
  const tried = new Set<string>();
  const queue = ['/'];
  const isRefused = ({ text }: { text: string }) => /missing_role/.test(text);
  while (queue.length > 0) {
    const path = queue.shift() as string;
    const answer = await visitor.ask(path);
    pages.set(path, answer.text);
    // What is not of the page: its own controls are its own matter.
    if (path.startsWith('/docs') || path.startsWith('/admin') || answer.status !== 200) {
      if (isRefused(answer)) dead.push(`GET ${path}`);
      continue;
    }
    for (const [tag] of answer.text.replaceAll('&amp;', '&').matchAll(/<[a-z][^>]*>/g))
      for (const [, name, address = ''] of tag.matchAll(
        / (href|action|formaction|data-[a-z]+)="(\/[^"#]*)/g,
      )) {
        if (/^\/(\/|page\/)/.test(address)) continue;
        const isSent = name?.startsWith('data-') || name === 'formaction' || tag.includes('method="post"');
        const kind = kindOf(address);
        if (isSent && !tried.has(kind)) {
          tried.add(kind);
          const sent = await visitor.ask(address, { form: { _csrf: 'none' } });
          if (isRefused(sent)) dead.push(`${path}: POST ${address}`);
        }
        // Of many pages of one kind a few are enough, and of forms one.
        const alike = [...pages.keys(), ...queue].filter((each) => kindOf(each) === kind);
        const isNew = !pages.has(address) && !queue.includes(address);
        if (!isSent && isNew && alike.length < 3) queue.push(address);
      }
  }
  return { dead, pages, sent: tried.size };
}

function kindOf(address: string): string {
  return address
    .replace(/\?.*/, '?')
    .replace(/s_[\w-]+/, ':id')
    .replace(/\/items\/[^/?]+/, '/items/:id');
}
