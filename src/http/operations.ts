import type { Registry } from 'prom-client';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { App, Routes } from './access.ts';

/** The answers to load balancers and orchestrators. Reasons are one sentence each. */
export interface Health {
  /** Whether the process works at all, and how late its event loop usually runs; where not, only a restart helps. */
  live(): { alive: boolean; eventLoopLagMs: number; reasons: string[] };
  /** Whether it can work now; `degraded`: what it works without, or waits for by itself. */
  ready(): Promise<Readiness>;
}

export interface Readiness {
  ready: boolean;
  reasons: string[];
  degraded: string[];
}

interface MetricsOptions {
  registry: Registry;
  /** Brings gauges up to date that are measured on request only. */
  refresh: () => Promise<void>;
}

const READ = ['GET', 'HEAD'];

/** `/livez` and `/readyz`: 200, or 503 with the reasons. Without a key. */
export function healthRoutes(health: Health): Routes {
  return (app) => {
    const route = (url: string, check: () => Promise<[isWell: boolean, body: object]>) =>
      app.route({
        method: READ,
        url,
        config: { access: 'public' },
        handler: async (_, reply) => {
          const [isWell, body] = await check();
          return reply.code(isWell ? 200 : 503).send(body);
        },
      });
    route('/livez', async () => {
      const live = health.live();
      return [live.alive, live];
    });
    route('/readyz', async () => {
      const readiness = await health.ready();
      return [readiness.ready, readiness];
    });
  };
}

/** `/metrics` for Prometheus, with a key of the role `operate`. */
export function metricsRoute({ registry, refresh }: MetricsOptions): Routes {
  return (app) => {
    app.get('/metrics', { config: { access: ['operate'] } }, async (_, reply) => {
      // Old figures are better than none while Redis is unavailable.
      await refresh().catch(() => undefined);
      return reply.type(registry.contentType).send(await registry.metrics());
    });
  };
}

interface OperationsOptions extends MetricsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Masks secrets in reasons, which may quote other systems. */
  scrubber: Scrubber;
  health: Health;
}

/**
 * The same routes on a port of a worker that serves no API, without keys.
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function serveOperations(options: OperationsOptions): Promise<App> {
  const { host, port, scrubber, health } = options;
  // Loaded here: a worker without this port does without.
  const { fastify } = await import('fastify');
  // A scraper that never finishes its request would hold a socket for ever.
  const app: App = fastify({ requestTimeout: 5000, forceCloseConnections: true }).withTypeProvider();
  app.addHook('onSend', async (_, reply, payload) => {
    reply.header('cache-control', 'no-store');
    return typeof payload === 'string' ? scrubber.text(payload) : payload;
  });
  app.setErrorHandler((_error, _request, reply) => reply.code(503).send({ error: 'unknown' }));
  app.setNotFoundHandler(({ method }, reply) =>
    READ.includes(method)
      ? reply.code(404).send({ error: 'there are /metrics, /livez and /readyz' })
      : reply.code(405).header('allow', READ.join(', ')).send({ error: 'only GET and HEAD' }),
  );
  healthRoutes(health)(app);
  metricsRoute(options)(app);
  await app.listen({ host, port });
  return app;
}
