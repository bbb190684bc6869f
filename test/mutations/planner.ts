import type { Mutation } from './mutation.ts';

const planner = ['test/unit/queue/watch/planner.test.ts'];
const rates = ['test/unit/queue/watch/changeRate.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'guarantees-unreserved',
    file: 'src/queue/watch/planner.ts',
    find: 'if (left - most < reserved - freed) continue;',
    replace: 'if (left < most) continue;',
    breaks:
      'Calls for guarantees that become due before the budget is renewed are not spent on anything else.',
    tests: planner,
  },
  {
    id: 'unseen-is-guaranteed',
    file: 'src/queue/watch/planner.ts',
    find: 'if (since >= longest * (1 - EARLY))',
    replace: 'if (since >= longest * (1 - EARLY) || unit.flows.some(({ seenUntil }) => seenUntil === null))',
    breaks: 'What nothing has been seen of takes no calls that guarantees need.',
    tests: planner,
  },
  {
    id: 'calls-for-nothing',
    file: 'src/queue/watch/planner.ts',
    find: 'const speed = Math.sqrt(weight / (2 * unit.calls));',
    replace: 'const speed = Math.sqrt(weight / 2);',
    breaks:
      'The price is the one at which the calls last until the budget is renewed, whatever a look costs.',
    tests: planner,
  },
  {
    id: 'no-jumps',
    file: 'src/queue/watch/changeRate.ts',
    find: 'for (const times of JUMPS)',
    replace: 'for (const times of [] as number[])',
    breaks: 'A rate that jumps to ten times is followed within six hours.',
    tests: rates,
  },
];
