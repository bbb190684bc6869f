import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A forward proxy that knows CONNECT alone. Every name leads to loopback. */
export interface HttpProxy {
  readonly port: number;
  /** `host:port` of every CONNECT, in order, whatever became of it. */
  readonly targets: string[];
  /** `Proxy-Authorization` of every CONNECT. */
  readonly authorizations: (string | undefined)[];
  /** What a CONNECT is answered; undefined: nothing, until `release`. */
  status: number | undefined;
  /** Opens the tunnels that wait. */
  release(): void;
  /** Connections that are open to it now. */
  readonly open: number;
  close(): Promise<void>;
}

/** @param tls key and certificate of a proxy that is reached by TLS itself */
export async function startHttpProxy(tls?: { key: string; cert: string }): Promise<HttpProxy> {
  const targets: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const waiting: (() => void)[] = [];
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  };
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    keep(socket);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    keep(client);
    targets.push(request.url ?? '');
    authorizations.push(request.headers['proxy-authorization']);
    const tunnel = () => {
      const port = Number((request.url ?? '').split(':').at(-1));
      const origin = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(origin).pipe(client);
      });
      keep(origin);
      origin.once('error', () => client.destroy());
      client.once('close', () => origin.destroy());
    };
    if (proxy.status === undefined) {
      waiting.push(tunnel);
      // Its end is seen by reading only; nothing comes before the tunnel is open.
      client.resume().once('end', () => client.destroy());
    }
    if (proxy.status === 200) tunnel();
    else if (proxy.status !== undefined)
      client.end(`HTTP/1.1 ${proxy.status} No\r\nContent-Length: 0\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: HttpProxy = {
    port: (server.address() as AddressInfo).port,
    targets,
    authorizations,
    status: 200,
    release() {
      for (const tunnel of waiting.splice(0)) tunnel();
    },
    get open() {
      return open.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** A proxy for the surrounding `describe`, one for each test. */
export function useHttpProxy(): () => HttpProxy {
  let proxy: HttpProxy;
  beforeEach(async () => {
    proxy = await startHttpProxy();
  });
  afterEach(() => proxy.close());
  return () => proxy;
}
