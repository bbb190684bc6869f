/**
 * A worker that can be told to die: the real one, with a journal of its calls and four barriers at which it kills itself
 * without warning. Told by its parent: `{ dieAt: BARRIER }`.
 */
import type { QueueContext } from '../../src/queue/context.ts';
import type { Barrier } from './evidence.ts';
import { openJournal } from './journal.ts';

const [, , journalPath = ''] = process.argv;
const note = openJournal(journalPath);
let dieAt: Barrier | undefined;
process.on('message', (message: { dieAt: Barrier }) => {
  dieAt = message.dieAt;
});
process.on('disconnect', () => process.exit(1));

function pass(barrier: Barrier): void {
  if (barrier === dieAt) process.kill(process.pid, 'SIGKILL');
}

function disturbed(context: QueueContext): QueueContext {
  const pageOf = new WeakMap<object, string>();
  return {
    ...context,
    collector: withChanges(context.collector, {
      async collectPage(call) {
        pass('before call');
        // The search's own price limit and the offset name a page, here and in the simulator's log.
        const page = `${call.request.filters.price?.max} ${call.offset}`;
        note('call', page);
        const answer = await context.collector.collectPage(call);
        pageOf.set(answer, page);
        pass('after call');
        return answer;
      },
    }),
    results: withChanges(context.results, {
      async store(search, page, answer, head) {
        const stands = await context.results.store(search, page, answer, head);
        note('stored', pageOf.get(answer) ?? '');
        pass('after store');
        return stands;
      },
    }),
    runs: withChanges(context.runs, {
      async end(search) {
        await context.runs.end(search);
        pass('before complete');
      },
    }),
  };
}

/** The same object with some methods of its own; the others still see the original as `this`. */
function withChanges<T extends object>(original: T, changes: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The built program: many workers are started, and from the sources each takes seconds. */
const built = (path: string) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { startWorkerApp } = (await built('app/worker.js')) as typeof import('../../src/app/worker.ts');
const { loadConfig } = (await built('config/load.js')) as typeof import('../../src/config/load.ts');
const { LogRoot } = (await built('telemetry/logger.js')) as typeof import('../../src/telemetry/logger.ts');

const config = loadConfig();
await startWorkerApp(config, new LogRoot(config.log), { adapt: disturbed });
process.send?.('started');
