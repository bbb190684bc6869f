import { deepSearch } from '../../../test/support/deepSearch.ts';
import { waitFor } from '../../../test/support/waitFor.ts';
import { backlog, enqueue, outcomes, QUERY } from '../load.ts';
import { during, paceOf, timesOf } from '../measure.ts';
import { operatorOf } from '../operator.ts';
import { atMost, beside, exactly, type Scenario } from '../scenario.ts';

/** Ten minutes and every wait of the circuit and of attempts, twenty times shorter. */
const SCALED = {
  MIN_API_CALL_INTERVAL: '0.1',
  CIRCUIT_WINDOW: '1.5',
  CIRCUIT_BACKOFF: '0.75',
  MAX_CIRCUIT_BACKOFF: '15',
  PAGE_BACKOFF: '0.25',
  EBAY_QUICK_RETRY_DELAY: '0.05',
};
const ATTEMPTS = 5;
const CALLS_AN_ATTEMPT = 3;
const SEARCHES = 60;

export const outage: Scenario = {
  name: 'outage',
  title: '10 minutes of 503, scaled to 30 s',
  seconds: 30,
  async run(bed, seconds) {
    const fleet = await bed.fleet(4, SCALED, 100);
    const searches = await Promise.all(
      Array.from({ length: SEARCHES }, () => enqueue(fleet, deepSearch(QUERY, 2))),
    );
    await waitFor('calls', async () => (await fleet.calls()).length >= 10);
    const fault = await fleet.ebay.arm({ fault: 'status', status: 503 });
    const { lastSeq: from } = await fleet.ebay.state();
    await during(seconds, bed.say, 'eBay answers 503');
    const failing = (await fleet.calls(from)).length;
    await fleet.ebay.clear(fault);
    const { lastSeq: back } = await fleet.ebay.state();
    const backAt = Date.now();
    bed.say('eBay is back');
    const ends = await outcomes(fleet, searches);
    const calls = await fleet.calls(back);
    const [probe, second] = calls;
    await bed.clear();
    // Attempts alone would use every slot of the outage, until each page that waits has used up its attempts.
    const alone = Math.min((seconds * 1000) / 100, SEARCHES * ATTEMPTS * CALLS_AN_ATTEMPT);
    return [
      beside('calls made during the outage', failing),
      beside('what attempts alone would have made', alone),
      atMost('calls, as a share of those', failing / alone, 0.5),
      atMost('first call after eBay is back, s (a circuit’s longest pause)', since(probe?.time, backAt), 15),
      exactly('answer to the first call after', probe?.status ?? 'none', 200),
      atMost('from that probe to the next call, s', since(second?.time, probe?.time ?? 0), 2),
      exactly('searches that failed', ends.filter((end) => end !== 'complete').length, 0),
    ];
  },
};

function since(later: number | undefined, earlier: number): number {
  return ((later ?? Infinity) - earlier) / 1000;
}

export const redisStopped: Scenario = {
  name: 'redis-stopped',
  title: 'Redis stopped for 10 s',
  seconds: 10,
  async run(bed, seconds) {
    const intervalMs = 100;
    const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: String(intervalMs / 1000) }, 100);
    await backlog(fleet, 500);
    await waitFor('calls', async () => (await fleet.calls()).length >= 20);
    const stoppedAt = Date.now();
    await bed.stopRedis();
    const wasDownAt = Date.now();
    await during(seconds, bed.say, 'Redis is stopped');
    const upAt = Date.now();
    await bed.startRedis();
    bed.say('Redis is back');
    const isBack = async () => (await fleet.calls()).filter(({ time }) => time > upAt).length >= 30;
    await waitFor('calls after Redis is back', isBack, 60_000);
    await Promise.all(fleet.workers.splice(0).map((worker) => worker.stop()));
    const operator = await operatorOf(fleet);
    const { used } = await operator.gate();
    const calls = bed.arrivals(await fleet.calls());
    await operator.close();
    await bed.clear();
    const down = calls.filter(({ time }) => time > wasDownAt && time < upAt).length;
    const first = calls.find(({ time }) => time > upAt);
    const pace = paceOf(timesOf(calls), intervalMs);
    return [
      atMost('calls while it was stopped (one may have had its slot)', down, 1),
      beside('ms that stopping it took', wasDownAt - stoppedAt),
      atMost('first call after it is back, s', since(first?.time, upAt), intervalMs / 1000 + 2),
      atMost(`gaps below 95 ms (least ${pace.minGapMs.toFixed(1)} ms)`, pace.short, 0),
      exactly('ledger − calls', used - calls.length, 0),
    ];
  },
};
