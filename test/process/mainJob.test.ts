import { expect } from 'chai';
import type { SearchSummary } from '../../src/product/summary.ts';
import { rushed } from '../support/arrivals.ts';
import { useFleet } from '../support/fleet.ts';
import { LONG } from '../support/long.ts';
import { useProcesses } from '../support/processes.ts';

/** Another service: it knows BullMQ and the queue's name, nothing of ours. It asks twice for the same. */
const OTHER_SERVICE = `
import { Queue, QueueEvents } from 'bullmq';
const connection = { url: process.env.REDIS_URL };
const queue = new Queue('ebay-search', { connection, prefix: '{ebay}' });
const events = new QueueEvents('ebay-search', { connection, prefix: '{ebay}' });
await events.waitUntilReady();
const [, data, jobId] = process.argv;
for (let round = 0; round < 2; round++) {
  if (jobId) await (await queue.getJob(jobId))?.remove();
  const job = await queue.add('search', JSON.parse(data), jobId ? { jobId } : {});
  const summary = await job.waitUntilFinished(events);
  console.log(JSON.stringify(summary));
}
await events.close();
await queue.close();
`;

for (const interval of LONG ? [0.2, 1] : [1])
  describe(`a search added by another service with plain BullMQ, two workers, calls ${interval} s apart`, function () {
    this.timeout(120_000);
    const used = useFleet({
      query: 'usb c hub',
      pages: 3,
      env: { MIN_API_CALL_INTERVAL: String(interval) },
      workers: [{}, {}],
    });
    const { node } = useProcesses();

    /** What the other service got back, one after the other. */
    async function collectedTwice(jobId = ''): Promise<[SearchSummary, SearchSummary]> {
      const request = JSON.stringify({ query: 'usb c hub', maxItems: 450 });
      const script = ['--input-type=module', '-e', OTHER_SERVICE, request, jobId];
      const service = node(script, { REDIS_URL: used.fleet.config.redis.url });
      expect(await service.exit(), service.output).to.equal(0);
      const lines = service.stdout.trim().split('\n');
      expect(lines, service.output).to.have.length(2);
      return lines.map((line) => JSON.parse(line)) as [SearchSummary, SearchSummary];
    }

    async function differentItems({ searchId }: SearchSummary): Promise<number> {
      const products = await used.fleet.producer.products(searchId);
      return new Set(products.map(({ itemId }) => itemId)).size;
    }

    it('ends complete with 450 different products in 3 calls; replays keep the interval', async () => {
      used.simulator.controls.arm({ fault: 'expired-token', skip: 4, count: 1 });
      const [summary, replayed] = await collectedTwice();
      expect(summary).to.include({ outcome: 'complete', calls: 3 });
      expect(await differentItems(summary)).to.equal(450);
      expect(replayed).to.include({ outcome: 'complete', calls: 4 });
      expect(await differentItems(replayed)).to.equal(450);
      const calls = used.calls();
      expect(calls.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 401, 200, 200]);
      expect(rushed(calls, interval * 1000)).to.deep.equal([]);
    });

    it('collects anew when a job id is used a second time after removal', async () => {
      const [first, second] = await collectedTwice('watchlist-7');
      expect([first.searchId, second.searchId]).to.deep.equal(['watchlist-7', 'watchlist-7']);
      expect([first.calls, second.calls]).to.deep.equal([3, 3]);
      expect(used.calls()).to.have.length(6);
      expect(await differentItems(second)).to.equal(450);
    });
  });
