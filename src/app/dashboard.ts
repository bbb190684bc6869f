import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { ApiKeys } from '../http/apiKeys.ts';
import type { Authenticator } from '../http/authenticator.ts';
import { dashboardSection } from '../http/dashboard/section.ts';
import type { Section } from '../http/section.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { callsQueueName, searchQueueName } from '../queue/names.ts';

export interface DashboardParts {
  config: Config;
  /** A connection of the `caller` profile. */
  redis: Redis;
  keys: ApiKeys;
  /** Undefined: nobody has to log in. */
  authenticator: Authenticator | undefined;
}

/** The dashboard over the queues of whichever tenants' operators log in. */
export function openDashboard(lifecycle: Lifecycle, { config, ...parts }: DashboardParts): Section {
  const { prefix } = config.queue;
  const open = (name: string, description: string) => {
    const queue = new Queue(name, { connection: parts.redis, prefix });
    // Told by each page's own refusal.
    queue.on('error', () => undefined);
    lifecycle.opened(`dashboard of ${name}`, queue, (opened) => opened.close());
    return { queue, description };
  };
  const queuesOf = (tenant: string) => [
    open(searchQueueName(tenant), 'searches: each waits for its calls and sums them up'),
    open(callsQueueName(tenant), 'calls to eBay: one job, one call, at the pace of the gate'),
  ];
  return dashboardSection({ ...parts, prefix, queuesOf, writes: config.http.dashboardWrites });
}
