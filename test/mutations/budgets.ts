import type { Mutation } from './mutation.ts';

const BUDGETS = 'test/integration/queue/budgets.test.ts';
const SEARCHES = 'test/integration/http/searchBudgets.test.ts';
const CHARGES = 'test/integration/ebay/charges.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'reservations-of-others-are-spent',
    file: 'src/queue/budgets.ts',
    find: 'if own.used + others + 1 > own.limit then',
    replace: 'if own.used + 1 > own.limit then',
    breaks: 'No search spends what another one has reserved.',
    tests: [BUDGETS],
    grep: 'what its search has reserved',
  },
  {
    id: 'reserved-again-and-again',
    file: 'src/queue/budgets.ts',
    find: 'if not known or known.run < search.run then',
    replace: 'if true then',
    breaks: 'A search reserves its calls once in a run.',
    tests: [BUDGETS],
    grep: 'reserve once',
  },
  {
    id: 'unused-calls-stay-reserved',
    file: 'src/queue/budgets.ts',
    find: "add('r:', known.names, -known.left)",
    replace: '',
    breaks: 'What a search has reserved and not used is free at its end.',
    tests: [BUDGETS],
    grep: 'release what is left',
  },
  {
    id: 'budgets-without-days',
    file: 'src/queue/budgets.ts',
    find: 'local isOver = day < a.reset',
    replace: 'local isOver = day == 0',
    breaks: 'A budget begins again with eBay’s quota day.',
    tests: [BUDGETS],
    grep: 'begin a day',
  },
  {
    id: 'quick-retries-are-free',
    file: 'src/ebay/http.ts',
    find: '        pending.isCharged = false;\n',
    replace: '',
    breaks: 'Every attempt that leaves is charged.',
    tests: [CHARGES],
    grep: 'are charged each',
  },
  {
    id: 'attempts-that-never-left-are-charged',
    file: 'src/ebay/http.ts',
    find: 'if (pending.isCharged) await call.charge?.giveBack();',
    replace: '',
    breaks: 'An attempt whose request never left is not charged.',
    tests: [CHARGES],
    grep: 'without a connection',
  },
  {
    id: 'spent-budget-ends-others',
    file: 'src/queue/search/coalesce.ts',
    find: "!end.missing.some(({ code }) => code === 'budget_exceeded')",
    replace: 'true',
    breaks: 'The end that a spent budget gave a search is not the end of identical searches.',
    tests: [SEARCHES],
    grep: 'share no end',
  },
  {
    id: 'foreign-jobs-reserve-nothing',
    file: 'src/queue/search/searchJob.ts',
    find: ': await budgetFailure(context, run, collected, next.length);',
    replace: ': undefined;',
    breaks: 'A search of any program makes no call where its budget has too few for it.',
    tests: [SEARCHES],
    grep: 'however they came into the queue',
  },
];
