import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';

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
