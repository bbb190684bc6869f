/** BullMQ's limiter alone, as most programs use it: one job, one call, retries and replays made at once inside the job. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { callOnce } from './peerCall.ts';

const { REDIS_URL: url = '', BENCH_INTERVAL_MS = '' } = process.env;

async function call(tries: number): Promise<void> {
  if (!(await callOnce()) && tries > 0) await call(tries - 1);
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
