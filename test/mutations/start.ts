import type { Mutation } from './mutation.ts';

const tests = ['test/integration/app/start.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'ends-without-redis',
    file: 'src/app/boot.ts',
    find: 'if (failure === undefined || signal?.aborted) throw error;',
    replace: 'throw failure ?? error;',
    breaks: 'A start waits for a Redis that goes away at any of its commands.',
    tests,
    grep: 'closed at commands of serve',
  },
  {
    id: 'waits-after-interrupt',
    file: 'src/app/boot.ts',
    find: 'if (signal?.aborted && silentMs >= 2 * ASK_MS) {',
    replace: 'if (false as boolean) {',
    breaks: 'A start that is told to stop does not wait for a Redis that gives no answer.',
    tests,
    grep: 'silent at commands of serve, which is told to stop',
  },
  {
    id: 'no-word-of-silence',
    file: 'src/app/boot.ts',
    find: 'if (silentMs >= SECOND) waiting(trouble);',
    replace: '',
    breaks: 'A start that waits for a Redis that gives no answer says so once a second.',
    tests,
    grep: 'silent at commands of serve, which is told to stop',
  },
  {
    id: 'queue-asks-for-version',
    file: 'src/queue/bullmq/openQueues.ts',
    find: 'skipVersionCheck: true',
    replace: 'skipVersionCheck: false',
    breaks: 'A queue that was made while Redis is away works once Redis is back.',
    tests: ['test/integration/queue/bullmq/openQueues.test.ts'],
  },
];
