import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startNode } from '../../test/support/processes.ts';
import { recordRedis } from '../../test/support/recording.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';

const ENV = { LOG_FORMAT: 'json', DAILY_CALL_LIMIT: '5000', SCHEDULE_MIN_INTERVAL: '1' };

/**
 * What a worker of 0.1 leaves in Redis when it is killed: searches and calls in every state. Each search has its own price
 * limit, by which a test knows its calls in eBay's log.
 * @param old the program of 0.1
 */
export async function recordOldFleet(old: string): Promise<string> {
  const redis = await startTestRedis();
  const simulator = await startSimulator({ catalogueScale: 0.1, unsteady: STEADY });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const searches = new Queue('ebay-search', { connection, prefix: '{ebay}' });
  const calls = new Queue('ebay-calls', { connection, prefix: '{ebay}' });
  const run = (args: string[], env: Record<string, string>) =>
    startNode([old, ...args], serviceEnv(redis.url, simulator.url, { ...ENV, ...env }));
  const command = async (...args: string[]) => {
    const process = run(args, {});
    if ((await process.exit()) !== 0) throw new Error(process.output);
  };
  const add = (jobId: string, request: object, max = String(1_000_000 + jobId.length)) =>
    searches.add(
      'search',
      { query: 'phone case', filters: { price: { max, currency: 'USD' } }, ...request },
      { jobId },
    );
  const ended = async (...ids: string[]) => {
    for (const id of ids)
      await waitFor(
        `the end of ${id}`,
        async () =>
          (await (await searches.getJob(id))?.isCompleted()) ||
          (await (await searches.getJob(id))?.isFailed()),
      );
  };
  try {
    // What has ended: complete, with details, with a track, partial, refused; a key; a schedule.
    const quick = run(['worker'], { MIN_API_CALL_INTERVAL: '0.02', PAGE_ATTEMPTS: '1' });
    await quick.waitForLine(/worker started|queues/);
    await command('keys', 'add', 'shop');
    await command(
      'schedule',
      'add',
      'hourly',
      '--every',
      '3600',
      '--query',
      'phone case',
      '--max-items',
      '5',
    );
    await add('complete', { maxItems: 10 }, '1000001');
    await add('with-details', { maxItems: 2, details: 'full' }, '1000002');
    await add('with-track', { maxItems: 10, track: 'cases' }, '1000003');
    await add('refused', { maxItems: -1 }, '1000004');
    await ended('complete', 'with-details', 'with-track', 'refused');
    simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    await add('partial', { maxItems: 210 }, '1000005');
    await ended('partial');
    simulator.controls.clear();
    await quick.stop(20_000);

    // What is under way when the worker dies.
    simulator.controls.configure({ latencyMs: 700 });
    const slow = run(['worker'], { MIN_API_CALL_INTERVAL: '0.25', PAGE_BACKOFF: '600' });
    await slow.waitForLine(/worker started|queues/);
    simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    await add('to-be-retried', { maxItems: 10 }, '1000006');
    await waitFor('a delayed call', async () => (await calls.getDelayedCount()) > 0, 60_000);
    const isDone = async (start: string) =>
      (await calls.getJobs(['completed'])).some(({ id }) => id?.startsWith(start));
    await add('item-by-item', { maxItems: 15, details: 'full' }, '1000007');
    await waitFor('the page of items', () => isDone('item-by-item-r1-p1'), 60_000);
    await add('page-by-page', { maxItems: 800 }, '1000008');
    await add('leader', { maxItems: 400 }, '1000009');
    await add('follower', { maxItems: 400 }, '1000009');
    const isBegun = async () => (await isDone('page-by-page-r1-p1')) && (await isDone('item-by-item-r1-i'));
    await waitFor('a page and an item', isBegun, 60_000);
    slow.signal('SIGKILL');
    await slow.exit();
    await add('not-begun', { maxItems: 10 }, '1000010');
    await add('with-details-not-begun', { maxItems: 2, details: 'full', priority: 'backfill' }, '1000011');
    await sleep(100);
    // The traces of failures name the folder.
    return (await recordRedis(connection, '{ebay}*')).replaceAll(dirname(dirname(old)), '/app');
  } finally {
    await searches.close();
    await calls.close();
    connection.disconnect();
    await simulator.close();
    await redis.stop();
  }
}
