import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Registry } from 'prom-client';
import type { Lifecycle } from '../lifecycle.ts';
import { EventLoop } from '../telemetry/eventLoop.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { Routes } from './access.ts';

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

/** Later than this an event loop answers no request in time, and job locks expire. */
const MAX_LAG_MS = 1000;

/** Alive while the event loop turns and everything that should run does. @param stopped a sentence for each part that does not */
export function liveness(lifecycle: Lifecycle, stopped: () => string[] = () => []): Health['live'] {
  const eventLoop = lifecycle.opened('event loop watch', new EventLoop());
  return () => {
    const eventLoopLagMs = eventLoop.lagMs;
    const late = eventLoopLagMs > MAX_LAG_MS ? [`the event loop runs ${eventLoopLagMs} ms late`] : [];
    const reasons = [...stopped(), ...late];
    return { alive: reasons.length === 0, eventLoopLagMs, reasons };
  };
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
    for (const [url, check] of Object.entries(checksOf(health)))
      app.route({
        method: READ,
        url,
        config: { access: 'public' },
        handler: async (_, reply) => {
          const { status, body } = await check();
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

type Check = () => Promise<{ status: number; body: object }>;

function liveCheck(live: Health['live']): Check {
  return async () => {
    const body = live();
    return { status: body.alive ? 200 : 503, body };
  };
}

function checksOf(health: Health): Readonly<Record<string, Check>> {
  return {
    '/livez': liveCheck(health.live),
    '/readyz': async () => {
      const body = await health.ready();
      return { status: body.ready ? 200 : 503, body };
    },
  };
}

async function metricsText({ registry, refresh }: MetricsOptions): Promise<string> {
  // Old figures are better than none while Redis is unavailable.
  await refresh().catch(() => undefined);
  return registry.metrics();
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
 * The same routes on a port of a worker that serves no API, without keys. By Node alone: Fastify takes 18 MB.
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function serveOperations(options: OperationsOptions) {
  const { host, port, scrubber, registry } = options;
  const checks = checksOf(options.health);
  const server = createServer(async ({ method = '', url = '' }, response) => {
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(scrubber.value(body)));
    };
    const path = url.split('?', 1)[0] as string;
    try {
      if (!READ.includes(method)) {
        response.setHeader('allow', READ.join(', '));
        send(405, { error: 'only GET and HEAD' });
      } else if (path === '/metrics') {
        const text = await metricsText(options);
        response.writeHead(200, { 'content-type': registry.contentType }).end(text);
      } else {
        const checked = await checks[path]?.();
        if (checked) send(checked.status, checked.body);
        else send(404, { error: 'there are /metrics, /livez and /readyz' });
      }
    } catch {
      send(503, { error: 'unknown' });
    }
  });
  return listening(server, (own) => own.listen(port, host));
}

/**
 * `/livez` on a Unix socket, for a health check on the same machine. It takes the place of the socket that a killed process
 * left.
 * @throws the server's own error when it cannot listen; Error where another process answers there
 */
export async function serveLivez(path: string, live: Health['live']) {
  if (await isAnswered(path)) throw new Error('another process answers there');
  const left = await lstat(path).catch(() => undefined);
  if (left?.isSocket()) await rm(path, { force: true });
  const check = liveCheck(live);
  const server = createServer(async (_, response) => {
    const { status, body } = await check();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return listening(server, (own) => own.listen(path));
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function listening(server: Server, listen: (server: Server) => void) {
  // A client that never finishes its request would hold a socket for ever.
  server.requestTimeout = 5000;
  listen(server);
  await once(server, 'listening');
  return {
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
