import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { freePort } from '../../test/support/freePort.ts';
import { builtProgram, type RunningProcess, startNode } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { type Accepted, callsNeeded, Load } from './load.ts';

const INTERVAL_S = 0.02;
const ENV = {
  LOG_FORMAT: 'json',
  MIN_API_CALL_INTERVAL: String(INTERVAL_S),
  DAILY_CALL_LIMIT: '1000000',
  HTTP_RATE_LIMIT: '1000000',
  NEWER_VERSION_DELAY: '1',
  SCHEDULE_MIN_INTERVAL: '1',
};
const SCHEDULE = { name: 'cases', every: 2, request: { query: 'phone case', maxItems: 10 } };

export interface Options {
  /** The program of 0.1. */
  old: string;
  workers: number;
  /** How long the load goes on before, between and after the replacements. */
  stepMs: number;
  everyMs: number;
  say(line: string): void;
}

/** A fleet of 0.1 under load is upgraded process by process, and then taken back to 0.1. */
export async function upgradeAndBack(options: Options) {
  const { old, workers, stepMs, say } = options;
  const fresh = builtProgram();
  const redis = await startTestRedis();
  const simulator = await startSimulator({
    catalogueScale: 0.1,
    unsteady: STEADY,
    latencyMs: 60,
  });
  simulator.controls.quota({ limit: 1_000_000 });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const port = await freePort();
  const env = serviceEnv(redis.url, simulator.url, { ...ENV, HTTP_PORT: String(port) });
  const processes: RunningProcess[] = [];
  const start = async (main: string, command: string) => {
    const process = startNode([main, command], env);
    processes.push(process);
    await process.waitForLine(command === 'serve' ? /"serving"/ : /"worker started"/);
    return process;
  };
  try {
    const fleet = await Promise.all(Array.from({ length: workers }, () => start(old, 'worker')));
    const adding = startNode([old, 'keys', 'add', 'bench', '--roles', 'enqueue,read,schedule,operate'], env);
    const [key = ''] = await adding.waitForLine(/dpf_live_\S+/);
    await adding.exit();
    let serve = await start(old, 'serve');
    const origin = `http://127.0.0.1:${port}`;
    const added = await fetch(`${origin}/v1/schedules`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(SCHEDULE),
    });
    if (!added.ok) throw new Error(`schedule: ${await added.text()}`);

    const replaceServe = async (main: string) => {
      const code = await serve.stop(30_000);
      serve = await start(main, 'serve');
      return code;
    };
    const codes: Array<number | null> = [];
    const phase = async (name: string, firstMark: number, steps: (load: Load) => Promise<void>) => {
      const load = new Load(connection, { origin, key, everyMs: options.everyMs, firstMark });
      try {
        say(name);
        load.start();
        await sleep(stepMs);
        await steps(load);
        await sleep(stepMs);
        await load.stop();
        say(`${name}: ${load.accepted.length} searches accepted`);
        await load.ends(180_000);
        return { accepted: load.accepted, refused: load.refused, isSame: await load.isSameAgain() };
      } finally {
        await load.close();
      }
    };

    const forward = await phase('upgrade', 0, async () => {
      for (const [place, worker] of fleet.entries()) {
        say(`worker ${place + 1} of ${workers} to this release`);
        codes.push(await worker.stop(60_000));
        fleet[place] = await start(fresh, 'worker');
        await sleep(stepMs);
      }
      say('serve to this release');
      codes.push(await replaceServe(fresh));
    });
    const calls = callsOf(simulator);
    const searches = new Queue('ebay-search', { connection, prefix: '{ebay}' });
    const callQueue = new Queue('ebay-calls', { connection, prefix: '{ebay}' });
    const back = await phase('way back', 1_000_000, async () => {
      say('serve to 0.1');
      codes.push(await replaceServe(old));
      await searches.pause();
      say('searches paused; waiting for calls');
      await waitFor(
        'no call to be left',
        async () => {
          const counts = await callQueue.getJobCounts('active', 'wait', 'prioritized', 'delayed');
          return Object.values(counts).every((count) => count === 0);
        },
        120_000,
      );
      for (const [place, worker] of fleet.entries()) {
        say(`worker ${place + 1} of ${workers} to 0.1`);
        codes.push(await worker.stop(60_000));
        fleet[place] = await start(old, 'worker');
      }
      await searches.resume();
      say('resumed');
    });
    const backCalls = callsOf(simulator).slice(calls.length);
    const events = await eventsBySearch(connection);
    const runs = await fetch(`${origin}/v1/schedules/cases`, { headers: { authorization: `Bearer ${key}` } });
    const { runs: scheduledRuns } = (await runs.json()) as { runs: number };
    await Promise.all([searches.close(), callQueue.close()]);
    return {
      upgrade: figuresOf(forward, calls, events),
      back: figuresOf(back, backCalls, events),
      exitCodes: codes,
      scheduledRuns,
      isKept: forward.isSame && back.isSame && scheduledRuns > 0 && codes.every((code) => code === 0),
      errors: processes.flatMap(({ output }) =>
        output.split('\n').filter((line) => /"level":"error"/.test(line)),
      ),
    };
  } finally {
    await Promise.all(processes.map((process) => process.stop(20_000)));
    connection.disconnect();
    await simulator.close();
    await redis.stop();
  }
}

