import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { Visitor } from '../../support/visitor.ts';

describe('the list of searches over HTTP', () => {
  const service = useHttpService();

  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  it('goes part by part by its links, and names who asked', async () => {
    const added = await service.call(
      'POST',
      '/v1/searches',
      ['one', 'two', 'three'].map((query) => ({ query })),
    );
    const ids = added.json.map(({ searchId }: { searchId: string }) => searchId);
    const found: string[] = [];
    for (let path: string | undefined = '/v1/searches?limit=2&state=queued'; path !== undefined; ) {
      const answer = await service.call('GET', path);
      expect(answer.status, answer.text).to.equal(200);
      for (const search of answer.json.searches) {
        expect(search).to.deep.include({ state: 'queued', outcome: null, marketplaces: ['EBAY_US'] });
        expect(search.caller).to.include({ kind: 'http', name: 'test' });
        expect(search).to.not.have.property('request');
        found.push(search.searchId);
      }
      const link = answer.headers.get('link');
      expect(link === null).to.equal(answer.json.next === null);
      path = link === null ? undefined : /^<(.*)>; rel="next"$/.exec(link)?.[1];
    }
    expect(found).to.have.members(ids);
    expect(found).to.have.lengthOf(3);
  });

  it('is for keys that may read, and of their tenant alone', async () => {
    const { searchId } = (await service.call('POST', '/v1/searches', { query: 'lamp' })).json;
    const list = (key: string) => service.call('GET', '/v1/searches', undefined, bearer(key));
    expect((await list(await service.key(['enqueue', 'schedule', 'operate']))).status).to.equal(403);
    const own = await list(await service.key(['read']));
    expect(own.json.searches.map((each: { searchId: string }) => each.searchId)).to.deep.equal([searchId]);
    const other = await list(await service.key(['read', 'enqueue'], 'shop'));
    expect(other.json).to.deep.equal({ searches: [], next: null });
  });

  it('names every wrong parameter', async () => {
    const answer = await service.call('GET', '/v1/searches?state=busy&limit=1000&sort=age');
    expect(answer.status).to.equal(400);
    expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(answer.json.errors.map(({ path }: { path: string }) => path)).to.have.members([
      'state',
      'limit',
      'sort',
    ]);
    const later = await service.call('GET', '/v1/searches?since=yesterday&cursor=abc');
    expect(later.json.errors.map(({ path }: { path: string }) => path)).to.have.members(['since', 'cursor']);
  });
});

describe('the page with the list of searches', () => {
  const service = useHttpService();

  async function visitor(roles?: Parameters<typeof service.key>[0], tenant?: string) {
    const someone = new Visitor(service);
    await someone.signIn(await service.key(roles, tenant));
    return someone;
  }

  it('shows to each key what it may do: read, cancel, see the job', async () => {
    const { searchId } = (await service.call('POST', '/v1/searches', { query: 'red <b>lamp' })).json;
    const reader = (await (await visitor(['read'])).ask('/searches')).text;
    expect(reader).to.include(`href="/searches/${searchId}"`).and.include('red &lt;b&gt;lamp');
    expect(reader)
      .to.include('HTTP, key test')
      .and.not.match(/Cancel|\/admin\/queues\/queue/);
    const operator = (await (await visitor(['read', 'operate'])).ask('/searches')).text;
    expect(operator)
      .to.include(`href="/admin/queues/queue/ebay-search/${searchId}"`)
      .and.not.include('Cancel');
    const job = `href="/admin/queues/queue/ebay-search/${searchId}"`;
    const resultFor = async (roles: Parameters<typeof service.key>[0]) =>
      (await (await visitor(roles)).ask(`/searches/${searchId}`)).text;
    expect(await resultFor(['read', 'operate']))
      .to.include(job)
      .and.not.include('>Cancel<');
    expect(await resultFor(['read', 'enqueue']))
      .to.include('>Cancel<')
      .and.not.include(job);
    expect((await (await visitor(['enqueue', 'read'], 'shop')).ask('/searches')).text).to.include(
      'No searches yet',
    );
    expect((await (await visitor(['enqueue', 'operate'])).ask('/searches')).status).to.equal(403);
  });

  it('shows what people and programs have searched for, and on demand the looks of schedules too', async () => {
    await service.call('POST', '/v1/searches', { query: 'asked for' });
    const request = { query: 'looked at', track: 'looks' };
    await service.call('POST', '/v1/schedules', { name: 'looks', every: 86_400, request });
    const run = await service.call('POST', '/v1/schedules/looks/run');
    expect(run.status, run.text).to.be.below(300);
    const someone = await visitor(['read']);
    const titles = async (query: string) => {
      const { text } = await someone.ask(`/searches${query}`);
      return [...text.matchAll(/<th scope="row"><a [^>]*>([^<]*)</g)].map(([, title]) => title);
    };
    expect(await titles('')).to.deep.equal(['asked for']);
    expect(new Set(await titles('?of=all'))).to.deep.equal(new Set(['asked for', 'looked at']));
    // A caller that is named is meant.
    expect(new Set(await titles('?caller=schedule'))).to.deep.equal(new Set(['looked at']));
    expect((await someone.ask('/searches?text=looked')).text).to.include('/searches?text=looked&amp;of=all');
    expect((await service.call('GET', '/v1/searches')).json.searches).to.have.length.above(1);
  });

  it('cancels and tries again with the token of the session, and goes back to the same list', async () => {
    const { searchId } = (await service.call('POST', '/v1/searches', { query: 'lamp' })).json;
    const someone = await visitor(['enqueue', 'read']);
    const { text } = await someone.ask('/searches?state=under-way&text=lamp');
    const _csrf = /name="_csrf" value="([\w-]{43})"/.exec(text)?.[1] ?? '';
    const back = /name="back" value="([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(back).to.equal('/searches?text=lamp&state=under-way');
    const change = (form: Record<string, string>) => someone.ask('/searches/change', { form });
    const cancel = { id: searchId, action: 'cancel', back };
    expect((await change(cancel)).status).to.equal(403);
    const done = await change({ ...cancel, _csrf });
    expect([done.status, done.headers.get('location')]).to.deep.equal([303, back]);
    const key = Object.keys(await service.redis.hgetall(`{ebay}:ebay-search:${searchId}`));
    expect(key).to.not.deep.equal([]);
    expect((await service.redis.keys('{ebay}:run:default:*')).length).to.equal(1);
    for (const elsewhere of ['//evil.example', 'https://evil.example', '/searchesx'])
      expect((await change({ ...cancel, back: elsewhere, _csrf })).headers.get('location')).to.equal(
        '/searches',
      );
    expect((await change({ ...cancel, action: 'remove', _csrf })).status).to.equal(400);
    expect((await change({ ...cancel, id: 'none', _csrf })).status).to.equal(404);
    const wrong = await someone.ask('/searches?cursor=x&since=yesterday');
    expect(wrong.status).to.equal(400);
    expect(wrong.text).to.include('must be an age');
  });
});
