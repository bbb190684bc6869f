import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReverseProxy {
  readonly url: string;
  /** Requests for paths outside the prefix. */
  readonly outside: readonly string[];
  close(): Promise<void>;
}

/**
 * Serves another server under a prefix, passing on the Host, and nothing beside it.
 * @param strips takes the prefix off
 */
export async function startReverseProxy(
  target: string,
  { prefix, strips }: { prefix: string; strips: boolean },
): Promise<ReverseProxy> {
  const outside: string[] = [];
  const server = createServer((incoming, answer) => {
    const { url = '', method, headers } = incoming;
    if (url !== prefix && !/^[/?]/.test(url.startsWith(prefix) ? url.slice(prefix.length) : '')) {
      outside.push(`${method} ${url}`);
      answer.writeHead(404).end('outside');
      return;
    }
    const rest = url.slice(prefix.length);
    const path = !strips ? url : rest.startsWith('/') ? rest : `/${rest}`;
    const sent = request(target, { path, method, headers }, (received) => {
      answer.writeHead(received.statusCode ?? 502, received.rawHeaders);
      received.pipe(answer);
    });
    sent.on('error', () => answer.destroy());
    answer.on('close', () => sent.destroy());
    incoming.pipe(sent);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    outside,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
