import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { numberOf } from '../flags.ts';

export const HELP = `npm run bench -- freshness [--part NAME,…] [--seed NUMBER] [--quick] [--json]
  How soon changes are seen with a day's calls, and what the planner costs. Without --part: all parts, one after the other.
  --quick: fewer schedules or days, for a first look; its figures are not judged as strictly.`;

/** What every part gets. */
export interface Options {
  /** Base of all random numbers: the same seed gives the same trace. */
  readonly seed: number;
  /** A smaller run. */
  readonly quick: boolean;
}

/** One figure. */
export interface Row {
  readonly name: string;
  readonly value: number | string;
  /** What is required, in words; empty where the figure is for information. */
  readonly required: string;
  /** Whether the requirement is met; null where there is none. */
  readonly met: boolean | null;
}

interface Part {
  readonly NAME: string;
  run(options: Options): Promise<Row[]>;
}

/** Every file of this folder that exports `NAME` and `run` is a part. */
async function parts(): Promise<Part[]> {
  const here = new URL('./', import.meta.url);
  const files = readdirSync(here).filter((file) => file.endsWith('.ts') && file !== 'index.ts');
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, here).href) as Promise<Partial<Part>>),
  );
  return modules.filter(
    (found): found is Part => typeof found.NAME === 'string' && typeof found.run === 'function',
  );
}

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      part: { type: 'string' },
      seed: { type: 'string', default: '20260419' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const options: Options = { seed: numberOf('seed', values.seed), quick: values.quick };
  const all = await parts();
  const wanted = values.part?.split(',') ?? all.map(({ NAME }) => NAME);
  const unknown = wanted.filter((name) => !all.some(({ NAME }) => NAME === name));
  if (unknown.length > 0)
    throw new TypeError(`--part knows ${all.map(({ NAME }) => NAME).join(', ')}, not ${unknown.join(', ')}`);

  const rows: Array<Row & { part: string }> = [];
  for (const { NAME, run } of all.filter(({ NAME }) => wanted.includes(NAME))) {
    process.stderr.write(`${NAME} …\n`);
    for (const row of await run(options)) {
      rows.push({ part: NAME, ...row });
      process.stderr.write(
        `${word(row.met)} ${row.name}: ${row.value}${row.required && ` (${row.required})`}\n`,
      );
    }
  }
  if (values.json) console.log(JSON.stringify({ bench: 'freshness', seed: options.seed, rows }, null, 2));
  else console.table(rows);
  return rows.every(({ met }) => met !== false);
}

function word(met: boolean | null): string {
  if (met === null) return '      ';
  return met ? 'kept  ' : 'MISSED';
}
