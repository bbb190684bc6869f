import { mkdirSync, writeFileSync } from 'node:fs';
import { median, percentile } from '../figures.ts';
import { numberFlags } from '../flags.ts';
import { type Evidence, judge, type Verdict } from './evidence.ts';
import { overlooked } from './planted.ts';
import { runChaos } from './run.ts';

export const HELP = `npm run bench -- chaos [--kills 200] [--searches 300] [--workers 4] [--every 2] [--hostile 0] [--json]
  Workers are SIGKILLed under load, every second time the one that next passes a barrier in the middle of its work; then every
  search is looked at.
  First the checker itself is shown a loss, a double, a wrong outcome, an event that is missing or told twice,
  a wasted call, a page that runs again late and two kills in a row, and must see each.
  With --hostile, a program beside it makes so many attacks a second with plain BullMQ, on searches under way: forged calls, ids
  that are keys of BullMQ, children, schedulers, oversized jobs (test/support/hostile.ts). No search may be affected.
  What there was to judge is kept in bench/results/chaos.json.`;

/** A page whose worker died runs again once its lock has run out and was looked at; see the worker's settings. */
const RERUN_LIMIT_MS = 15_000;

export async function run(args: string[]): Promise<boolean> {
  const { kills, searches, workers, every, hostile, json } = numberFlags(args, {
    kills: 200,
    searches: 300,
    workers: 4,
    every: 2,
    hostile: 0,
  });
  const checkerMissed = overlooked();
  if (checkerMissed.length > 0) throw new Error(`the checker does not see: ${checkerMissed.join(', ')}`);
  const pages = searches * 3;
  const seconds = kills * every;
  const evidence = await runChaos({
    kills,
    searches,
    workers,
    everyMs: every * 1000,
    hostile,
    // So that work is left for as long as there are kills, which now and then wait for a barrier; locks and checks are the
    // defaults.
    env: {
      MIN_API_CALL_INTERVAL: ((1.3 * seconds) / pages).toFixed(2),
      // Beside attacks a page is under way for longer, and may be hit by more kills in a row than fail it.
      ...(hostile > 0 && { WORKER_MAX_RESTARTS: '21' }),
    },
    progress: (line) => process.stderr.write(`\r${line} `),
  });
  process.stderr.write('\n');
  keep(evidence);
  const attacks = Object.values(evidence.attacks).reduce((sum, count) => sum + count, 0);
  const figures = { killsUnderLoad: killsUnderLoad(evidence), attacks, ...figuresOf(judge(evidence)) };
  if (json) console.log(JSON.stringify({ bench: 'chaos', kills, searches, workers, ...figures }, null, 2));
  else console.table(figures);
  const { lost, doubled, wrongOutcome, untold, toldTwice } = figures;
  const isWell = lost + doubled + wrongOutcome + untold + toldTwice === 0;
  return isWell && figures.isExcused && figures.isPrompt && figures.killsUnderLoad >= kills;
}

/** One after the last call shows nothing. */
function killsUnderLoad({ lives, calls }: Evidence): number {
  const lastCall = Math.max(...calls.map(({ at }) => at));
  return lives.filter(({ killedAt }) => killedAt !== null && killedAt < lastCall).length;
}

function keep(evidence: Evidence): void {
  const folder = new URL('../results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('chaos.json', folder), JSON.stringify(evidence));
}

function figuresOf(verdict: Verdict) {
  const { lost, doubled, wrongOutcome, untold, toldTwice, extraCalls, excusedCalls, rerunMs } = verdict;
  const none = rerunMs.length === 0;
  const p99 = none ? 0 : percentile(rerunMs, 0.99);
  return {
    lost: lost.length,
    doubled: doubled.length,
    wrongOutcome: wrongOutcome.length,
    untold: untold.length,
    toldTwice: toldTwice.length,
    affected: new Set([...lost, ...doubled, ...wrongOutcome, ...untold]).size,
    extraCalls,
    excusedCalls,
    isExcused: extraCalls <= excusedCalls,
    reruns: rerunMs.length,
    rerunMedianMs: none ? 0 : median(rerunMs),
    rerunP99Ms: p99,
    rerunMaxMs: Math.max(0, ...rerunMs),
    isPrompt: p99 <= RERUN_LIMIT_MS,
  };
}
