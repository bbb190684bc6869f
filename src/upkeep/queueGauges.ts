import type { QueueContext } from '../queue/context.ts';
import { countQueue } from '../queue/queueCounts.ts';
import type { FleetMetrics } from '../telemetry/fleetMetrics.ts';

/** How often the queues are counted, s. */
export const COUNT_EVERY = 5;

/** A count that has missed its successors says nothing any more: another process counts by now, or nobody can. */
const FRESH_FOR_MS = 3 * COUNT_EVERY * 1000;

/** A round of counting both queues of a tenant: a duty, so that the fleet's figures are shown once. */
export function countRound(
  { tenant, redis, searches, calls }: QueueContext,
  fleet: FleetMetrics,
): () => Promise<void> {
  return async () => {
    const counts = await Promise.all([searches, calls].map((queue) => countQueue(redis, queue)));
    fleet.queues(tenant, counts, FRESH_FOR_MS);
  };
}
