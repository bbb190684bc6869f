import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface TcpServer {
  port: number;
  close(): Promise<void>;
}

/** A server on a free loopback port that treats every connection as `handle` says. */
export async function startTcpServer(handle: (socket: Socket) => void): Promise<TcpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
