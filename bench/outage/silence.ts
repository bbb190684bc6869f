import type { SearchProducer } from '../../src/queue/producer.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { TcpProxy } from '../../test/support/tcpProxy.ts';
import { waitFor } from '../../test/support/waitFor.ts';

export interface Silence {
  /** From the silence on to the next call at eBay. */
  workingAgainMs: number;
  enqueueRefusedMs: number;
}

/** The connections to Redis die without a word: bytes vanish, no FIN, no RST. New ones work at once. */
export async function silence(
  proxy: TcpProxy,
  simulator: Simulator,
  producer: SearchProducer,
): Promise<Silence> {
  const calls = () => simulator.controls.log({ kind: 'search' }).length;
  const requests = Array.from({ length: 300 }, (_, index) => ({
    query: 'phone case',
    maxItems: 10,
    title: { exclude: [`silence${index}`] },
  }));
  await producer.enqueueMany(requests);
  await waitFor('calls', () => calls() > 3);
  proxy.mode = 'vanish';
  const startedAt = performance.now();
  await producer.enqueue({ query: 'yoga mat', maxItems: 10 }).then(
    () => Promise.reject(new Error('an enqueue was acknowledged over a dead connection')),
    () => undefined,
  );
  const enqueueRefusedMs = performance.now() - startedAt;
  // Whatever was sent before is lost for good; the connections themselves stay dead.
  proxy.mode = 'ok';
  const before = calls();
  await waitFor('the next call', () => calls() > before + 1, 120_000);
  return {
    workingAgainMs: Math.round(performance.now() - startedAt),
    enqueueRefusedMs: Math.round(enqueueRefusedMs),
  };
}
