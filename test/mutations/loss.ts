import type { Mutation } from './mutation.ts';

const tests = ['test/integration/fleet/redisLoss.test.ts'];
const callers = ['test/integration/fleet/lossCallers.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'declared-once',
    file: 'src/app/tenantWorkers.ts',
    find: 'const isLost = applied.data !== next.data;',
    replace: 'const isLost = false;',
    breaks: 'A Redis that lost its data gets limits, pace and schedules again.',
    tests,
    grep: 'gets back all',
  },
  {
    id: 'first-start',
    file: 'src/fleet/loss.ts',
    find: 'if (found.mark !== known.mark) {',
    replace: "if (found.mark === '') {",
    breaks: 'A process that starts on the emptied Redis hides no loss from those that knew its data.',
    tests,
    grep: 'as a worker starts',
  },
  {
    id: 'every-process-reports',
    file: 'src/fleet/fleetConfig.ts',
    find: 'if (!found.replaced.includes(this.#data.mark)) {',
    replace: 'if (found.version >= 0) {',
    breaks: 'One process restores and reports a loss, however many notice it.',
    tests,
    grep: 'gets back all',
  },
  {
    id: 'older-census',
    file: 'src/fleet/loss.ts',
    find: 'return at - (census?.at ?? 0) > OLDER_MS;',
    replace: 'return census === undefined && at < 0;',
    breaks: 'A data file of an earlier time is noticed although its configuration has the same version.',
    tests,
    grep: 'older file of the same version',
  },
  {
    id: 'empty-products',
    file: 'src/queue/searchReader.ts',
    find: 'if (products.length === 0) await this.job(searchId);',
    replace: '',
    breaks: 'Products that Redis lost while they were read are no empty result.',
    tests: callers,
    grep: 'no empty list',
  },
  {
    id: 'lost-search-fails',
    file: 'src/queue/bullmq/worker.ts',
    find: 'for (parent )?job /;',
    replace: 'for job /;',
    breaks: 'A search that Redis lost publishes no end and answers no identical search.',
    tests: callers,
    grep: 'share no failure',
  },
];
