/**
 * BullMQ and nothing else: a paced queue, one HTTP call a job, and as each page ends the next one is added as a child of
 * the same parent. No retries of ours, no shared gate, no shared token, no results, no progress.
 */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { callOnce } from '../pace/peerCall.ts';
import { BARE_PAGES, type BarePage, bareJob } from './bareJob.ts';

const connection = new Redis(process.env.REDIS_URL as string, { maxRetriesPerRequest: null });
const queue = new Queue<BarePage>(BARE_PAGES, { connection });
const worker = new Worker<BarePage>(
  BARE_PAGES,
  async ({ data }) => {
    await callOnce();
    const { name, data: next, opts } = bareJob({ ...data, page: data.page + 1 });
    await queue.add(name, next, opts);
  },
  { connection, concurrency: 10 },
).on('error', () => undefined);
await worker.waitUntilReady();
console.log('worker started');
