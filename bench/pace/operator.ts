import { Queue } from 'bullmq';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { GateState } from '../../src/ebay/gate/gate.ts';
import { setPace } from '../../src/queue/bullmq/queues.ts';
import type { Fleet } from '../../test/support/fleet.ts';
import { waitFor } from '../../test/support/waitFor.ts';

/** What is done to a running fleet from outside it. */
export interface Operator {
  /** What a worker does that starts with this interval. */
  changeInterval(seconds: number): Promise<void>;
  /** What one process of the fleet does now and then: takes eBay's own count over. */
  reconcile(): Promise<void>;
  gate(): Promise<GateState>;
  calls: Queue;
  close(): Promise<void>;
}

export async function operatorOf(fleet: Fleet): Promise<Operator> {
  const { gate, redis, close } = await openedGate(fleet);
  const calls = new Queue('ebay-calls', { connection: redis, prefix: fleet.config.queue.prefix });
  calls.on('error', () => undefined);
  return {
    calls,
    gate: () => gate.read(),
    async changeInterval(seconds) {
      await gate.configure({ intervalMs: seconds * 1000, dailyLimit: fleet.config.pace.dailyCallLimit });
      await setPace(calls, seconds);
    },
    async reconcile() {
      // Of two who ask at once only one is heard; and a client asks eBay at most every 10 s, so each time it is another.
      await waitFor('eBay’s count to be taken over', async () => {
        const { client, close: closeOther } = await openedGate(fleet);
        return client.reconcile().finally(closeOther);
      });
    },
    async close() {
      await calls.close();
      close();
    },
  };
}

async function openedGate(fleet: Fleet) {
  const opened = openEbay(fleet.config, quietLog());
  await waitFor('Redis', () => opened.redis.ping().catch(() => undefined));
  return opened;
}
