import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import { Lease } from '../../redis/lease.ts';

/** Longer than any single step takes, so that it runs out only under a process that died. */
const LEASE_MS = 5000;
const LOOK_AGAIN_MS = 50;

/**
 * Does `work` while no other process changes schedules. `renew` is to be called between its steps.
 * @throws Failure `redis-unavailable` when the turn has not come after `waitMs`, or is lost between two steps.
 */
export async function exclusively<T>(
  { redis, key }: { redis: Redis; key: string },
  waitMs: number,
  work: (renew: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const lease = new Lease(redis, { key, ttlMs: LEASE_MS });
  const giveUpAt = Date.now() + waitMs;
  while (!(await lease.hold())) {
    if (Date.now() >= giveUpAt)
      throw new Failure('redis-unavailable', 'schedules cannot be changed: not our turn');
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS * (0.5 + Math.random())));
  }
  try {
    return await work(async () => {
      if (!(await lease.hold())) throw new Failure('redis-unavailable', 'the lease on schedules was lost');
    });
  } finally {
    await lease.release();
  }
}
