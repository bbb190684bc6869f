import { deepSearch } from '../../../test/support/deepSearch.ts';
import { gapsOf } from '../../../test/support/gates.ts';
import { now } from '../clock.ts';
import { backlog, enqueue, outcomes, QUERY } from '../load.ts';
import { during, paceFigures, paceOf, timesOf } from '../measure.ts';
import { operatorOf } from '../operator.ts';
import { atMost, beside, exactly, type Figure, type Scenario } from '../scenario.ts';

export const changed: Scenario = {
  name: 'changed',
  title: 'interval changed 1 → 0.2 → 1 s while 4 processes run',
  seconds: 8,
  async run(bed, seconds) {
    const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: '1' }, 300);
    const operator = await operatorOf(fleet);
    await backlog(fleet, seconds * 10);
    await during(seconds, bed.say, '1 s');
    const faster = now();
    await operator.changeInterval(0.2);
    await during(seconds, bed.say, '0.2 s');
    const slower = now();
    await operator.changeInterval(1);
    await during(seconds, bed.say, '1 s again');
    const times = timesOf(bed.arrivals(await fleet.calls()));
    await operator.close();
    await bed.clear();
    const between = (from: number, to: number) => times.filter((at) => at >= from && at < to);
    return [
      ...follows('1 → 0.2 s', between(faster, slower), faster, 200),
      ...follows('0.2 → 1 s', between(slower, Infinity), slower, 1000),
      atMost('gaps below 195 ms in the whole run', paceOf(times, 200).short, 0),
      atMost('gaps below 995 ms before the change', paceOf(between(0, faster), 1000).short, 0),
    ];
  },
};

/** From when on each gap is the new interval (give or take a tenth), and that none is shorter from then on. */
function follows(label: string, times: number[], changedAt: number, intervalMs: number): Figure[] {
  const gaps = gapsOf(times);
  const from = gaps.findIndex((gap) => Math.abs(gap - intervalMs) < intervalMs / 10);
  const after = (times[from] ?? Infinity) - changedAt;
  return [
    atMost(`${label}: followed after, ms`, after, 2000),
    atMost(`${label}: gaps too short from then on`, paceOf(times.slice(from), intervalMs).short, 0),
  ];
}

export const lookAhead: Scenario = {
  name: 'look-ahead',
  title: 'one search of 30 pages alone, 0.1 s, 300 ms latency',
  seconds: 0,
  async run(bed) {
    const fleet = await bed.fleet(2, { MIN_API_CALL_INTERVAL: '0.1' });
    await fleet.ebay.configure({ latencyMs: 300 });
    // The first search shows programs that have never done this before, simulator and workers both.
    bed.say('a search to warm up');
    await enqueueAndWait(30, QUERY);
    await fleet.ebay.clearLog();
    bed.say('30 pages alone');
    await enqueueAndWait(30, QUERY);
    const deep = timesOf(bed.arrivals(await fleet.calls()));
    await fleet.ebay.clearLog();
    await fleet.ebay.addListing({ title: 'zqplumbus deluxe', price: '9.99' });
    await enqueueAndWait(30, 'zqplumbus');
    const ended = (await fleet.calls()).length;
    await bed.clear();
    const firstAlone = (deep[1] ?? 0) - (deep[0] ?? 0);
    return [
      ...paceFigures('30 pages, from the first answer on', paceOf(deep.slice(1), 100), 0.95),
      beside('first page alone, ms until the second', firstAlone),
      exactly('calls when the first page ends the listing', ended, 1),
    ];

    async function enqueueAndWait(pages: number, query: string): Promise<void> {
      await outcomes(fleet, [await enqueue(fleet, deepSearch(query, pages))]);
    }
  },
};
