import type { Mutation } from './mutation.ts';

const tests = ['test/integration/queue/alerts/evaluate.test.ts'];
const ofRelease = ['test/integration/queue/alerts/release.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'hits-of-two-ends',
    file: 'src/queue/alerts/store.ts',
    find: "') or '') ~= ARGV[3] then return 0 end",
    replace: "') or '') ~= ARGV[3] then end",
    breaks: 'Of two searches that end at the same time each hit is found once.',
    tests,
    grep: 'loses no hit',
  },
  {
    id: 'alert-removed-meanwhile',
    file: 'src/queue/alerts/store.ts',
    find: "if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return -1 end",
    replace: '',
    breaks: 'Nothing is kept of an alert that is removed while a look is compared.',
    tests,
    grep: 'keeps nothing of an alert',
  },
  {
    id: 'armed-by-the-first-batch',
    file: 'src/queue/alerts/evaluate.ts',
    find: 'const isBaseline = !known.isArmed;',
    replace: 'const isBaseline = known.version === 0;',
    breaks: 'What follows the first batch of a first look is no hit.',
    tests,
    grep: 'first look that was cut off',
  },
  {
    id: 'armed-by-a-part',
    file: 'src/queue/alerts/evaluate.ts',
    find: 'if (known.isArmed || !this.#look.isWhole(known)) return 0;',
    replace: 'if (known.isArmed) return 0;',
    breaks: 'A search with missing pages does not end the first look of an alert.',
    tests,
    grep: 'waits for a complete search',
  },
  {
    id: 'started-afresh-by-an-earlier-search',
    file: 'src/queue/alerts/evaluate.ts',
    find: ' && present.began < began',
    replace: '',
    breaks: 'A search that began before the track started afresh does not begin the alert again.',
    tests,
    grep: 'begins again where the track',
  },
  {
    id: 'kept-back-and-forgotten',
    file: 'src/queue/alerts/release.ts',
    find: '...(stored ?? { ...NO_DAY, ...plan.day })',
    replace: '...rest, ...plan.day',
    breaks: 'What a daily cap kept back is said also where no channel was there as the day ended.',
    tests: ofRelease,
    grep: 'says what the cap kept back',
  },
  {
    id: 'released-twice',
    file: 'src/queue/alerts/release.ts',
    find: "if (redis.call('HGET', KEYS[3], 'record') or '') ~= ARGV[3] then return -1 end",
    replace: '',
    breaks: 'Of several processes that release an alert one makes messages of a hit.',
    tests: ofRelease,
    grep: 'more hits than one script',
  },
  {
    id: 'cap-unsaid',
    file: 'src/queue/alerts/release.ts',
    find: 'whenNone: following,',
    replace: 'whenNone: null,',
    breaks: 'What the daily cap kept back is said when the day is over.',
    tests: ofRelease,
    grep: 'daily cap keeps back',
  },
];
