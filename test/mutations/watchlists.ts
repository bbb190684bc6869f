import type { Mutation } from './mutation.ts';

const OVER_HTTP = ['test/integration/http/watchlists.test.ts'];
const BY_COMMAND = ['test/integration/cli/watchlist.test.ts'];
const BULK = ['test/integration/queue/watch/bulkLooks.test.ts'];
const LOOKS = ['test/integration/queue/watch/watchlists.test.ts'];

/** What people and programs do with watchlists. */
export const mutations: Mutation[] = [
  {
    id: 'unreadable-file-replaces',
    file: 'src/queue/watch/watchlists/import.ts',
    find: 'reader.refuse(0, null, `is no CSV:',
    replace: 'reader.refuse(1, null, `is no CSV:',
    breaks: 'A file that is no CSV replaces no list by nothing, also where wrong lines are left out.',
    tests: BY_COMMAND,
    grep: 'names each wrong line',
  },
  {
    id: 'options-before-listings',
    file: 'src/queue/watch/watchlists/upsert.ts',
    find: 'const tried = await lists.import(name, source, { ...options, dryRun: true });',
    replace: 'const tried = await lists.import(name, source, options);',
    breaks: 'Where an option is wrong, no listing is stored.',
    tests: OVER_HTTP,
    grep: 'store nothing where a line is wrong',
  },
  {
    id: 'addition-makes-a-list',
    file: 'src/http/api/watchlists.ts',
    find: 'await lists.get(name);',
    replace: '',
    breaks: 'Listings are added to a list that exists; another name answers 404.',
    tests: OVER_HTTP,
    grep: 'make a list',
  },
  {
    id: 'search-says-it-is-back',
    file: 'src/queue/watch/watchlists/lookEnd.ts',
    find: "observed.source === 'search' && before !== undefined && before.state !== 'in-stock'",
    replace: 'false',
    breaks: 'That a search still shows what was sold out does not make it returned: a call says so.',
    tests: LOOKS,
    grep: 'report what changes once',
  },
  {
    id: 'absence-is-not-checked',
    file: 'src/queue/watch/watchlists/lookEnd.ts',
    find: "const mayAsk = isWhole && !isMeasuring && look.kind !== 'new';",
    replace: 'const mayAsk = false;',
    breaks: 'A listing that its search no longer shows is asked for by itself.',
    tests: LOOKS,
    grep: 'report what changes once',
  },
  {
    id: 'same-answer-again',
    file: 'src/queue/watch/watchlists/compare.ts',
    find: 'if (before !== undefined && before.seen >= at) return undefined;',
    replace: '',
    breaks: 'An answer that was compared before, or is no later one, changes nothing.',
    tests: ['test/unit/queue/watch/watchlistCompare.test.ts'],
    grep: 'is nothing the first time',
  },
  {
    id: 'search-of-a-giant',
    file: 'src/queue/watch/watchlists/groups.ts',
    find: 'if (isWorthSearching(atom)) packs.place(atom);',
    replace: 'if (atom.live >= 0) packs.place(atom);',
    breaks: 'The listings of a seller whose search has more pages take a call each.',
    tests: ['test/unit/queue/watch/watchlistGroups.test.ts'],
    grep: 'one by one',
  },
  {
    id: 'calls-for-several-overlap',
    file: 'src/queue/search/searchJob.ts',
    find: 'const concurrency = isShared ? 1 : itemConcurrency(latencyMs, intervalMs());',
    replace: 'const concurrency = itemConcurrency(latencyMs, intervalMs());',
    breaks: 'Two calls of a look that ask for up to twenty listings each do not ask for the same ones.',
    tests: BULK,
    grep: 'take three calls',
  },
  {
    id: 'refused-together',
    file: 'src/queue/search/callJob.ts',
    find: 'asked = new Map([...asked].slice(0, Math.ceil(asked.size / 2)));',
    replace: 'return undefined;',
    breaks: 'One listing that has ended does not cost those beside it a call each.',
    tests: BULK,
    grep: 'has ended by itself',
  },
];
