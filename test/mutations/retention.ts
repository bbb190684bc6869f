import type { Mutation } from './mutation.ts';

const tests = ['test/integration/upkeep/retention.test.ts'];
const ROUNDS = 'test/integration/upkeep/retentionRounds.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'events-age',
    file: 'src/fleet/retention.ts',
    find: "redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - ARGV[2]))",
    replace: '',
    breaks: 'No event outlives EVENTS_MAX_AGE.',
    tests: [ROUNDS],
  },
  {
    id: 'ended-jobs-age',
    file: 'src/fleet/retention.ts',
    find: "if (kind === 'jobs') await",
    replace: "if (kind === 'tracks') await",
    breaks: 'No ended job outlives RESULTS_TTL, also in a queue where nothing else ends.',
    tests,
  },
  {
    id: 'lowered-limit',
    file: 'src/fleet/retention.ts',
    find: 'if (isFirst) await',
    replace: 'if (!isFirst) await',
    breaks: 'A limit that was lowered counts for what was stored before, from the first round on.',
    tests: [ROUNDS],
  },
  {
    id: 'shared-end-age',
    file: 'src/results/coalescedSearches.ts',
    find: "good ? '1' : '0', payload, this.#endTtlMs);",
    replace: "good ? '1' : '0', payload, this.#ttlMs);",
    breaks: 'The end that identical searches share names listings no longer than a result is kept.',
    tests,
  },
  {
    id: 'gone-prices',
    file: 'src/product/track.ts',
    find: '{ ...known, ...NO_OFFER }',
    replace: 'known',
    breaks: 'Of what eBay no longer lists a track keeps only id and time.',
    tests: ['test/unit/product/track.test.ts'],
  },
  {
    id: 'awaited-end-is-dropped',
    file: 'src/results/coalescedSearches.ts',
    find: 'if isAwaited and endsIn > 0 then',
    replace: 'if false then',
    breaks: 'Who waited for a search gets its end, also when another one leads before it comes.',
    tests: ['test/integration/results/coalescedSearches.test.ts'],
  },
  {
    id: 'awaited-end-without-limit',
    file: 'src/results/coalescedSearches.ts',
    find: 'left = math.min(left, endsIn)',
    replace: '',
    breaks: 'No leader and no asker makes an end live longer than a result.',
    tests: ['test/integration/results/coalescedSearches.test.ts'],
  },
  {
    id: 'foreign-key-repeats-first-round',
    file: 'src/fleet/retention.ts',
    find: 'if (errors.every(isWrongType)) this',
    replace: 'if (errors.length === 0) this',
    breaks: 'A key that another program replaced does not make every round look at all there is.',
    tests: ['test/integration/upkeep/retentionRounds.test.ts'],
  },
];
