import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What the network does:
 * - `ok`: passes everything on
 * - `latency`: passes on later, each direction by half of `latencyMs`
 * - `stall`: takes bytes and connections and keeps the bytes until the mode changes
 * - `vanish`: bytes disappear for good, without FIN or RST, as behind a dead router
 * - `reset`: every connection, old and new, ends with a TCP reset
 */
export type ProxyMode = 'ok' | 'latency' | 'stall' | 'vanish' | 'reset';

export interface TcpProxy {
  readonly port: number;
  mode: ProxyMode;
  latencyMs: number;
  /** A connection whose client has sent this gets no byte of an answer any more. */
  keepAnswersAfter: string | undefined;
  /** Where new connections go; another one after a server was started anew. */
  targetPort: number;
  /** Connections opened through it so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A TCP proxy in front of a loopback port, for being slow or gone on purpose. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let targetPort = target;
  let mode: ProxyMode = 'ok';
  let latencyMs = 0;
  let keepAnswersAfter: string | undefined;
  let connections = 0;
  const sockets = new Set<Socket>();
  const upstream = new WeakSet<Socket>();
  const lost = new WeakSet<Socket>();
  const stalled: Array<() => void> = [];

  const relay = (from: Socket, to: Socket) => {
    // One chain per direction keeps the bytes in order whatever the delays.
    let last = Promise.resolve();
    from.on('data', (chunk) => {
      if (keepAnswersAfter !== undefined && chunk.includes(keepAnswersAfter)) lost.add(to);
      // TCP never goes on behind a gap: a connection that lost bytes stays dead, whatever the network does later.
      if (mode === 'vanish') lost.add(from).add(to);
      if (lost.has(from)) return;
      const due = Date.now() + (mode === 'latency' ? latencyMs / 2 : 0);
      const held = mode === 'stall' ? new Promise<void>((release) => stalled.push(release)) : undefined;
      last = last.then(async () => {
        await held;
        if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.on('close', () => last.then(() => to.destroy()));
    from.on('error', () => to.destroy());
  };

  const server = createServer({ noDelay: true }, (client) => {
    connections += 1;
    if (mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    upstream.add(server);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    relay(client, server);
    relay(server, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      if (next !== 'stall') for (const release of stalled.splice(0)) release();
      if (next !== 'reset') return;
      // Node does not close the handle of a socket whose reset fails, as towards a server that is gone.
      for (const socket of sockets) upstream.has(socket) ? socket.destroy() : socket.resetAndDestroy();
    },
    get latencyMs() {
      return latencyMs;
    },
    set latencyMs(next) {
      latencyMs = next;
    },
    get keepAnswersAfter() {
      return keepAnswersAfter;
    },
    set keepAnswersAfter(next) {
      keepAnswersAfter = next;
    },
    get targetPort() {
      return targetPort;
    },
    set targetPort(next) {
      targetPort = next;
    },
    get connections() {
      return connections;
    },
    async close() {
      for (const release of stalled.splice(0)) release();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
