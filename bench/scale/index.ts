import { numberFlags } from '../flags.ts';
import { measure } from './measure.ts';

export const HELP = `npm run bench -- scale [--workers 50] [--tenants 0] [--calls 400] [--idle 20] [--json]
  What a fleet costs its Redis: an idle worker, a call, a page that is kept. With --tenants that many further keysets.`;

export async function run(args: string[]): Promise<boolean> {
  const { workers, tenants, calls, idle, json } = numberFlags(args, {
    workers: 50,
    tenants: 0,
    calls: 400,
    idle: 20,
  });
  const figures = await measure({ workers, tenants, calls, idleS: idle });
  if (json) console.log(JSON.stringify({ bench: 'scale', workers, tenants, ...figures }, null, 2));
  else console.table({ workers, tenants, ...figures });
  return figures.complete === figures.searches;
}
