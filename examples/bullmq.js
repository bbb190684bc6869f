/**
 * A search with BullMQ alone, for a service that does not use this library.
 * Needs Redis and a worker (`npx dpf demo --keep`); run: node examples/bullmq.js "usb c hub"
 */
import { Queue, QueueEvents } from 'bullmq';

const at = {
  connection: { url: process.env.REDIS_URL ?? 'redis://localhost:6379/0' },
  prefix: process.env.QUEUE_PREFIX ?? '{ebay}',
};
const queue = new Queue('ebay-search', at);
const events = new QueueEvents('ebay-search', at);
try {
  const job = await queue.add('search', { query: process.argv[2] ?? 'usb c hub', maxItems: 50 });
  // Rejects with `code: message` when the search failed.
  const summary = await job.waitUntilFinished(events, 60_000);
  console.log(`${summary.outcome}: ${summary.counts.products} products in ${summary.calls} call(s)`);
  console.log(`read them with: npx dpf search --get ${job.id} --json`);
} finally {
  await events.close();
  await queue.close();
}
