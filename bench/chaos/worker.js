/**
 * A worker that dies on demand: the real, built one, with a journal of its pages and four barriers at which it kills
 * itself without warning. Its parent sends `{ dieAt: BARRIER }`. JavaScript, because very many are started and a
 * loader for TypeScript would take longer than the worker itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import { startWorkerApp } from '../../dist/app/worker.js';
import { loadConfig } from '../../dist/config/load.js';
import { LogRoot } from '../../dist/telemetry/logRoot.js';

const journal = openSync(process.argv[2], 'a');
/** The page that a job is about, `SEARCH NUMBER`: a call does not name it. */
const current = new AsyncLocalStorage();
let dieAt;
process.on('message', (message) => {
  dieAt = message.dieAt;
});
process.on('disconnect', () => process.exit(1));
// The parent may have gone while this was being loaded.
if (!process.connected) process.exit(1);

function pass(barrier) {
  if (barrier === dieAt) process.kill(process.pid, 'SIGKILL');
}

/** Appends a `JournalLine` with a synchronous write: once it returned, the kernel has it. */
function note(what) {
  writeSync(journal, `${JSON.stringify({ at: Date.now(), what, page: current.getStore() })}\n`);
}

function disturbed(context) {
  return {
    ...context,
    collector: withChanges(context.collector, {
      async collectPage(call) {
        pass('before call');
        note('call');
        const answer = await context.collector.collectPage(call);
        pass('after call');
        return answer;
      },
    }),
    store: withChanges(context.store, {
      // What every search's job does first. BullMQ may run it in the context of a page's job, whose page it is not.
      begin(...run) {
        current.enterWith(undefined);
        return context.store.begin(...run);
      },
      // What every page's job does first. A page's field is its number.
      look(search, field, chain) {
        current.enterWith(`${search.searchId} ${field}`);
        note('start');
        return context.store.look(search, field, chain);
      },
      async step(search, step) {
        const after = await context.store.step(search, step);
        if (current.getStore() === undefined) return after;
        if (Object.keys(step.answer).length > 0) note('stored');
        pass('after store');
        if (after.open.length === 0) note('done');
        return after;
      },
      async mark(search, mark) {
        await context.store.mark(search, mark);
        if (mark === 'ended') pass('before complete');
      },
    }),
    calls: withChanges(context.calls, {
      // What a page's job does last where pages follow it.
      async add(...call) {
        const job = await context.calls.add(...call);
        if (current.getStore() !== undefined) note('done');
        return job;
      },
    }),
  };
}

/** The same object with some methods of its own; the others still see the original as `this`. */
function withChanges(original, changes) {
  return new Proxy(original, {
    get(target, name) {
      const value = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const config = loadConfig();
await startWorkerApp(config, new LogRoot(config.log), { adapt: disturbed });
process.send('started');
