import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { Section } from './section.ts';

export interface OperationsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  registry: Registry;
  /** Masks secrets in reasons: they may be somebody else's words. */
  scrubber: Scrubber;
  /** Brings up to date what is measured only when somebody looks. */
  refresh: () => Promise<void>;
  health: Health;
}

export interface OperationsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A worker's small door for operators: `/metrics` (Prometheus text), `/livez` and `/readyz` (200 or 503 with the reasons).
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function serveOperations(options: OperationsOptions): Promise<OperationsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, { error: 'only GET and HEAD' });
      return;
    }
    answer(options, new URL(request.url ?? '/', 'http://localhost').pathname, response).catch(() =>
      send(response, 503, { error: 'cannot tell' }),
    );
  });
  // A scraper that never finishes its request must not hold a socket for ever.
  server.requestTimeout = 5000;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(options: OperationsOptions, path: string, response: ServerResponse): Promise<void> {
  const { registry, scrubber, refresh, health } = options;
  switch (path) {
    case '/metrics':
      // Old figures are better than none while Redis is away.
      await refresh().catch(() => undefined);
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
      return;
    case '/livez': {
      const live = health.live();
      return send(response, live.alive ? 200 : 503, live);
    }
    case '/readyz': {
      const readiness = scrubber.value(await health.ready());
      return send(response, readiness.ready ? 200 : 503, readiness);
    }
    default:
      return send(response, 404, { error: 'there are /metrics, /livez and /readyz' });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** Whether the process does its work at all; where not, only a new start helps. */
export interface Liveness {
  alive: boolean;
  /** How late the process's event loop usually runs, ms. */
  eventLoopLagMs: number;
  /** Why it is not alive, one sentence each. */
  reasons: string[];
}

/** Whether the process can do its work now. */
export interface Readiness {
  ready: boolean;
  /** What keeps it from working, one sentence each. */
  reasons: string[];
  /** What it works without, or waits for by itself. */
  degraded: string[];
}

/** What load balancers and orchestrators ask. */
export interface Health {
  live(): Liveness;
  ready(): Promise<Readiness>;
}

/** `/livez` and `/readyz`: 200, or 503 with the reasons. Without a key. */
export function healthRoutes(health: Health): Section {
  const methods = ['GET', 'HEAD'];
  return {
    rules: ['/livez', '/readyz'].flatMap((url) =>
      methods.map((method) => ({ method, url, access: 'public' as const })),
    ),
    register(app) {
      app.route({
        method: methods,
        url: '/livez',
        handler: async (_, reply) => {
          const live = health.live();
          return reply.code(live.alive ? 200 : 503).send(live);
        },
      });
      app.route({
        method: methods,
        url: '/readyz',
        handler: async (_, reply) => {
          const readiness = await health.ready();
          return reply.code(readiness.ready ? 200 : 503).send(readiness);
        },
      });
    },
  };
}

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
