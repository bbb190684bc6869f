import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Scrubber } from '../telemetry/scrubber.ts';

export interface OperationsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  registry: Registry;
  /** Masks secrets in reasons: they may be somebody else's words. */
  scrubber: Scrubber;
  /** Brings up to date what is measured only when somebody looks. */
  refresh: () => Promise<void>;
  /** Whether the process does its work at all; asked by `/livez`. */
  isAlive: () => boolean;
  /** What keeps the process from working, one sentence each; empty when it is ready. */
  obstacles: () => Promise<string[]>;
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
  const { registry, scrubber, refresh, isAlive, obstacles } = options;
  switch (path) {
    case '/metrics':
      // Old figures are better than none while Redis is away.
      await refresh().catch(() => undefined);
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
      return;
    case '/livez':
      return isAlive() ? send(response, 200, { alive: true }) : send(response, 503, { alive: false });
    case '/readyz': {
      const reasons = scrubber.value(await obstacles());
      return send(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
    }
    default:
      return send(response, 404, { error: 'there are /metrics, /livez and /readyz' });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
