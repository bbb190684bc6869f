/** BullMQ's limiter alone, as most programs use it: one job, one call, retries and replays made at once inside the job. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';

const {
  REDIS_URL: url = '',
  EBAY_API_URL: ebay = '',
  BENCH_INTERVAL_MS = '',
  BENCH_TOKEN = '',
} = process.env;
const page = `${ebay}/buy/browse/v1/item_summary/search?q=watch&limit=200`;

async function call(tries: number): Promise<void> {
  const response = await fetch(page, { headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
  await response.arrayBuffer();
  if (response.status !== 200 && tries > 0) await call(tries - 1);
}

new Worker(
  'limited',
  async () => {
    await sleep(Math.random() * 300);
    await call(2);
  },
  {
    connection: { url, maxRetriesPerRequest: null },
    concurrency: 10,
    limiter: { max: 1, duration: Number(BENCH_INTERVAL_MS) },
  },
).on('error', () => undefined);
console.log('worker started');
