import { expect } from 'chai';
import type { SearchSummary } from '../../src/product/summary.ts';
import { rushed } from '../support/arrivals.ts';
import { type Fleet, useFleet } from '../support/fleet.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

/** Another service: it knows BullMQ and the queue's name, nothing of ours. */
const OTHER_SERVICE = `
import { Queue, QueueEvents } from 'bullmq';
const connection = { url: process.env.REDIS_URL };
const queue = new Queue('ebay-search', { connection, prefix: '{ebay}' });
const events = new QueueEvents('ebay-search', { connection, prefix: '{ebay}' });
await events.waitUntilReady();
const jobId = process.argv[2];
if (jobId) await (await queue.getJob(jobId))?.remove();
const job = await queue.add('search', JSON.parse(process.argv[1]), jobId ? { jobId } : {});
const summary = await job.waitUntilFinished(events);
console.log(JSON.stringify(summary));
await events.close();
await queue.close();
`;

describe('a search added by another service with plain BullMQ, two workers', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const fleets = useFleet(redis, 'usb c hub', 3);
  const { node } = useProcesses();

  /** What the other service got back. */
  async function collected(fleet: Fleet, jobId = ''): Promise<SearchSummary> {
    const request = JSON.stringify({ query: 'usb c hub', maxItems: 450 });
    const script = ['--input-type=module', '-e', OTHER_SERVICE, request, jobId];
    const service = node(script, { REDIS_URL: fleet.config.redis.url });
    expect(await service.exit(), service.output).to.equal(0);
    return JSON.parse(service.stdout) as SearchSummary;
  }

  async function differentItems(fleet: Fleet, { searchId }: SearchSummary): Promise<number> {
    const products = await fleet.producer.products(searchId);
    return new Set(products.map(({ itemId }) => itemId)).size;
  }

  for (const interval of [0.2, 1])
    it(`ends complete with 450 different products in 3 calls, ${interval} s apart; replays keep the interval`, async () => {
      const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: String(interval) });
      const summary = await collected(fleet);
      expect(summary).to.include({ outcome: 'complete', calls: 3 });
      expect(await differentItems(fleet, summary)).to.equal(450);
      expect(await fleet.calls()).to.have.length(3);

      await fleet.ebay.arm({ fault: 'expired-token', skip: 1, count: 1 });
      const replayed = await collected(fleet);
      expect(replayed).to.include({ outcome: 'complete', calls: 4 });
      expect(await differentItems(fleet, replayed)).to.equal(450);
      const calls = await fleet.calls();
      expect(calls.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 401, 200, 200]);
      expect(rushed(calls, interval * 1000)).to.deep.equal([]);
    });

  it('collects anew when a job id is used a second time after removal', async () => {
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.05' });
    const first = await collected(fleet, 'watchlist-7');
    const second = await collected(fleet, 'watchlist-7');
    expect([first.searchId, second.searchId]).to.deep.equal(['watchlist-7', 'watchlist-7']);
    expect([first.calls, second.calls]).to.deep.equal([3, 3]);
    expect(await fleet.calls()).to.have.length(6);
    expect(await differentItems(fleet, second)).to.equal(450);
  });
});
