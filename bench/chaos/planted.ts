import type { SearchReport } from '../../src/queue/searchReader.ts';
import { type Evidence, judge, type Verdict } from './evidence.ts';

/** A run of one search of one page in which everything went well. */
export function goodRun(): Evidence {
  return {
    searches: [{ searchId: 's', pages: 1, items: 2, report: report('complete', 1), products: ['a', 'b'] }],
    calls: [{ at: 2, page: 's 1' }],
    lives: [
      {
        journal: [
          { at: 1, what: 'start', page: 's 1' },
          { at: 1, what: 'call', page: 's 1' },
          { at: 3, what: 'stored', page: 's 1' },
          { at: 4, what: 'done', page: 's 1' },
        ],
        killedAt: 5,
      },
    ],
    turns: [{ at: 1, event: 'active', page: 's 1' }],
    attacks: {},
    events: [{ id: 'e', type: 'search.completed', searchId: 's' }],
  };
}

function report(outcome: string, pages: number): SearchReport {
  return { searchId: 's', state: 'done', progress: null, error: null, summary: { outcome, pages } as never };
}

/** What the checker must see in a run that was good but for it. */
const PLANTED: Record<string, { plant(run: Evidence): void; isSeen(verdict: Verdict): boolean }> = {
  'a lost search': {
    plant: (run) => Object.assign(first(run), { report: null }),
    isSeen: ({ lost }) => lost.length === 1,
  },
  'a product stored twice': {
    plant: (run) => first(run).products.push('a'),
    isSeen: ({ doubled }) => doubled.length === 1,
  },
  'a wrong outcome': {
    plant: (run) => Object.assign(first(run), { report: report('partial', 1) }),
    isSeen: ({ wrongOutcome }) => wrongOutcome.length === 1,
  },
  'a missing product': {
    plant: (run) => first(run).products.pop(),
    isSeen: ({ wrongOutcome }) => wrongOutcome.length === 1,
  },
  'an end that was not told': {
    plant: (run) => run.events.pop(),
    isSeen: ({ untold }) => untold.length === 1,
  },
  'an event told twice': {
    plant: (run) => run.events.push({ id: 'e', type: 'search.completed', searchId: 's' }),
    isSeen: ({ toldTwice }) => toldTwice.length === 1,
  },
  'a wasted call': {
    plant: (run) => run.calls.push({ at: 9, page: 's 1' }),
    isSeen: ({ extraCalls, excusedCalls }) => extraCalls > excusedCalls,
  },
  'a second call for an answer that never reached a killed process': {
    plant: (run) => dieOverCall(run, 2),
    isSeen: ({ extraCalls, excusedCalls, rerunMs }) =>
      extraCalls === 1 && excusedCalls === 1 && rerunMs[0] === 4,
  },
  'a page that ran again late': {
    plant: (run) => dieOverCall(run, 2, [20_000]),
    isSeen: ({ rerunMs }) => rerunMs.join() === '19995',
  },
  'two kills in a row, the second before a first line': {
    plant: (run) => {
      dieOverCall(run, 2, [12_000, 24_000]);
      run.lives.push({ journal: [], killedAt: 12_100 });
    },
    isSeen: ({ rerunMs }) => rerunMs.join() === '11995,11900',
  },
  'a page that was put off after a kill': {
    plant: (run) => {
      dieOverCall(run, 2, [12_000, 14_000]);
      run.turns = run.turns.filter(({ at, event }) => event === 'active' || at < 14_000);
    },
    isSeen: ({ rerunMs }) => rerunMs.join() === '13995',
  },
  'a second call although the first never left the killed process': {
    plant: (run) => dieOverCall(run, 9),
    isSeen: ({ extraCalls, excusedCalls }) => extraCalls === 1 && excusedCalls === 0,
  },
};

/** The process dies with the call open; the last of those that the page is then given to makes it again. */
function dieOverCall(run: Evidence, firstArrival: number, takenAt = [9]): void {
  const [life] = run.lives as [Evidence['lives'][number]];
  life.journal.splice(2);
  const at = takenAt.at(-1) as number;
  run.calls = [firstArrival, at + 1].map((arrival) => ({ at: arrival, page: 's 1' }));
  run.turns.push(
    ...takenAt.flatMap((taken) => [
      { at: taken, event: 'stalled' as const, page: 's 1' },
      { at: taken, event: 'active' as const, page: 's 1' },
    ]),
  );
  run.lives.push({
    journal: (['start', 'call', 'stored', 'done'] as const).map((what) => ({ at, what, page: 's 1' })),
    killedAt: null,
  });
}

function first({ searches }: Evidence): Evidence['searches'][number] {
  return searches[0] as Evidence['searches'][number];
}

/** Shows the checker what it has to see; returns what it overlooks, or sees where there is nothing. */
export function overlooked(): string[] {
  const clean = judge(goodRun());
  const { lost, doubled, wrongOutcome, untold, toldTwice, rerunMs } = clean;
  const claims = [...lost, ...doubled, ...wrongOutcome, ...untold, ...toldTwice, ...rerunMs];
  const missed = Object.entries(PLANTED).flatMap(([what, { plant, isSeen }]) => {
    const run = goodRun();
    plant(run);
    return isSeen(judge(run)) ? [] : [what];
  });
  return claims.length + clean.extraCalls + clean.excusedCalls === 0 ? missed : ['a good run', ...missed];
}
