import type { Mutation } from './mutation.ts';

const CONNECTING = 'src/ebay/connecting.ts';

const tests = (...names: string[]) => names.map((name) => `test/integration/ebay/${name}.test.ts`);

export const mutations: Mutation[] = [
  {
    id: 'first-error-ends',
    file: CONNECTING,
    find: 'if (failed === addresses.length) reject(reason);',
    replace: 'reject(reason);',
    breaks: 'A connection to a name with several addresses has all of EBAY_CONNECT_TIMEOUT.',
    tests: tests('connecting'),
  },
  {
    id: 'no-next-address',
    file: CONNECTING,
    find: 'timer = setTimeout(next, NEXT_ADDRESS_MS);',
    replace: 'timer = undefined;',
    breaks: 'An address that does not answer does not keep a call from the next one.',
    tests: tests('connecting'),
  },
  {
    id: 'connection-left-open',
    file: CONNECTING,
    find: "signal.addEventListener('abort', () => end());",
    replace: '',
    breaks: 'A connection that is not wanted any more is closed.',
    tests: tests('proxy'),
  },
  {
    id: 'proxy-refusal-as-tunnel',
    file: CONNECTING,
    find: 'if (statusCode >= 200 && statusCode < 300) return resolve(socket);',
    replace: 'return resolve(socket);',
    breaks: 'What a proxy refuses is named as the proxy’s refusal.',
    tests: tests('proxy'),
  },
  {
    id: 'asked-again',
    file: 'src/ebay/answer.ts',
    find: 'isSettled(status) ? ONCE : {}',
    replace: '{}',
    breaks: 'An answer that cannot change costs one call.',
    tests: ['test/integration/queue/askedOnce.test.ts', ...tests('readableAnswers')],
  },
];
