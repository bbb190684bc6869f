import { once, setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controls } from './controls.ts';
import { type SimulatorOptions, withDefaults } from './options.ts';
import { handle } from './server.ts';
import { createWorld } from './world.ts';

/** A running eBay, and what can be done to it. */
export interface Simulator {
  /** Origin, e.g. `http://127.0.0.1:40123`: eBay's own paths lie below it. */
  readonly url: string;
  readonly port: number;
  readonly controls: Controls;
  /** Ends at once, open and hanging connections included. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a simulator. Any number can run in one process; they share nothing.
 * @throws the server's own error when it cannot listen, e.g. code EADDRINUSE
 */
export async function startSimulator(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const complete = withDefaults(options);
  const closing = new AbortController();
  // Every answer that is made to wait listens for it.
  setMaxListeners(0, closing.signal);
  const server = createServer();
  // Clients keep connections for long; that the simulator hangs up first would look like a fault.
  server.keepAliveTimeout = 65_000;
  server.listen(complete.port, complete.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = complete.host.includes(':') ? `[${complete.host}]` : complete.host;
  const url = `http://${host}:${port}`;

  const world = createWorld(complete, complete.publicUrl ?? url, closing.signal);
  const controls = new Controls(world);
  server.on('request', (request, response) => {
    handle(world, controls, request, response).catch((error: unknown) => {
      // A client that hung up, or the simulator closing, ends a request; anything else is our own mistake.
      if (response.destroyed || closing.signal.aborted) return;
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`the simulator failed: ${error instanceof Error ? error.message : String(error)}`);
    });
  });
  const closed = once(server, 'close').then(() => undefined);
  return {
    url,
    port,
    controls,
    close: () => {
      closing.abort();
      server.close();
      server.closeAllConnections();
      return closed;
    },
  };
}
