import { parseArgs } from 'node:util';
import { peers } from './peers.ts';
import { day, type Row, SCENARIOS } from './scenarios.ts';
import { warm } from './warm.ts';

export const HELP = `npm run bench -- tokens [--only cold,storm,…,warm,peers] [--day] [--peers FOLDER] [--json]
  One token for 8 real processes: ${Object.keys(SCENARIOS).join(', ')}, warm, peers.
  --day adds 24 hours at 1:60, which takes 24 minutes.
  --peers names a folder whose node_modules hold the other programs:
    npm install --prefix FOLDER ebay-api @smithy/core google-auth-library`;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      day: { type: 'boolean', default: false },
      peers: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const wanted = (name: string) => values.only === undefined || values.only.split(',').includes(name);
  const rows: Row[] = [];
  const note = (...more: Row[]) => {
    rows.push(...more);
    for (const { kept, scenario, figure } of more)
      process.stderr.write(`${kept ? 'kept  ' : 'MISSED'} ${scenario}: ${JSON.stringify(figure)}\n`);
  };
  for (const [name, scenario] of Object.entries(SCENARIOS)) if (wanted(name)) note(await scenario());
  if (wanted('warm')) note(...(await warm()));
  if (values.day) note(await day());
  const others = wanted('peers') ? await peers(values.peers) : [];
  if (values.json) console.log(JSON.stringify({ bench: 'tokens', rows, peers: others }, null, 2));
  else {
    console.table(rows.map(({ figure, ...row }) => ({ ...row, figure: JSON.stringify(figure) })));
    console.table(others);
  }
  return rows.every(({ kept }) => kept);
}
