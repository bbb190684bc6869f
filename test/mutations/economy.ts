import type { Mutation } from './mutation.ts';

const ITEM_ANSWERS = 'test/integration/results/itemAnswers.test.ts';
const SHARED_ITEMS = 'test/integration/queue/sharedItems.test.ts';
const PAGE_REUSE = 'test/integration/queue/pageReuse.test.ts';
const TRACK = 'test/integration/queue/track.test.ts';
const COSTS = 'test/integration/queue/costs.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'everyone-calls-for-an-item',
    file: 'src/results/itemAnswers.ts',
    find: 'if owner and owner ~= ARGV[1] then return 0 end',
    replace: '',
    breaks: 'Of jobs that want the same item one makes the call.',
    tests: [ITEM_ANSWERS],
    grep: 'called for by one job',
  },
  {
    id: 'answers-of-any-age',
    file: 'src/results/itemAnswers.ts',
    find: 'Number(at) >= earliest',
    replace: 'Number(at) >= 0',
    breaks: 'An answer that is older than detailsMaxAge is not taken.',
    tests: [ITEM_ANSWERS],
    grep: 'younger than detailsMaxAge',
  },
  {
    id: 'answers-before-a-change',
    file: 'src/results/itemAnswers.ts',
    find: ' || !isOfToday(item, found.answer, found.shown)',
    replace: '',
    breaks: 'An answer is not taken where the page shows another price.',
    tests: [ITEM_ANSWERS],
    grep: 'another price',
  },
  {
    id: 'copies-outlive-their-answer',
    file: 'src/results/searchStore.ts',
    find: "redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'LT')",
    replace: '',
    breaks: 'No copy of an answer outlives RESULTS_TTL, counted from the answer.',
    tests: [SHARED_ITEMS],
    grep: 'end in time',
  },
  {
    id: 'new-details-of-everything',
    file: 'src/queue/search/wantedItems.ts',
    find: "run.request.details === 'new' ?",
    replace: 'run.request.tenant === undefined ?',
    breaks: 'With details: new what a track knows is not asked for.',
    tests: [SHARED_ITEMS],
    grep: 'asks for all of them first',
  },
  {
    id: 'details-decided-again',
    file: 'src/queue/search/wantedItems.ts',
    find: '(await store.wantedItems(run.search)).map((item)',
    replace: '(await store.wantedItems(run.search)).slice(0, 0).map((item)',
    breaks: 'A search that began to ask for an item goes on to ask for it.',
    tests: [SHARED_ITEMS],
    grep: 'decides once',
  },
  {
    id: 'pages-of-any-age',
    file: 'src/queue/search/coalesce.ts',
    find: 'Date.parse(observedAt) < since',
    replace: 'Date.parse(observedAt) < 0',
    breaks: 'No page is taken that is older than maxAge.',
    tests: [PAGE_REUSE],
    grep: 'older than maxAge',
  },
  {
    id: 'pages-of-another-campaign',
    file: 'src/product/parseRequest.ts',
    find: '.update(campaignId)',
    replace: '',
    breaks: 'No page is taken whose affiliate links are of another campaign.',
    tests: [COSTS],
    grep: 'same affiliate links',
  },
  {
    id: 'cancelled-as-read-here',
    file: 'src/queue/search/coalesce.ts',
    find: 'run?.request ?? readRequest(job, context)',
    replace: 'readRequest(job, context)',
    breaks: 'Who waits for a search is found by the request that its run holds.',
    tests: [COSTS],
    grep: 'know each other',
  },
  {
    id: 'newest-beyond-what-was-seen',
    file: 'src/product/track.ts',
    find: '(newest[marketplace] ?? 0) + added >= wanted',
    replace: 'true',
    breaks: 'A search for the newest goes on where it wants more than its track has seen.',
    tests: [TRACK],
    grep: 'wants more than',
  },
];
