import { numberFlags } from '../flags.ts';
import { storm } from './storm.ts';

export const HELP = `npm run bench -- reload [--seconds 10] [--rate 100] [--workers 3] [--json]
  Three workers share a file of settings and a file of tenants. While searches run, both files are renamed into place a
  hundred times a second, every other one broken in one of ten ways. No broken one may be applied, no search may notice,
  and every process must run the last valid one within two seconds.`;

const LIMIT_MS = 2000;

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { seconds: 10, rate: 100, workers: 3 });
  const figures = await storm(flags.seconds, flags.rate, flags.workers);
  if (flags.json) console.log(JSON.stringify({ bench: 'reload', ...figures }, null, 2));
  else console.table(figures);
  const { brokenApplied, disturbed, convergedMs, versions } = figures;
  return brokenApplied === 0 && disturbed === 0 && versions > 1 && convergedMs <= LIMIT_MS;
}
