import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { dashboardQueries } from '../../test/support/dashboard.ts';
import { alertNames, hasPrometheus, SCALE } from '../../test/support/prometheus.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { ACCIDENTS, type Accident } from './accidents.ts';
import { World } from './world.ts';

export const HELP = `npm run bench -- monitoring [--only ALERT[,ALERT…]] [--json]
  A real Prometheus watches three workers and dpf serve with the shipped rules, their times divided by ${SCALE}. Each alert must
  fire because something really breaks; then every query of the Grafana dashboard must have had data. Needs Debian's package
  prometheus.`;

/** Longest wait for an alert, ms: at most two windows of the slowest, on a busy machine. */
const PATIENCE_MS = 60_000;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (!hasPrometheus()) {
    console.error('prometheus and promtool are missing: apt-get install prometheus');
    return false;
  }
  const wanted = values.only?.split(',') ?? alertNames();
  const world = await World.start(3);
  try {
    await sleep(5000);
    // A rate needs a second event: one more token.
    await world.clearToken();
    await sleep(5000);
    const [counting] = await world.prometheus.query('count(count by (instance) (dpf_queue_jobs))');
    const results = [];
    for (const accident of ACCIDENTS)
      if (accident.alerts.some((alert) => wanted.includes(alert))) {
        const result = await happens(world, accident);
        process.stderr.write(`${JSON.stringify(result)}\n`);
        results.push(result);
      }
    const without = [];
    for (const { panel, query } of dashboardQueries('10s'))
      if (!(await world.prometheus.hadData(query, world.since))) without.push(`${panel}: ${query}`);
    const complaints = await complaintsAbout(world);
    const fired = results.flatMap((result) => result.fired);
    const figures = {
      alerts: wanted.length,
      fired: wanted.filter((alert) => fired.includes(alert)).length,
      notFired: wanted.filter((alert) => !fired.includes(alert)),
      processesThatCountQueues: counting?.value ?? 0,
      dashboardQueries: dashboardQueries('10s').length,
      dashboardQueriesWithoutData: without,
      promtoolComplaints: complaints,
    };
    if (values.json)
      console.log(JSON.stringify({ bench: 'monitoring', scale: SCALE, ...figures, results }, null, 2));
    else console.log(figures);
    return (
      figures.notFired.length + without.length + complaints.length === 0 &&
      figures.processesThatCountQueues === 1
    );
  } finally {
    await world.stop();
  }
}

/** Breaks, waits for the alerts, mends. Waits first until none of them fires because of something earlier. */
async function happens(world: World, accident: Accident) {
  const { prometheus } = world;
  const { alerts } = accident;
  const before = await waitFor(
    `silence of ${alerts}`,
    async () => {
      const firing = await prometheus.firing();
      return firing.some((alert) => alerts.includes(alert)) ? undefined : firing;
    },
    2 * PATIENCE_MS,
  );
  const began = Date.now();
  await accident.break(world);
  const seen = new Set<string>();
  while (Date.now() - began < PATIENCE_MS && alerts.some((alert) => !seen.has(alert))) {
    await accident.meanwhile?.(world);
    for (const alert of await prometheus.firing()) seen.add(alert);
    await sleep(250);
  }
  const seconds = (Date.now() - began) / 1000;
  await accident.mend(world);
  return { what: accident.what, fired: alerts.filter((alert) => seen.has(alert)), before, seconds };
}

/** What promtool has to say of the text of every process, each named. */
async function complaintsAbout(world: World): Promise<string[]> {
  const complaints: string[] = [];
  for (const { job, address, key } of world.targets) {
    const headers = new Headers(key === undefined ? {} : { authorization: `Bearer ${key}` });
    const input = await (await fetch(`http://${address}/metrics`, { headers })).text();
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    if (status !== 0 || !input.includes('dpf_')) complaints.push(`${job} ${address}: ${stdout}${stderr}`);
  }
  return complaints;
}
