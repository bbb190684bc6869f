import { Queue } from 'bullmq';
import { expect } from 'chai';
import { DashboardVisitor } from '../../support/dashboardVisitor.ts';
import { type HttpService, useHttpService } from '../../support/httpService.ts';

/** Whatever Bull Board can change, by what this service allows of it when `DASHBOARD_WRITES` is set. */
const CHANGES: Array<[allowed: boolean, method: string, path: string]> = [
  [true, 'PUT', '/api/queues/ebay-calls/pause'],
  [true, 'PUT', '/api/queues/ebay-calls/resume'],
  [true, 'PUT', '/api/queues/ebay-search/retry/failed'],
  [true, 'PUT', '/api/queues/ebay-search/s_1/retry'],
  [false, 'PUT', '/api/queues/pause'],
  [false, 'PUT', '/api/queues/resume'],
  [false, 'POST', '/api/queues/ebay-search/add'],
  [false, 'PUT', '/api/queues/ebay-search/promote'],
  [false, 'PUT', '/api/queues/ebay-search/clean/completed'],
  [false, 'PUT', '/api/queues/ebay-calls/concurrency'],
  [false, 'PUT', '/api/queues/ebay-calls/rate-limit'],
  [false, 'PUT', '/api/queues/ebay-calls/rate-limit/release'],
  [false, 'PUT', '/api/queues/ebay-calls/empty'],
  [false, 'PUT', '/api/queues/ebay-calls/obliterate'],
  [false, 'PUT', '/api/queues/ebay-search/job-schedulers/morning/remove'],
  [false, 'PATCH', '/api/queues/ebay-search/job-schedulers/morning'],
  [false, 'PUT', '/api/queues/ebay-search/job-schedulers/morning/run'],
  [false, 'PUT', '/api/queues/ebay-search/s_1/clean'],
  [false, 'PUT', '/api/queues/ebay-search/s_1/promote'],
  [false, 'PATCH', '/api/queues/ebay-search/s_1/update-data'],
  [false, 'PATCH', '/api/queues/ebay-search/s_1/delay'],
  [false, 'PATCH', '/api/queues/ebay-search/s_1/priority'],
  [false, 'PUT', '/api/queues/ebay-search/s_1/remove-unprocessed-children'],
  [false, 'POST', '/api/metrics/history/purge'],
  [false, 'DELETE', '/api/queues/ebay-search/s_1'],
];

/** All keys with their dumps, those of logins and keys left out: a change anywhere shows. */
async function content(service: HttpService): Promise<string> {
  const redis = service.redis;
  const keys = (await redis.keys('{ebay}:ebay-*')).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return keys.map((key, index) => `${key}=${dumps[index]?.toString('base64')}`).join('\n');
}

async function failedSearch(service: HttpService): Promise<Queue> {
  const connection = service.redis;
  const queue = new Queue('ebay-search', { connection, prefix: '{ebay}' });
  const job = await queue.add('search', { query: 'lamp' }, { jobId: 's_1' });
  await connection.lrem(queue.toKey('wait'), 1, 's_1');
  await connection.zadd(queue.toKey('failed'), Date.now(), 's_1');
  await connection.hset(
    queue.toKey(job.id as string),
    'failedReason',
    'ebay-timeout: late',
    'finishedOn',
    '1',
  );
  return queue;
}

describe('changes through the dashboard', () => {
  for (const writes of [false, true])
    describe(writes ? 'with DASHBOARD_WRITES' : 'that is not configured for them', () => {
      const service = useHttpService({ DASHBOARD_WRITES: String(writes) });
      let operator: DashboardVisitor;
      let queue: Queue;
      beforeEach(async () => {
        operator = new DashboardVisitor(service);
        await operator.logIn(await service.key(['operate']));
        queue = await failedSearch(service);
      });
      afterEach(() => queue.close());

      it('are refused without a login, and to other sites’ pages', async () => {
        const before = await content(service);
        for (const [, method, path] of CHANGES) {
          const what = `${method} ${path}`;
          const anonymous = await new DashboardVisitor(service).change(method, path);
          expect(anonymous.status, what).to.be.oneOf([401, 404, 405]);
          const withoutToken = await operator.change(method, path, { 'x-xsrf-token': '' });
          const withAnother = await operator.change(method, path, { 'x-xsrf-token': 'A'.repeat(43) });
          const elsewhere = await operator.change(method, path, { origin: 'https://evil.example' });
          const unnamed = await operator.change(method, path, { origin: '' });
          for (const { status } of [withoutToken, withAnother, elsewhere, unnamed])
            expect(status, what).to.be.oneOf([403, 404, 405]);
        }
        expect(await content(service)).to.equal(before);
      });

      it(writes ? 'are a few that break no limit' : 'do not exist', async () => {
        for (const [allowed, method, path] of CHANGES) {
          const before = await content(service);
          const { status } = await operator.change(method, path);
          if (allowed && writes) expect(status, `${method} ${path}`).to.be.oneOf([200, 204, 400, 404]);
          else {
            expect(status, `${method} ${path}`).to.be.oneOf([404, 405]);
            expect(await content(service), `${method} ${path}`).to.equal(before);
          }
        }
      });

      if (writes)
        it('pause and resume a queue, and retry what failed', async () => {
          expect((await operator.change('PUT', '/api/queues/ebay-search/pause')).status).to.be.oneOf([
            200, 204,
          ]);
          expect(await queue.isPaused()).to.equal(true);
          expect((await operator.change('PUT', '/api/queues/ebay-search/resume')).status).to.be.oneOf([
            200, 204,
          ]);
          expect(await queue.isPaused()).to.equal(false);
          expect(await queue.getJobState('s_1')).to.equal('failed');
          expect((await operator.change('PUT', '/api/queues/ebay-search/s_1/retry')).status).to.be.oneOf([
            200, 204,
          ]);
          expect(await queue.getJobState('s_1')).to.equal('waiting');
        });
    });
});
