/** Bottleneck in cluster mode, as its guide shows it: every call is a scheduled job, also each retry. */
import { setTimeout as sleep } from 'node:timers/promises';
import Bottleneck from 'bottleneck';
import { Redis } from 'ioredis';
import { callOnce } from './peerCall.ts';

const { REDIS_URL: url = '', BENCH_INTERVAL_MS = '' } = process.env;
const connection = new Bottleneck.IORedisConnection({ client: new Redis(url) });
const limiter = new Bottleneck({ id: 'peer', connection, minTime: Number(BENCH_INTERVAL_MS) });
limiter.on('error', () => undefined);

async function call(tries: number): Promise<void> {
  const ok = await limiter.schedule(async () => {
    await sleep(Math.random() * 300);
    return callOnce();
  });
  if (!ok && tries > 0) await call(tries - 1);
}

await limiter.ready();
console.log('worker started');
await Promise.all(
  Array.from({ length: 10 }, async () => {
    for (;;) await call(2);
  }),
);
