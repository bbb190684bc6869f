import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { testConfig } from '../../support/config.ts';
import { useHttpService } from '../../support/httpService.ts';
import { monitor } from '../../support/monitor.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('searches over HTTP', () => {
  const service = useHttpService({}, { isKept: true });

  it('are accepted with their id and stand as queued until a worker comes', async () => {
    const added = await service.call('POST', '/v1/searches', { query: 'phone case' });
    expect(added.status, added.text).to.equal(202);
    const { searchId } = added.json;
    expect(added.headers.get('location')).to.equal(`/v1/searches/${searchId}`);
    const stands = await service.call('GET', `/v1/searches/${searchId}`);
    expect(stands.status).to.equal(200);
    expect(stands.json).to.include({ searchId, state: 'queued', summary: null });
  });

  it('come as a list, and errors name their index', async () => {
    const added = await service.call('POST', '/v1/searches', [{ query: 'one' }, { query: 'two' }]);
    expect(added.json).to.have.lengthOf(2);
    const refused = await service.call('POST', '/v1/searches', [{ query: 'one' }, { query: '', foo: 1 }]);
    expect(refused.status).to.equal(400);
    expect(refused.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(
      refused.json.errors.map(({ path, code }: { path: string; code: string }) => [path, code]),
    ).to.have.deep.members([
      ['1.query', 'q_required'],
      ['1.foo', 'unknown_field'],
    ]);
  });

  it('and the quota name the reason of a closed gate, also under its former name', async () => {
    const { searchId } = (await service.call('POST', '/v1/searches', { query: 'mug' })).json;
    const progress = { state: 'waiting', pages: 0, of: 1, products: 0, reason: 'pause', until: 1 };
    await service.redis.hset(`{ebay}:ebay-search:${searchId}`, 'progress', JSON.stringify(progress));
    const config = testConfig({ REDIS_URL: 'redis://localhost' });
    const { gate } = openEbay(config, quietLog(), { redis: service.redis });
    await gate.close(60_000, 'pause');
    const quota = await service.call('GET', '/v1/quota');
    const search = await service.call('GET', `/v1/searches/${searchId}`);
    const both = { reason: 'pause', because: 'pause' };
    expect(quota.json.closed).to.include(both);
    expect(quota.json.classes.backfill.closed).to.include(both);
    expect(search.json.progress).to.include(both);
  });

  it('cost Redis one command each', async () => {
    const post = () => service.call('POST', '/v1/searches', { query: 'mug' });
    await post();
    const commands: string[] = [];
    const stop = await monitor(service.redis.options, ({ words: [name = ''], isInScript }) => {
      if (!isInScript) commands.push(name);
    });
    const many = 200;
    for (let n = 0; n < many; n += 20) await Promise.all(Array.from({ length: 20 }, post));
    await waitFor('all of them', () => commands.filter((name) => name === 'evalsha').length >= many);
    stop();
    // The key, the backlog and the settings are looked at every so often, whatever the number of searches.
    expect(commands.length).to.be.below(1.5 * many);
  });

  it('of another tenant look like those that never were', async () => {
    const { json } = await service.call('POST', '/v1/searches', { query: 'mug' });
    const authorization = `Bearer ${await service.key(['read', 'enqueue'], 'acme')}`;
    const theirs = await service.call('GET', `/v1/searches/${json.searchId}`, undefined, { authorization });
    const nobodys = await service.call('GET', '/v1/searches/s_nobody', undefined, { authorization });
    expect(theirs.status).to.equal(404);
    const { instance: _, ...rest } = theirs.json;
    const { instance: __, ...same } = nobodys.json;
    expect(rest).to.deep.equal(same);
    const named = await service.call(
      'POST',
      '/v1/searches',
      { query: 'mug', tenant: 'default' },
      { authorization },
    );
    expect(named.status).to.equal(404);
  });

  it('add a schedule, refuse another one of its name with a problem, and replace it on request', async () => {
    const schedule = (query: string) => ({ name: 'mugs', every: 3600, request: { query } });
    const add = (query: string, options = '') =>
      service.call('POST', `/v1/schedules${options}`, schedule(query));
    expect((await add('mug')).status).to.equal(200);
    expect((await add('mug')).status).to.equal(200);
    const refused = await add('cup');
    expect(refused.status).to.equal(409);
    expect(refused.json).to.deep.include({ type: 'urn:dropship-product-finder:schedule_exists' });
    expect(refused.json.detail).to.include('the name mugs').and.to.include('?replace=true');
    expect((await service.call('GET', '/v1/schedules/mugs')).json.request.query).to.equal('mug');
    expect((await add('cup', '?replace=true')).status).to.equal(200);
    expect((await service.call('GET', '/v1/schedules/mugs')).json.request.query).to.equal('cup');
  });
});
