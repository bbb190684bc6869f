import type { Fleet } from '../../../test/support/fleet.ts';
import type { Bed } from '../bed.ts';
import { costFigures, spent } from '../cost.ts';
import { backlog } from '../load.ts';
import { during, type Pace, paceFigures, paceOf, timesOf, WARM_UP_S } from '../measure.ts';
import { beside, exactly, type Figure, type Scenario } from '../scenario.ts';
import { paceAtClients } from '../stamps.ts';

const WORK_MS = 300;

export interface Faults {
  share401: number;
  share503: number;
}

export async function arm(fleet: Fleet, { share401, share503 }: Faults): Promise<void> {
  if (share401 > 0) await fleet.ebay.arm({ fault: 'expired-token', share: share401 });
  if (share503 > 0) await fleet.ebay.arm({ fault: 'status', status: 503, share: share503 });
}

async function cell(
  bed: Bed,
  cellOf: { processes: number; interval: number; seconds: number; faults: Faults },
): Promise<Figure[]> {
  const { processes, interval, seconds, faults } = cellOf;
  const label = `${processes} process${processes > 1 ? 'es' : ''}, ${interval} s`;
  const fleet = await bed.fleet(processes, { MIN_API_CALL_INTERVAL: String(interval) }, WORK_MS);
  await arm(fleet, faults);
  await backlog(fleet, (seconds + WARM_UP_S) / interval);
  await during(WARM_UP_S, bed.say, `${label} warms up`);
  const { lastSeq } = await fleet.ebay.state();
  const before = await spent(bed.redis, fleet.workers);
  await during(seconds, bed.say, label);
  const logged = await fleet.calls(lastSeq);
  const after = await spent(bed.redis, fleet.workers);
  const failed = await failedJobs(bed);
  const workers = [...fleet.workers];
  await bed.clear();
  const intervalMs = interval * 1000;
  const arrivals = timesOf(bed.arrivals(logged));
  const shortBy = (whose: string, { minGapMs, short }: Pace) =>
    beside(`${label}: the same by the ${whose} stamps (least ${minGapMs.toFixed(1)} ms)`, short);
  return [
    ...paceFigures(label, paceOf(arrivals, intervalMs), 0.98),
    shortBy('simulator’s own', paceOf(timesOf(logged), intervalMs)),
    shortBy('clients’', paceAtClients(workers, arrivals, intervalMs)),
    exactly(`${label}: jobs that failed`, failed, 0),
    ...costFigures(label, before, after, logged.length),
  ];
}

async function failedJobs({ redis }: Bed): Promise<number> {
  const [searches, calls] = await Promise.all(
    ['ebay-search', 'ebay-calls'].map((queue) => redis.zcard(`{ebay}:${queue}:failed`)),
  );
  return (searches ?? 0) + (calls ?? 0);
}

/** One row of the matrix each: 1, 4 and 8 processes at this interval. */
export const matrix: Scenario[] = [1, 0.2, 0.1].map((interval) => ({
  name: `matrix-${interval}`,
  title: `${interval} s, 5-page searches, 0–300 ms of work before each call, 2 % 401, 5 % 503`,
  // A call a second needs longer to tell anything.
  seconds: interval === 1 ? 40 : 20,
  async run(bed, seconds) {
    const figures: Figure[] = [];
    const faults = { share401: 0.02, share503: 0.05 };
    for (const processes of [1, 4, 8])
      figures.push(...(await cell(bed, { processes, interval, seconds, faults })));
    return figures;
  },
}));

export const revoked: Scenario = {
  name: 'revoked',
  title: 'the same with 10 % 401, each of which revokes the token',
  seconds: 20,
  async run(bed, seconds) {
    const faults = { share401: 0.1, share503: 0.05 };
    const figures = await cell(bed, { processes: 4, interval: 0.1, seconds, faults });
    // The promise for this one is no short gap and no failure.
    return figures.filter(({ what }) => !what.includes(': use of'));
  },
};
