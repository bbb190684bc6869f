import type { Mutation } from './mutation.ts';

const TRACING = 'test/integration/telemetry/tracing.test.ts';

/** What a trace leads over, and what it must not hold. */
export const mutations: Mutation[] = [
  {
    id: 'trace-ends-at-the-queue',
    file: 'src/queue/bullmq/redisTime.ts',
    find: 'current(), ...tracedOptions(), ...options }',
    replace: 'current(), ...options }',
    breaks: 'A job carries the trace in which it was added.',
    tests: [TRACING],
    grep: 'lead from',
  },
  {
    id: 'pages-below-pages',
    file: 'src/telemetry/tracing.ts',
    find: 'isCall ? traceText(carried) : undefined',
    replace: 'undefined as string | undefined',
    breaks: 'The calls of a search stand beside one another in its trace.',
    tests: [TRACING],
    grep: 'lead from',
  },
  {
    id: 'baggage-in-redis',
    file: 'src/telemetry/tracing.ts',
    find: 'propagation.deleteBaggage(from)',
    replace: 'from',
    breaks: 'What callers send as baggage is not stored in Redis.',
    tests: [TRACING],
    grep: 'without its baggage',
  },
  {
    id: 'key-in-a-span',
    file: 'src/http/server.ts',
    find: 'path: scrubber.text(pathOf(request))',
    replace: 'path: pathOf(request)',
    breaks: 'No span has an API key.',
    tests: [TRACING],
    grep: 'no API key',
  },
  {
    id: 'waiting-is-an-error',
    file: 'src/telemetry/tracing.ts',
    find: 'if (!message.startsWith(MOVED)) throw error;',
    replace: 'throw error;',
    breaks: 'A job that only waits has no error in its trace.',
    tests: [TRACING],
    grep: 'lead from',
  },
  {
    id: 'answered-without-a-link',
    file: 'src/queue/search/coalesce.ts',
    find: '  linkTo(shared);\n',
    replace: '',
    breaks: 'A search that another one answered has a link to the trace that made the calls.',
    tests: [TRACING],
    grep: 'have a link',
  },
  {
    id: 'metadata-copied',
    file: 'src/telemetry/tracing.ts',
    find: 'carried.setValue(PASSED_ON, passedOn)',
    replace: 'carried.setValue(PASSED_ON, opts.telemetry?.metadata)',
    breaks: 'What a producer sends beside the trace is not stored in further jobs.',
    tests: ['test/unit/telemetry/tracing.test.ts'],
    grep: 'none of the other fields',
  },
  {
    id: 'gate-in-the-first-trace',
    file: 'src/ebay/gate/redisGate.ts',
    find: 'void untraced(() => this.#serve());',
    replace: 'void this.#serve();',
    breaks: 'What the gate does for all calls is in the trace of none.',
    tests: ['test/integration/ebay/gateTraces.test.ts'],
  },
];
