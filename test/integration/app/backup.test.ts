import { expect } from 'chai';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { useBackups } from '../../support/backups.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a backup that is restored beside a running worker and server, after Redis lost all', function () {
  this.timeout(60_000);
  const service = useService({ SCHEDULE_MIN_INTERVAL: '1' });
  const http = useHttpService({}, { beside: service });
  const { withEnv, at } = useBackups(() => service.config.redis.url);
  const dpf = async (...args: string[]) => {
    const result = await withEnv({ SCHEDULE_MIN_INTERVAL: '1' }, args);
    expect(result.exit, result.err).to.equal(0);
    return result;
  };

  it('lets the same keys in, ends schedules at their limit, and marks only what is new', async () => {
    const { producer, simulator } = service;
    const key = await http.key(['read', 'schedule']);
    const ask = () => http.call('GET', '/v1/schedules', undefined, { authorization: `Bearer ${key}` });
    expect((await ask()).status).to.equal(200);
    const request: SearchRequest = { query: 'led strip', maxItems: 1000, track: 'strips' };
    expect((await service.search(request)).summary?.outcome).to.equal('complete');
    const drone = { query: 'drone', maxItems: 1 };
    await producer.schedule.add({ name: 'often', every: 1, request: drone });
    const often = () => producer.schedule.get('often');
    await waitFor('two runs', async () => (await often()).runs >= 2);
    await producer.schedule.pause('often');
    await waitFor('the end of the last run', async () =>
      (await often()).lastRuns.every(({ outcome }) => outcome !== null),
    );
    const { runs } = await often();
    const limited = { name: 'often', every: 1, limit: runs + 2, request: drone };
    await producer.schedule.add(limited, { replace: true });
    await dpf('backup', at('saved'));

    await http.redis.flushall();
    await waitFor('the key to be unknown', async () => (await ask()).status === 401);
    const added = simulator.controls.addListing({ title: 'led strip with a hinge', price: '9.99' });
    await dpf('restore', at('saved'));

    await waitFor('the key to be known', async () => (await ask()).status === 200);
    expect((await ask()).json.schedules).to.have.length(1);
    expect(await often()).to.include({ state: 'paused', runs });
    const { searchId, summary } = await service.search(request);
    expect(summary?.outcome).to.equal('complete');
    const marks = (await producer.products(searchId)).map(({ itemId, mark }) => [itemId, mark]);
    expect(marks.filter(([, mark]) => mark !== 'same')).to.deep.equal([[added, 'new']]);
    await producer.schedule.resume('often');
    await waitFor('the limit', async () => (await often()).state === 'done');
    expect(await often()).to.include({ runs: runs + 2, next: null });
  });
});
