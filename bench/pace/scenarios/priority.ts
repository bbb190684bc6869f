import { setTimeout as sleep } from 'node:timers/promises';
import { deepSearch } from '../../../test/support/deepSearch.ts';
import type { Fleet } from '../../../test/support/fleet.ts';
import { percentile } from '../../figures.ts';
import { QUERY } from '../load.ts';
import { operatorOf } from '../operator.ts';
import { atMost, beside, exactly, type Scenario } from '../scenario.ts';

const EVERY_MS = 400;

/** How long interactive searches of one page took that came one after another, ms; Infinity for one that failed. */
async function interactive(fleet: Fleet, seconds: number, say: (line: string) => void, what: string) {
  const took: Promise<number>[] = [];
  for (let left = (seconds * 1000) / EVERY_MS; left > 0; left -= 1) {
    say(`${what}: ${Math.ceil((left * EVERY_MS) / 1000)} s`);
    const askedAt = Date.now();
    const { searchId } = await fleet.producer.enqueue(deepSearch(QUERY, 1));
    took.push(
      fleet.producer
        .waitFor(searchId, { timeoutMs: 30_000 })
        .then(({ summary }) => (summary ? Date.parse(summary.finishedAt) - askedAt : Infinity)),
    );
    await sleep(EVERY_MS);
  }
  return Promise.all(took);
}

export const backfillStop: Scenario = {
  name: 'backfill-stop',
  title: 'interactive searches during a long stop of backfill (200 searches wait)',
  seconds: 12,
  async run(bed, seconds) {
    const fleet = await bed.fleet(2, { MIN_API_CALL_INTERVAL: '0.1', DAILY_CALL_LIMIT: '1000' });
    const operator = await operatorOf(fleet);
    await fleet.ebay.quota({ limit: 1000, used: 0, resetInS: 3600 });
    await operator.reconcile();
    const without = await interactive(fleet, seconds, bed.say, 'without backfill');
    await fleet.ebay.quota({ used: 700 });
    await operator.reconcile();
    const waiting = Array.from({ length: 200 }, () => deepSearch(QUERY, 5, { priority: 'backfill' }));
    await fleet.producer.enqueueMany(waiting);
    const before = (await fleet.calls()).length;
    const beside200 = await interactive(fleet, seconds, bed.say, 'beside 200 backfill searches that wait');
    const spentOnBackfill = (await fleet.calls()).length - before - beside200.length;
    await operator.close();
    await bed.clear();
    const [p95, bar] = [percentile(beside200, 0.95), percentile(without, 0.95)];
    return [
      beside('interactive p95 without, ms', bar),
      atMost('interactive p95 during the stop, ms', p95, 2 * bar),
      exactly('calls for backfill during its stop', spentOnBackfill, 0),
    ];
  },
};
