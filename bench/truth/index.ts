import { randomFrom } from '../../src/simulator/random.ts';
import { type Comparison, compareWithOracle } from '../../test/support/listings.ts';
import { numberFlags } from '../flags.ts';

export const HELP = `npm run bench -- truth [--cases 1000000] [--seed 1] [--json]
  Searches of made-up listings beside an oracle that knows the whole listing: 0 to 3,000 places, repeats to 60 %, short
  pages, lowered limits, empty pages in the middle, a drifting total, conditions that fit 0 to 100 %, pages in any
  interleaving. Outcome, stoppedBy, lookedAt and products must agree; calls are compared with the fewest.`;

/** Calls of the searches without a bad page, as a part of the fewest. */
const MOST_SPENT = 1.05;

/** Cases between two lines of progress. */
const ROUND = 10_000;

export async function run(args: string[]): Promise<boolean> {
  const { cases, seed, json } = numberFlags(args, { cases: 1_000_000, seed: 1 });
  const random = randomFrom(seed);
  const total: Comparison = { disagreements: [], spent: 0, needed: 0, ends: {} };
  const startedAt = performance.now();
  for (let done = 0; done < cases; done += ROUND) {
    const round = compareWithOracle(Math.min(ROUND, cases - done), random);
    total.disagreements.push(...round.disagreements);
    total.spent += round.spent;
    total.needed += round.needed;
    for (const [end, count] of Object.entries(round.ends)) total.ends[end] = (total.ends[end] ?? 0) + count;
    process.stderr.write(`\r${done + ROUND} of ${cases} cases, ${total.disagreements.length} disagree `);
    // Lets Ctrl-C through.
    await new Promise(setImmediate);
  }
  process.stderr.write('\n');
  const figures = {
    cases,
    seed,
    disagreements: total.disagreements.length,
    spentOfNeeded: Number((total.spent / total.needed).toFixed(4)),
    seconds: Math.round((performance.now() - startedAt) / 1000),
    ends: total.ends,
  };
  const ok = figures.disagreements === 0 && figures.spentOfNeeded <= MOST_SPENT;
  const first = total.disagreements.slice(0, 3);
  if (json) console.log(JSON.stringify({ bench: 'truth', ok, ...figures, first }, null, 2));
  else {
    const { ends, ...rest } = figures;
    console.table(rest);
    console.table(ends);
    for (const disagreement of first) console.log(disagreement);
  }
  return ok;
}
