import { numberFlags } from '../flags.ts';
import { type Cost, CostBed, type Load } from './measure.ts';

export const HELP = `npm run bench -- redis-cost [--seconds 30] [--warm-up 5] [--pages 30] [--least 50] [--most 50] [--json]
  Redis commands and CPU a call at an interval of 0.1 s with 1 and with 8 workers and a backlog that outlasts the
  measurement, beside bare BullMQ in the same run. Commands within scripts count. JSON has the breakdown by command, and
  by script from 5 s of MONITOR.
  --pages          of each search
  --least, --most  ms until eBay answers, drawn for each call`;

/** Workers, and the most commands a call that they may cost. */
const PROMISED = [
  { workers: 1, most: 60 },
  { workers: 8, most: 100 },
];

interface Row {
  workers: number;
  most: number;
  ours: Cost;
  bare: Cost;
}

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { seconds: 30, 'warm-up': 5, pages: 30, least: 50, most: 50 });
  const load: Load = {
    seconds: flags.seconds,
    warmUpS: flags['warm-up'],
    pages: flags.pages,
    latencyMs: [flags.least, flags.most],
  };
  const rows = await CostBed.use(load, async (bed) => {
    const measured: Row[] = [];
    for (const { workers, most } of PROMISED)
      measured.push({ workers, most, ours: await bed.ours(workers), bare: await bed.bare(workers) });
    return measured;
  });
  const ok = rows.every(({ ours, most }) => ours.commandsPerCall <= most);
  if (flags.json) console.log(JSON.stringify({ bench: 'redis-cost', ok, rows }, null, 2));
  else rows.forEach(print);
  return ok;
}

function print({ workers, most, ours, bare }: Row): void {
  const line = ({ commandsPerCall, redisCpuMsPerCall, calls, share }: Cost) => ({
    commandsPerCall,
    redisCpuMsPerCall,
    calls,
    share,
  });
  console.log(`\n${workers} worker(s), promised: at most ${most} commands a call`);
  console.table({ ours: line(ours), 'bare BullMQ': line(bare) });
  console.table(ours.sent.slice(0, 15));
}
