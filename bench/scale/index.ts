import { parseArgs } from 'node:util';
import { measure } from './measure.ts';

const HELP = `npm run bench -- scale [--workers 50] [--tenants 0] [--calls 400] [--idle 20] [--json]
  What a fleet costs its Redis: an idle worker, a call, a page that is kept. With --tenants that many further keysets.`;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      workers: { type: 'string', default: '50' },
      tenants: { type: 'string', default: '0' },
      calls: { type: 'string', default: '400' },
      idle: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const [workers, tenants, calls, idleS] = [values.workers, values.tenants, values.calls, values.idle].map(
    Number,
  ) as [number, number, number, number];
  const figures = await measure({ workers, tenants, calls, idleS });
  if (values.json) console.log(JSON.stringify({ bench: 'scale', workers, tenants, ...figures }, null, 2));
  else console.table({ workers, tenants, ...figures });
  return figures.complete === figures.searches;
}
