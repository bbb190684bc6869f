import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { numberOf } from '../flags.ts';
import { buildOldRelease } from './old.ts';
import { recordOldFleet } from './record.ts';
import { type Figures, upgradeAndBack } from './run.ts';

export const HELP = `npm run bench -- upgrade [--workers 2] [--step 8] [--every 0.08] [--old FOLDER] [--record FILE] [--json]
  A fleet of release 0.1, built from git, is upgraded process by process under load, workers first, and then taken back, in
  the order of docs/operations.md. --step: seconds of load before, between and after the replacements; --every: seconds
  between two searches; --old: a folder where 0.1 was built before, as its repository has it.
  --record writes what a killed worker of 0.1 leaves in Redis, as test/integration/queue/oldFleet.ndjson has it.`;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      workers: { type: 'string', default: '2' },
      step: { type: 'string', default: '8' },
      every: { type: 'string', default: '0.08' },
      old: { type: 'string', default: '' },
      record: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const old = await buildOldRelease(values.old, say);
  try {
    if (values.record !== undefined) {
      writeFileSync(values.record, await recordOldFleet(old.main));
      return true;
    }
    const conditions = {
      workers: numberOf('workers', values.workers),
      stepMs: numberOf('step', values.step) * 1000,
      everyMs: numberOf('every', values.every) * 1000,
    };
    const found = await upgradeAndBack({ ...conditions, old: old.main, say });
    if (values.json) console.log(JSON.stringify({ bench: 'upgrade', ...conditions, ...found }, null, 2));
    else {
      const brief = (figures: Figures) =>
        Object.fromEntries(
          Object.entries(figures).map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
        );
      console.table({ upgrade: brief(found.upgrade), back: brief(found.back) });
    }
    return found.isKept && [found.upgrade, found.back].every(isSound);
  } finally {
    await old.remove();
  }
}

/** Nothing lost, nothing doubled. */
function isSound({ lost, doubled, refused, otherThanOneEnd, callsMade, callsNeeded }: Figures): boolean {
  return (
    lost.length + doubled.length + refused.length + otherThanOneEnd.length === 0 && callsMade === callsNeeded
  );
}