interface Call {
  at: number;
  what: string;
  mark: string | undefined;
}

function callsOf(simulator: Simulator): Call[] {
  return simulator.controls
    .log()
    .filter(({ kind }) => kind === 'search' || kind === 'item')
    .map(({ at, kind, path, query, marketplace }) => {
      const mark = /price:\[\.\.(\d+)\]/.exec(query.filter ?? '')?.[1];
      return { at, mark, what: kind === 'item' ? path : `${mark} ${marketplace} ${query.offset ?? 0}` };
    });
}

export type Figures = ReturnType<typeof figuresOf>;

function figuresOf(
  { accepted, refused }: { accepted: Accepted[]; refused: string[] },
  calls: readonly Call[],
  events: ReadonlyMap<string, number>,
) {
  const marks = new Set(accepted.map(({ mark }) => mark));
  const own = calls.filter(({ mark }) => mark !== undefined && marks.has(mark));
  const times = new Map<string, number>();
  for (const { what } of own) times.set(what, (times.get(what) ?? 0) + 1);
  const items = calls.filter(({ what }) => what.startsWith('/')).length;
  const wrong = accepted.filter(({ wrong }) => wrong !== undefined);
  return {
    accepted: accepted.length,
    refused,
    ended: accepted.length - wrong.length,
    lost: wrong.map(({ id, wrong }) => `${id}: ${wrong}`),
    callsNeeded: callsNeeded(accepted),
    callsMade: own.length + items,
    doubled: [...times].filter(([, count]) => count > 1).map(([what, count]) => `${what}: ${count}`),
    otherThanOneEnd: accepted
      .filter(({ id }) => events.get(id) !== 1)
      .map(({ id }) => `${id}: ${events.get(id)}`),
    // At the simulator, so jitter of a busy machine is in it.
    mostCallsInASecond: Math.max(
      0,
      ...calls.map(({ at }, index) => calls.slice(index).filter((other) => other.at < at + 1000).length),
    ),
    permittedInASecond: 1 / INTERVAL_S,
  };
}

/** How many ends of each search the stream of events has. */
async function eventsBySearch(redis: Redis): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const [, fields] of await redis.xrange('{ebay}:events', '-', '+')) {
    const { type, searchId } = JSON.parse(fields[fields.indexOf('data') + 1] as string) as Record<
      string,
      string
    >;
    if (type?.startsWith('search.'))
      counts.set(searchId as string, (counts.get(searchId as string) ?? 0) + 1);
  }
  return counts;
}
