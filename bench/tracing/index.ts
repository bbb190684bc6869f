import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startNode } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { SimulatorControl } from '../../test/support/simulatorControl.ts';
import { median, percentile } from '../figures.ts';
import { numberOf } from '../flags.ts';
import { collectOurs, FAST, PAGES_A_SEARCH, type Speed, timed } from '../throughput/speed.ts';

export const HELP = `npm run bench -- tracing [--rounds 15] [--searches 40] [--baseline FOLDER] [--json]
  What traces cost a worker: no interval, a simulator without latency, 5 pages of 200 items a search. In each round the same
  searches go to a worker without an SDK (off), to one with an SDK that throws its batches away (on), and with --baseline, a
  built checkout of a release without traces, to a worker of that one (without). The order changes from round to round.
  Ratios are of the runs of one round. functionsUs is the CPU time that the spans of a page take by themselves, µs.`;

/** The least parts of the pages a second without traces. */
const LEAST_OFF = 0.98;
const LEAST_ON = 0.9;

const WARM_UP_ROUNDS = 2;

type Kind = 'without' | 'off' | 'on';
type Measured = Speed & { commandsPerPage: number };
type Round = Record<Kind, Measured>;

const HERE = join(import.meta.dirname, '../..');
const SDK = new URL('./sdk.js', import.meta.url).href;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '15' },
      searches: { type: 'string', default: '40' },
      baseline: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [rounds, searches] = [numberOf('rounds', values.rounds), numberOf('searches', values.searches)];
  const { baseline } = values;
  const kinds: Kind[] = baseline === undefined ? ['off', 'on'] : ['without', 'off', 'on'];
  const folders = { without: baseline ?? HERE, off: HERE, on: HERE };
  const measured = await measure(kinds, folders, rounds, searches);
  const [first] = kinds as [Kind];
  const figures = {
    rounds,
    functionsUs: { off: functionsUs([]), on: functionsUs(['--import', SDK]) },
    medians: Object.fromEntries(kinds.map((kind) => [kind, mediansOf(measured.map((round) => round[kind]))])),
    ratios: Object.fromEntries(
      kinds.slice(1).map((kind) => [`${kind}/${first}`, ratiosOf(measured, kind, first)]),
    ),
  };
  if (values.json) console.log(JSON.stringify({ bench: 'tracing', ...figures }, null, 2));
  else {
    console.table(figures.medians);
    console.log('functionsUs', figures.functionsUs);
    for (const [name, ratios] of Object.entries(figures.ratios)) console.log(name, ratios);
  }
  const least = { without: 0, off: LEAST_OFF, on: LEAST_ON };
  return kinds.slice(1).every((kind) => ratiosOf(measured, kind, first).pagesPerSecond.median >= least[kind]);
}

function functionsUs(flags: string[]): number {
  const file = join(import.meta.dirname, 'functions.js');
  return Number(execFileSync(process.execPath, [...flags, file], { encoding: 'utf8' }));
}

async function measure(
  kinds: readonly Kind[],
  folders: Record<Kind, string>,
  rounds: number,
  searches: number,
): Promise<Round[]> {
  const redis = await startEmbeddedRedis();
  const connection = new Redis(redis.url);
  const simulator = startNode(['dist/main.js', 'simulate', '--port', '0', '--json']);
  const workers = new Map<Kind, { child: ChildProcess; env: Record<string, string> }>();
  try {
    const [, url = ''] = await simulator.waitForLine(/"url":"([^"]+)"/);
    const control = new SimulatorControl(url);
    await control.configure({ unsteady: STEADY });
    await control.quota({ limit: 10_000_000 });
    for (const kind of kinds) {
      const env = serviceEnv(redis.url, url, { ...FAST, QUEUE_PREFIX: `{${kind}}` });
      const child = fork(join(folders[kind], 'bench/throughput/ours.js'), [], {
        cwd: folders[kind],
        env: { PATH: process.env.PATH, ...env },
        execArgv: kind === 'on' ? ['--import', SDK] : [],
      });
      workers.set(kind, { child, env });
      await once(child, 'message');
    }
    const measured: Round[] = [];
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
      const order = kinds.map((_, index) => kinds[(index + round) % kinds.length] as Kind);
      const figures: Partial<Round> = {};
      for (const kind of round % 2 === 0 ? order : order.toReversed()) {
        const { child, env } = workers.get(kind) as { child: ChildProcess; env: Record<string, string> };
        const before = await commands(connection);
        const speed = await timed(child, searches, () => collectOurs(env, searches, round));
        const sent = (await commands(connection)) - before;
        figures[kind] = { ...speed, commandsPerPage: sent / (searches * PAGES_A_SEARCH) };
      }
      if (round >= WARM_UP_ROUNDS) measured.push(figures as Round);
      process.stderr.write(`\rround ${round + 1 - WARM_UP_ROUNDS} of ${rounds}   `);
    }
    process.stderr.write('\n');
    return measured;
  } finally {
    for (const { child } of workers.values()) child.kill('SIGKILL');
    connection.disconnect();
    await simulator.stop();
    await redis.stop();
  }
}

/** Commands that Redis has run, within scripts too. Of the queue's jobs only: how often somebody polls is chance. */
async function commands(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(?!info|ping|client|config|time)[^:]*:calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

function mediansOf(runs: readonly Measured[]): Measured {
  const of = (name: keyof Measured) => median(runs.map((each) => each[name]));
  return {
    pagesPerSecond: of('pagesPerSecond'),
    cpuMsPerPage: of('cpuMsPerPage'),
    commandsPerPage: of('commandsPerPage'),
  };
}

/** Of the same round: what slows the machine down slows both. Each as median and the middle 80 %; more is better. */
function ratiosOf(rounds: readonly Round[], kind: Kind, base: Kind) {
  const spread = (ratios: number[]) => ({
    median: median(ratios),
    from: percentile(ratios, 0.1),
    to: percentile(ratios, 0.9),
  });
  return {
    pagesPerSecond: spread(rounds.map((round) => round[kind].pagesPerSecond / round[base].pagesPerSecond)),
    cpu: spread(rounds.map((round) => round[base].cpuMsPerPage / round[kind].cpuMsPerPage)),
    commands: spread(rounds.map((round) => round[base].commandsPerPage / round[kind].commandsPerPage)),
  };
}
