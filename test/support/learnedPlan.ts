import type { Redis } from 'ioredis';
import { learn, newRate, newRhythm } from '../../src/queue/watch/changeRate.ts';
import {
  NO_CALLS,
  NO_DELAY,
  PlanStore,
  type StoredFlow,
  type StoredUnit,
  withCalls,
  withDelays,
} from '../../src/queue/watch/planStore.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Stores what the planner knows of schedules after ten days of looks, one each two hours: so many changes a day, all of
 * them seen an hour late. @param perDay by name of the schedule
 */
export async function storeLearned(
  redis: Redis,
  perDay: Readonly<Record<string, number>>,
  tenant = 'default',
): Promise<void> {
  const now = Date.now();
  const units = new Map<string, StoredUnit>();
  const flows = new Map<string, StoredFlow>();
  let rhythm = newRhythm();
  for (const [name, changes] of Object.entries(perDay)) {
    let [rate, delay, made] = [newRate(), NO_DELAY, NO_CALLS];
    for (let from = now - 10 * DAY; from < now; from += 2 * HOUR) {
      const to = from + 2 * HOUR;
      const times = Array.from({ length: Math.round(changes / 12) }, () => to - HOUR);
      ({ rate, rhythm } = learn(rate, rhythm, { from, to, changes: times.length, times }, DAY));
      delay = withDelays(delay, times, to, DAY);
      made = withCalls(made, 1, to, DAY);
    }
    const unit = { number: 120, at: now, busy: false, again: 0, calls: 1, failed: 0, gap: null, made };
    units.set(`schedule:${name}`, unit);
    flows.set(name, { rate, seenUntil: now, delay });
  }
  const store = new PlanStore(redis, '{ebay}', tenant);
  const { version } = await store.load();
  if ((await store.commit(version, { rhythm, units, flows })) === undefined)
    throw new Error('somebody else has changed the plan');
}
