import type { Mutation } from './mutation.ts';

const tests = ['test/integration/queue/alerts/deliverRules.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'sends-without-its-lock',
    file: 'src/queue/alerts/deliver.ts',
    find: 'this.#ms)) !== 1) throw signals.delayed();',
    replace: "this.#ms)) !== 1) performance.mark('lost');",
    breaks: 'A worker that was stopped for longer than its lock sends nothing more.',
    tests,
    grep: 'lock has gone',
  },
  {
    id: 'message-that-kills-for-ever',
    file: 'src/queue/alerts/deliver.ts',
    find: 'if (begins > MOST_BEGINS)',
    replace: 'if (begins > 1_000_000)',
    breaks: 'A message whose sending ends its worker three times in a row is set aside.',
    tests,
    grep: 'set a message aside',
  },
  {
    id: 'takes-off-the-next-one',
    file: 'src/queue/alerts/outbox.ts',
    find: `const TAKE = new LuaScript(\`
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end`,
    replace: `const TAKE = new LuaScript(\`
if not redis.call('LPOP', KEYS[1]) then return 0 end`,
    breaks: 'Only the message that was sent is taken off.',
    tests,
    grep: 'take no message off',
  },
  {
    id: 'silence-charges-the-message',
    file: 'src/queue/alerts/deliver.ts',
    find: "(fault !== 'busy' && status !== undefined && !AWAY.has(status) ? 1 : 0)",
    replace: "(fault !== 'busy' ? 1 : 0)",
    breaks: 'An outage of a receiver loses no message that is younger than ALERT_MAX_AGE.',
    tests,
    grep: 'give up nothing that is young',
  },
  {
    id: 'ended-jobs-stay',
    file: 'src/queue/alerts/deliver.ts',
    find: 'Object.assign(job.opts, ENDED_JOBS);',
    replace: '',
    breaks: 'No job of another program keeps a channel from being woken.',
    tests: ['test/integration/queue/alerts/delivery.test.ts'],
    grep: 'queue of deliveries',
  },
];
