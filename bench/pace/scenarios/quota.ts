import type { Priority } from '../../../src/product/requestSchema.ts';
import { deepSearch } from '../../../test/support/deepSearch.ts';
import type { Fleet } from '../../../test/support/fleet.ts';
import { waitFor } from '../../../test/support/waitFor.ts';
import { enqueue, outcomes, QUERY } from '../load.ts';
import { operatorOf } from '../operator.ts';
import { atMost, beside, exactly, type Scenario } from '../scenario.ts';

const LIMIT = 50;
const RESET_S = 5;

/** Waits until the search says that it waits for quota. */
function stopped(fleet: Fleet, searchId: string): Promise<unknown> {
  return waitFor(
    'a search to wait for quota',
    async () => {
      const { state, progress } = await fleet.producer.get(searchId);
      return state === 'waiting' && progress?.reason === 'quota';
    },
    30_000,
  );
}

const refusals = (fleet: Fleet) =>
  fleet.workers.flatMap(({ output }) => output.match(/"code":"(share-spent|gate-closed)"/g) ?? []).length;

export const day: Scenario = {
  name: 'day',
  title: 'DAILY_CALL_LIMIT 50, 80 pages wanted by three classes, reset 5 s away',
  seconds: 0,
  async run(bed) {
    const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: '0.04', DAILY_CALL_LIMIT: String(LIMIT) });
    const operator = await operatorOf(fleet);
    await fleet.freshDay(LIMIT, RESET_S);
    await operator.reconcile();
    const reset = (await operator.gate()).reset;
    const wanted: Array<[Priority, number]> = [
      ['backfill', 25],
      ['backfill', 25],
      ['scheduled', 20],
      ['interactive', 10],
    ];
    const searches: string[] = [];
    const stops: number[] = [];
    for (const [priority, pages] of wanted) {
      bed.say(`${priority} until it stops`);
      const id = await enqueue(fleet, deepSearch(QUERY, pages, { priority }));
      searches.push(id);
      if (priority === 'backfill' && searches.length === 1) continue;
      await stopped(fleet, id);
      // By the ledger: the last call may still be on its way.
      stops.push((await operator.gate()).used);
    }
    const inFlight = await operator.calls.getJobCountByTypes('prioritized', 'waiting', 'delayed', 'active');
    const refused = refusals(fleet);
    bed.say('waiting for the reset');
    const ends = await outcomes(fleet, searches);
    const calls = await fleet.calls();
    await operator.close();
    await bed.clear();
    return [
      exactly('calls before the reset', calls.filter(({ time }) => time < reset).length, LIMIT),
      exactly('calls when backfill, scheduled, interactive stopped', stops.join(', '), '35, 45, 50'),
      atMost(`refusals at the gate (pages in flight: ${inFlight})`, refused, inFlight),
      exactly('searches complete after the reset', ends.filter((end) => end === 'complete').length, 4),
      exactly('calls in all', calls.length, 80),
      exactly('answers other than 200', calls.filter(({ status }) => status !== 200).length, 0),
    ];
  },
};

export const otherProgram: Scenario = {
  name: 'other-program',
  title: 'another program spends the quota',
  seconds: 0,
  async run(bed) {
    const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: '0.2', DAILY_CALL_LIMIT: '1000' });
    const operator = await operatorOf(fleet);
    await fleet.freshDay(1000, 3600);
    await operator.reconcile();
    const search = await enqueue(fleet, deepSearch(QUERY, 30));
    bed.say('another program spends the quota');
    await waitFor('calls', async () => (await fleet.calls()).length >= 10);
    await fleet.ebay.quota({ remaining: 0 });
    await operator.reconcile();
    const noticed = (await fleet.calls()).length;
    await stopped(fleet, search);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const calls = await fleet.calls();
    await operator.close();
    await bed.clear();
    return [
      exactly('calls after the reconcile that noticed', calls.length - noticed, 0),
      beside('calls before it', noticed),
    ];
  },
};

export const expiry: Scenario = {
  name: 'expiry',
  title: 'the reset is farther away than RESULTS_TTL (4 s)',
  seconds: 0,
  async run(bed) {
    const ttl = 4;
    const env = { MIN_API_CALL_INTERVAL: '0.1', DAILY_CALL_LIMIT: '20', RESULTS_TTL: String(ttl) };
    const fleet = await bed.fleet(2, env);
    const operator = await operatorOf(fleet);
    await fleet.ebay.quota({ limit: 20, remaining: 5, resetInS: 10 });
    await operator.reconcile();
    bed.say('pages expire before the reset');
    const id = await enqueue(fleet, deepSearch(QUERY, 8));
    const report = await fleet.producer.waitFor(id, { timeoutMs: 60_000 });
    const products = await fleet.producer.products(id);
    const calls = (await fleet.calls()).length;
    await operator.close();
    await bed.clear();
    const finished = Date.parse(report.summary?.finishedAt ?? '');
    const oldest = Math.min(...products.map(({ observedAt }) => Date.parse(observedAt)));
    return [
      exactly('outcome', report.summary?.outcome ?? `failed: ${report.error?.code}`, 'complete'),
      exactly('pages called for: 5 before the reset, all 8 after it', calls, 13),
      atMost('age of the oldest product, s', (finished - oldest) / 1000, ttl),
    ];
  },
};
