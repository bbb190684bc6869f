import { setTimeout as sleep } from 'node:timers/promises';
import type { SearchProducer } from '../../src/queue/producer.ts';

/** A search every 150 ms until it is stopped, each another one; how many were taken and how many refused. */
export function startLoad(producer: SearchProducer) {
  const ids: string[] = [];
  let refused = 0;
  let slowestMs = 0;
  let ended = false;
  const running = (async () => {
    for (let count = 0; !ended; count++) {
      const startedAt = performance.now();
      try {
        // Each another search: identical ones would be collected once.
        const request = { query: 'phone case', maxItems: 10, title: { exclude: [`load${count}`] } };
        ids.push((await producer.enqueue(request)).searchId);
      } catch {
        refused += 1;
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      await sleep(150);
    }
  })();
  return {
    taken: () => ids.length,
    async stop() {
      ended = true;
      await running;
      return { ids, refused, slowestMs };
    },
  };
}
