import { setTimeout as sleep } from 'node:timers/promises';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openQueues } from '../../src/queue/bullmq/openQueues.ts';
import { fraction } from '../../src/simulator/random.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { freePort } from '../../test/support/freePort.ts';
import { isQuiet } from '../../test/support/isQuiet.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { connectTo, startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import type { Options, Row } from './index.ts';

export const NAME = 'leader';

/** A simulated minute, ms. */
const MINUTE = 5000;
const AT_MOST_EVERY = 2 * MINUTE;
const AT_LEAST_EVERY = 8 * MINUTE;
/** A killed worker's searches go on elsewhere after this, ms: WORKER_LOCK_DURATION and WORKER_STALLED_INTERVAL twice. */
const HANDOVER = 8000;
/** A look that was claimed before a kill begins so much later at most, ms: the next process plans, and finds it. */
const TAKEOVER = 4000;
const SCHEDULES = 30;
const WORKERS = 3;

/**
 * The process that plans is killed (SIGKILL) at some moment of every simulated minute, and another one started in its place.
 * Counted are the calls that the simulator saw, and the looks that they belong to: two looks within `atMostEvery`, less what
 * the first may have been late, are a doubled one, and a schedule without a call for longer than its guarantee and the handover of a killed worker's jobs is
 * forgotten. A call that was under way in a killed process is made again for the same look.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const minutes = quick ? 8 : 24;
  const names = Array.from({ length: SCHEDULES }, (_, index) => `k${String(index).padStart(4, '0')}`);
  const redis = await startTestRedis();
  const queries = names.map((words, index) => ({ words, perDay: 20 * (1 + (index % 7)), listings: 3 }));
  const market = { seed, dayMs: 1440 * MINUTE, queries };
  const simulator = await startSimulator({ catalogueScale: 0, unsteady: STEADY, market });
  simulator.controls.quota({ limit: 1_000_000 });
  const env = serviceEnv(redis.url, simulator.url, {
    MIN_API_CALL_INTERVAL: '0.005',
    DAILY_CALL_LIMIT: '1000000',
    SCHEDULE_MIN_INTERVAL: '1',
    PLAN_INTERVAL: '0.04',
    PLAN_DAY: String((1440 * MINUTE) / 1000),
    // A look in four minutes on average.
    PLAN_DAILY_CALLS: String(SCHEDULES * 360),
    EBAY_CALL_TIMEOUT: '2.5',
    WORKER_LOCK_DURATION: '3',
    WORKER_STALLED_INTERVAL: '1',
    // Calls that were killed are no sign of trouble at eBay.
    CIRCUIT_MIN_CALLS: '1000000',
    RESULTS_TTL: '3600',
    LOG_LEVEL: 'error',
    LOG_LEVELS: 'worker=info',
  });
  const producer = openProducer(loadConfig({ env, files: [] }), { log: quietLog() });
  const connection = connectTo(redis.url);
  const { searches, close } = openQueues(connection, '{ebay}', 'default');
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(env)));
  const kills: number[] = [];
  try {
    await producer.ready();
    const auto = { atLeastEvery: AT_LEAST_EVERY / 1000, atMostEvery: AT_MOST_EVERY / 1000 };
    for (const name of names) {
      const request = { query: name, sort: 'newlyListed', maxItems: 50, track: name } as const;
      await producer.schedule.add({ name, auto, request });
    }
    const began = Date.now();
    await waitFor(
      'the first looks',
      () => simulator.controls.log({ kind: 'search' }).length >= SCHEDULES,
      30_000,
    );
    for (let minute = 1; minute <= minutes; minute += 1) {
      await sleep(Math.max(0, began + (minute + 0.8 * fraction(seed, 'kill', minute)) * MINUTE - Date.now()));
      const leader = await waitFor('a process that plans', () => planning(workers));
      leader.process.signal('SIGKILL');
      await leader.process.exit();
      kills.push(Date.now());
      workers[workers.indexOf(leader)] = await startWorker(env);
    }
    await sleep(AT_LEAST_EVERY);
    for (const name of names) await producer.schedule.pause(name);
    const until = Date.now();
    await waitFor('no search', () => isQuiet(searches));

    const calls = simulator.controls.log({ kind: 'search' });
    const jobs = await searches.getJobs(['completed', 'failed']);
    let [doubled, repeated, unexplained, forgotten, looks, longest] = [0, 0, 0, 0, 0, 0];
    for (const name of names) {
      const times = calls.filter(({ query }) => query.q === name).map(({ time }) => time);
      const added = jobs
        .filter(({ id }) => id?.startsWith(`look_${name}_`))
        .map(({ timestamp }) => timestamp)
        .sort((one, other) => one - other);
      looks += added.length;
      const closeLooks = added.filter(
        (at, index) => index > 0 && at - (added[index - 1] as number) < AT_MOST_EVERY - TAKEOVER,
      );
      // A call is made again only for the process that was killed with it.
      const again = times.filter((at, index) =>
        kills.some(
          (kill) => at - kill > 0 && at - kill < HANDOVER && (times[index - 1] ?? 0) > kill - HANDOVER,
        ),
      );
      const excess = times.length - added.length;
      repeated += Math.max(0, excess);
      doubled += closeLooks.length;
      unexplained += Math.max(0, excess - again.length);
      const gaps = [...times, until].map(
        (at, index) => at - (index === 0 ? began : (times[index - 1] as number)),
      );
      const most = Math.max(...gaps);
      longest = Math.max(longest, most);
      if (most > AT_LEAST_EVERY + HANDOVER) forgotten += 1;
    }
    const note = (name: string, value: number): Row => ({ name, value, required: '', met: null });
    return [
      note('schedules', SCHEDULES),
      note('kills of the process that plans, one a simulated minute', kills.length),
      note('looks', looks),
      note('calls in the simulator’s log', calls.length),
      note('calls made again because their process was killed', repeated),
      { name: 'doubled looks', value: doubled, required: '0', met: doubled === 0 },
      {
        name: 'calls that belong to no look and to no killed process',
        value: unexplained,
        required: '0',
        met: unexplained === 0,
      },
      { name: 'forgotten schedules', value: forgotten, required: '0', met: forgotten === 0 },
      note('longest time without a call ÷ atLeastEvery', Number((longest / AT_LEAST_EVERY).toFixed(2))),
    ];
  } finally {
    await Promise.all(workers.map(({ process }) => process.stop()));
    await close();
    connection.disconnect();
    await producer.close();
    await simulator.close();
    await redis.stop();
  }
}

interface WorkerProcess {
  process: RunningProcess;
  metrics: string;
}

async function startWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const port = await freePort();
  const process = startDpf(['worker'], { ...env, METRICS_PORT: String(port) });
  await process.waitForLine(/worker started/);
  return { process, metrics: `http://127.0.0.1:${port}/metrics` };
}

/** The one that plans: it alone shows the calls that are left. */
async function planning(workers: readonly WorkerProcess[]): Promise<WorkerProcess | undefined> {
  for (const worker of workers) {
    const text = await fetch(worker.metrics).then(
      (response) => response.text(),
      () => '',
    );
    if (/^dpf_plan_calls_left\{/m.test(text)) return worker;
  }
  return undefined;
}
