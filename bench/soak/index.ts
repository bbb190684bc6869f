import { mkdirSync, writeFileSync } from 'node:fs';
import { numberFlags } from '../flags.ts';
import { growthOf, isWithinLimits } from './growth.ts';
import { CYCLE_MS, soak } from './run.ts';

export const HELP = `npm run bench -- soak [--minutes 40] [--json]
  A worker at 70 % of its pace with a fault every minute; what grows is told an hour, with its 95 % interval: heap after
  collection, open files and sockets, keys that outlive all of a search. The first quarter does not count. The ten
  faults come in turns, so that at least two rounds of them must remain.`;

export async function run(args: string[]): Promise<boolean> {
  const { minutes, json } = numberFlags(args, { minutes: 40 });
  const warmup = (minutes / 4) * 60_000;
  const { samples, ...counts } = await soak(minutes, (line) => process.stderr.write(`${line}\n`));
  const growth = growthOf(
    samples.filter(({ at }) => at >= warmup),
    CYCLE_MS,
  );
  const figures = { ...counts, ...growth };
  const results = new URL('../results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('soak.json', results), JSON.stringify({ minutes, figures, samples }, null, 1));
  if (json) console.log(JSON.stringify({ bench: 'soak', minutes, ...figures }, null, 2));
  else console.table(figures);
  return isWithinLimits(growth);
}
