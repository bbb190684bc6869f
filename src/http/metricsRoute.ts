import type { Registry } from 'prom-client';
import type { Section } from './section.ts';

export interface MetricsRouteOptions {
  registry: Registry;
  /** Brings up to date what is measured only when somebody looks. */
  refresh: () => Promise<void>;
}

/** `/metrics` for Prometheus, which sends a key of the role `operate`: figures of the business are nobody else's. */
export function metricsRoute({ registry, refresh }: MetricsRouteOptions): Section {
  return {
    rules: [{ method: 'GET', url: '/metrics', access: ['operate'] }],
    register(app) {
      app.get('/metrics', async (_, reply) => {
        // Old figures are better than none while Redis is away.
        await refresh().catch(() => undefined);
        return reply.type(registry.contentType).send(await registry.metrics());
      });
    },
  };
}
