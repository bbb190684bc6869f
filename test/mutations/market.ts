import type { Mutation } from './mutation.ts';

const tests = ['test/unit/simulator/market.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'late-question',
    file: 'src/simulator/market/pool.ts',
    find: 'this.due = this.dueAfter(at);',
    replace: 'this.due = this.dueAfter(now);',
    breaks: 'What happens in a market does not depend on when it is asked for.',
    tests,
  },
  {
    id: 'too-early',
    file: 'src/simulator/market/pool.ts',
    find: 'Math.floor(at) <= now;',
    replace: 'Math.floor(at) <= now + 1;',
    breaks: 'Nothing shows before its time.',
    tests,
  },
  {
    id: 'old-result',
    file: 'src/simulator/search/search.ts',
    find: 'catalogue.versionFor(asked)',
    replace: 'catalogue.version',
    breaks: 'A search of a market shows what has happened since it was asked last.',
    tests,
  },
];
