import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { Routes } from './access.ts';

/** Whether the process works at all; where not, only a restart helps. */
export interface Liveness {
  alive: boolean;
  /** How late the process's event loop usually runs, ms. */
  eventLoopLagMs: number;
  /** Why it is not alive, one sentence each. */
  reasons: string[];
}

/** Whether the process can work now. */
export interface Readiness {
  ready: boolean;
  /** What keeps it from working, one sentence each. */
  reasons: string[];
  /** What it works without, or waits for by itself. */
  degraded: string[];
}

/** The answers to load balancers and orchestrators. */
export interface Health {
  live(): Liveness;
  ready(): Promise<Readiness>;
}

export interface MetricsOptions {
  registry: Registry;
  /** Brings gauges up to date that are measured on request only. */
  refresh: () => Promise<void>;
}

const READ = ['GET', 'HEAD'];

/** `/livez` and `/readyz`: 200, or 503 with the reasons. Without a key. */
export function healthRoutes(health: Health): Routes {
  return (app) => {
    for (const url of ['/livez', '/readyz'])
      app.route({
        method: READ,
        url,
        config: { access: 'public' },
        handler: async (_, reply) => {
          const { status, body } = await healthAnswer(health, url);
          return reply.code(status).send(body);
        },
      });
  };
}

/** `/metrics` for Prometheus, with a key of the role `operate`. */
export function metricsRoute(options: MetricsOptions): Routes {
  return (app) => {
    app.get('/metrics', { config: { access: ['operate'] } }, async (_, reply) =>
      reply.type(options.registry.contentType).send(await metricsText(options)),
    );
  };
}

async function healthAnswer(health: Health, path: string): Promise<{ status: number; body: object }> {
  if (path === '/livez') {
    const live = health.live();
    return { status: live.alive ? 200 : 503, body: live };
  }
  const readiness = await health.ready();
  return { status: readiness.ready ? 200 : 503, body: readiness };
}

async function metricsText({ registry, refresh }: MetricsOptions): Promise<string> {
  // Old figures are better than none while Redis is unavailable.
  await refresh().catch(() => undefined);
  return registry.metrics();
}

export interface OperationsOptions extends MetricsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Masks secrets in reasons, which may quote other systems. */
  scrubber: Scrubber;
  health: Health;
}

export interface OperationsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * The same routes on a port of a worker that serves no API, without keys.
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function serveOperations(options: OperationsOptions): Promise<OperationsServer> {
  const server = createServer((request, response) => {
    if (!READ.includes(request.method ?? '')) {
      response.setHeader('allow', READ.join(', '));
      return sendJson(response, 405, { error: 'only GET and HEAD' });
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    answer(options, pathname, response).catch(() => sendJson(response, 503, { error: 'unknown' }));
  });
  // A scraper that never finishes its request would hold a socket for ever.
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
  if (path === '/metrics') {
    const text = await metricsText(options);
    response.writeHead(200, { 'content-type': options.registry.contentType }).end(text);
  } else if (path === '/livez' || path === '/readyz') {
    const { status, body } = await healthAnswer(options.health, path);
    sendJson(response, status, options.scrubber.value(body));
  } else sendJson(response, 404, { error: 'there are /metrics, /livez and /readyz' });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
