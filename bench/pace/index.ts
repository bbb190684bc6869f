import { parseArgs } from 'node:util';
import { Bed } from './bed.ts';
import { undisturbed } from './host.ts';
import { beside, type Figure, type Scenario } from './scenario.ts';
import { fast } from './scenarios/fast.ts';
import { killed } from './scenarios/faults.ts';
import { matrix, revoked } from './scenarios/matrix.ts';
import { outage, redisStopped } from './scenarios/outage.ts';
import { peers } from './scenarios/peers.ts';
import { backfillStop } from './scenarios/priority.ts';
import { day, expiry, otherProgram } from './scenarios/quota.ts';
import { changed, lookAhead } from './scenarios/steady.ts';
import { throttle } from './scenarios/throttle.ts';

const SCENARIOS: Scenario[] = [
  ...matrix,
  revoked,
  fast,
  peers,
  killed,
  changed,
  lookAhead,
  day,
  backfillStop,
  otherProgram,
  expiry,
  throttle,
  outage,
  redisStopped,
];

/** With `--quick` everything is measured for a third of its time. */
const QUICK = 1 / 3;

export const HELP = `npm run bench -- pace [--only NAME[,NAME]] [--seconds N] [--quick] [--json]

  The call gate under load: real workers against the simulator, judged by its log of arrivals, each at the time of its
  packet (as root with tcpdump). A scenario from which the host took much of the machine is measured again, twice at most.
  --only     these scenarios alone (matrix: all whose name begins so): ${SCENARIOS.map(({ name }) => name).join(', ')}
  --seconds  time to measure each for (default: 8 to 60 s, all of it about 17 minutes)
  --quick    a third of the time; the figures mean less
  --json     all figures as JSON`;

interface Result {
  scenario: string;
  title: string;
  command: string;
  seconds: number;
  ok: boolean;
  figures: Figure[];
}

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const chosen = choose(values.only);
  const secondsOf = ({ seconds }: Scenario) =>
    values.seconds === undefined ? Math.ceil(seconds * (values.quick ? QUICK : 1)) : Number(values.seconds);
  const results = await runAll(chosen, secondsOf, values.json);
  const ok = results.every((result) => result.ok);
  if (values.json) console.log(JSON.stringify({ bench: 'pace', ok, results }, null, 2));
  return ok;
}

function choose(only: string | undefined): Scenario[] {
  if (only === undefined) return SCENARIOS;
  return only.split(',').flatMap((wanted) => {
    const scenarios = SCENARIOS.filter(({ name }) => name === wanted || name.startsWith(`${wanted}-`));
    if (scenarios.length === 0) throw new Error(`no scenario is called ${wanted}\n\n${HELP}`);
    return scenarios;
  });
}

async function runAll(
  scenarios: Scenario[],
  secondsOf: (scenario: Scenario) => number,
  json: boolean,
): Promise<Result[]> {
  const bed = await Bed.make(progressLine());
  const interrupted = async () => {
    await bed.end();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const results: Result[] = [];
  try {
    for (const scenario of scenarios) {
      const result = await runOne(bed, scenario, secondsOf(scenario));
      results.push(result);
      if (!json) printResult(result);
    }
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    bed.say('');
    await bed.end();
  }
  return results;
}

async function runOne(bed: Bed, scenario: Scenario, seconds: number): Promise<Result> {
  const { name, title } = scenario;
  const command = `npm run bench -- pace --only ${name} --seconds ${seconds}`;
  const about = { scenario: name, title, command, seconds };
  try {
    const { result, stolen, run } = await undisturbed(() => scenario.run(bed, seconds));
    const figures = [...result, beside(`taken by the host in run ${run}, ms a second`, stolen)];
    return { ...about, ok: figures.every(({ ok }) => ok), figures };
  } catch (error) {
    await bed.clear();
    const what = { what: 'ran to its end', measured: String(error), bar: 'yes', ok: false };
    return { ...about, ok: false, figures: [what] };
  } finally {
    bed.say('');
  }
}

function printResult({ scenario, title, figures }: Result): void {
  console.log(`\n${scenario}: ${title}`);
  const width = Math.max(...figures.map(({ what }) => what.length));
  for (const { what, measured, bar, ok } of figures) {
    const verdict = bar === '' ? '' : ` (${bar}) ${ok ? 'ok' : 'MISSED'}`;
    console.log(`  ${what.padEnd(width)}  ${measured}${verdict}`);
  }
}

/** One line on stderr that is written over; without a terminal nothing. */
function progressLine(): (line: string) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (line) => process.stderr.write(`\r\x1b[2K${line}`);
}
