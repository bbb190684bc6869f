import type { FaultSpec } from '../../../src/simulator/faults.ts';
import { deepSearch } from '../../../test/support/deepSearch.ts';
import type { Bed } from '../bed.ts';
import { enqueue, outcomes, QUERY } from '../load.ts';
import { operatorOf } from '../operator.ts';
import { exactly, type Figure, type Scenario } from '../scenario.ts';

const LONGEST_S = 3;
/** A slot granted just before the gate closed leaves up to its lead (20 ms) later; and the log line comes after it. */
const ON_THE_WAY_MS = 50;

const KINDS: Array<[name: string, fault: FaultSpec]> = [
  ['no Retry-After', { fault: 'rate-limited' }],
  ['seconds', { fault: 'rate-limited', retryAfter: 2 }],
  ['a date', { fault: 'rate-limited', retryAfterDateInS: 3 }],
  ['garbage', { fault: 'rate-limited', retryAfter: 'soon' }],
  ['10⁹', { fault: 'rate-limited', retryAfter: 1_000_000_000 }],
];

async function storm(bed: Bed, name: string, fault: FaultSpec): Promise<Figure[]> {
  const fleet = await bed.fleet(
    4,
    { MIN_API_CALL_INTERVAL: '0.1', THROTTLE_BACKOFF: '1', MAX_THROTTLE_BACKOFF: String(LONGEST_S) },
    100,
  );
  const operator = await operatorOf(fleet);
  await fleet.ebay.configure({ latencyMs: 200 });
  // Every call that is in flight when the storm breaks is refused.
  await fleet.ebay.arm({ ...fault, skip: 10, count: 3 });
  bed.say(`429 with ${name}`);
  const searches = await Promise.all(Array.from({ length: 6 }, () => enqueue(fleet, deepSearch(QUERY, 5))));
  const ends = await outcomes(fleet, searches);
  const calls = await fleet.calls();
  const pauses = fleet.workers.flatMap(({ output }) => pausesIn(output));
  const during = calls.filter(({ time }) =>
    pauses.some(({ from, to }) => time > from + ON_THE_WAY_MS && time < to - ON_THE_WAY_MS),
  );
  const pages = await operator.calls.getCompleted(0, 100);
  await operator.close();
  await bed.clear();
  const charged = pages.filter(({ attemptsMade }) => attemptsMade !== 1).length;
  const total = pauses.reduce((sum, { from, to }) => sum + to - from, 0) / 1000;
  return [
    exactly(`${name}: calls during ${pauses.length} pauses, ${total.toFixed(1)} s in all`, during.length, 0),
    exactly(`${name}: pages charged an attempt`, charged, 0),
    exactly(`${name}: searches complete`, ends.filter((end) => end === 'complete').length, 6),
    { ...exactly(`${name}: 429s seen`, statuses(calls, 429), 3), ok: pauses.length > 0 },
  ];
}

function statuses(calls: ReadonlyArray<{ status: number | null }>, wanted: number): number {
  return calls.filter(({ status }) => status === wanted).length;
}

/** What the one process whose 429 began a pause wrote about it. */
function pausesIn(output: string): Array<{ from: number; to: number }> {
  return output
    .split('\n')
    .filter((line) => line.includes('paused: eBay throttles'))
    .map((line) => JSON.parse(line) as { timestamp: string; forMs: number })
    .map(({ timestamp, forMs }) => ({ from: Date.parse(timestamp), to: Date.parse(timestamp) + forMs }));
}

export const throttle: Scenario = {
  name: 'throttle',
  title: `429 storms, the longest pause scaled to ${LONGEST_S} s`,
  seconds: 0,
  async run(bed) {
    const figures: Figure[] = [];
    for (const [name, fault] of KINDS) figures.push(...(await storm(bed, name, fault)));
    return figures;
  },
};
