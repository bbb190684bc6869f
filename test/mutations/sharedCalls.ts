import type { Mutation } from './mutation.ts';

const SPLIT = 'src/queue/watch/sharedCalls.ts';
const LOOKS = 'src/queue/watch/sharedLooks.ts';
const unit = ['test/unit/queue/watch/sharedCalls.test.ts'];
const onQueue = ['test/integration/queue/watch/sharedCalls.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'shared-without-reach',
    file: SPLIT,
    find: 'if (page.hasNext && !reachesBackTo(seen - margin, dates))',
    replace: 'if (false)',
    breaks: 'A shared answer that does not reach back to what a member has seen is not split.',
    tests: unit,
  },
  {
    id: 'shared-similar-words',
    file: SPLIT,
    find: "else if (fit === 'similar' || (fit === 'no' && !isExplained[index])) return 'unsure';",
    replace: '',
    breaks: 'A member makes a call of its own where a product may be found for it by another word.',
    tests: unit,
  },
  {
    id: 'shared-query-cut',
    file: SPLIT,
    find: 'jointQuery([...words, word]).length <= MAX_QUERY_LENGTH',
    replace: 'words.length < 40',
    breaks: 'The query of a group is never longer than eBay reads.',
    tests: unit,
  },
  {
    id: 'shared-changed-member',
    file: LOOKS,
    find: 'const isSame = own?.request === requestHash(request) && joint !== undefined;',
    replace: 'const isSame = joint !== undefined;',
    breaks: 'A schedule that was changed while a shared look ran is left out of it.',
    tests: onQueue,
    grep: 'left out of a look',
  },
];
