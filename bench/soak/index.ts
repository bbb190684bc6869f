import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { growthOf, isWithinLimits } from './growth.ts';
import { CYCLE_MS, soak } from './run.ts';

export const HELP = `npm run bench -- soak [--minutes 40] [--warmup MINUTES] [--json]
  A worker at 70 % of its pace with a fault every minute; what grows is told an hour, with its 95 % interval. The first
  quarter does not count. The ten faults come in turns, so that at least two rounds of them must remain.`;

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
  const growth = growthOf(
    samples.filter(({ at }) => at >= warmup),
    CYCLE_MS,
  );
  const figures = { ...counts, ...growth };
  const results = new URL('../results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('soak.json', results), JSON.stringify({ minutes, figures, samples }, null, 1));
  if (values.json) console.log(JSON.stringify({ bench: 'soak', minutes, ...figures }, null, 2));
  else console.table(figures);
  return isWithinLimits(growth);
}
