import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Sample, soak } from './run.ts';
import { type Slope, slopeOf } from './slope.ts';

export const HELP = `npm run bench -- soak [--minutes 40] [--warmup MINUTES] [--json]
  A worker at 70 % of its pace with a fault every minute; what grows is told an hour, with its 95 % interval. The first
  quarter does not count.`;

/** Upper ends of the intervals. */
const LIMITS = { heapBytes: 1_000_000, handles: 0.1, keysShare: 0.01 };

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '40' },
      warmup: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const warmup = Number(values.warmup ?? minutes / 4) * 60_000;
  const { samples, ...counts } = await soak(minutes, (line) => process.stderr.write(`${line}\n`));
  const figures = { ...counts, ...slopes(samples.filter(({ at }) => at >= warmup)) };
  const results = new URL('../results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('soak.json', results), JSON.stringify({ minutes, figures, samples }, null, 1));
  if (values.json) console.log(JSON.stringify({ bench: 'soak', minutes, ...figures }, null, 2));
  else console.table(figures);
  const { heap, handles, keys } = figures;
  return (
    heap.high < LIMITS.heapBytes && handles.high < LIMITS.handles && keys.high / keys.mean < LIMITS.keysShare
  );
}

/** Handles and keys are looked at while no fault's turmoil holds some. */
function slopes(samples: Sample[]): Record<'heap' | 'handles' | 'keys', Slope> {
  const settled = samples.filter((sample) => sample.settled);
  return {
    heap: slopeOf(samples.map(({ at, heap }) => [at, heap])),
    handles: slopeOf(settled.map(({ at, handles }) => [at, handles])),
    keys: slopeOf(settled.map(({ at, keys }) => [at, keys])),
  };
}
