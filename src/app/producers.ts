import type { Redis } from 'ioredis';
import { openProducer } from '../app.ts';
import { notFound } from '../http/problem.ts';
import type { ProducerOf } from '../http/searchRoutes.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { LogRoot } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tenant } from '../tenants/snapshot.ts';

/** Each tenant's producer, opened when first asked for, all on one connection. */
export function tenantProducers(
  lifecycle: Lifecycle,
  tenantOf: (name: string) => Tenant | undefined,
  { log, redis, metrics }: { log: LogRoot; redis: Redis; metrics: Metrics },
): ProducerOf {
  const opened = new Map<string, SearchProducer>();
  return (name) => {
    const first = tenantOf(name) ?? nobody();
    const known = opened.get(name);
    if (known !== undefined) return known;
    // What is under way when its tenant goes ends with the settings that it began with.
    const current = () => (tenantOf(name) ?? first).config;
    const producer = openProducer(current, {
      tenant: name,
      log,
      redis,
      refused: metrics.intake(name).refused,
    });
    opened.set(
      name,
      lifecycle.opened(`producer of ${name}`, producer, (each) => each.close()),
    );
    return producer;
  };
}

/** The key of a tenant that is gone meets what any stranger meets. */
export function nobody(): never {
  throw notFound();
}
