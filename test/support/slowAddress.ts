import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import sinon from 'sinon';
import { waitFor } from './waitFor.ts';

/** A port of 127.0.0.1 whose queue of connections is full: the kernel leaves out who comes next, as a far host that is down. */
export interface SlowAddress {
  readonly port: number;
  stop(): Promise<void>;
}

/** Listens, and then accepts nothing for ever. */
const LISTENER = `
const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () =>
  process.stdout.write(server.address().port + '\\n', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)));
`;

export async function startSlowAddress(): Promise<SlowAddress> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const fillers: { socket: Socket; connected: boolean; since: number }[] = [];
  const fill = () => {
    const filler = { socket: connect(port, '127.0.0.1'), connected: false, since: Date.now() };
    filler.socket.on('connect', () => {
      filler.connected = true;
    });
    filler.socket.on('error', () => undefined);
    fillers.push(filler);
  };
  fill();
  // On loopback a connection that comes up does so at once.
  await waitFor('a full queue', () => {
    const last = fillers.at(-1);
    if (last?.connected) fill();
    return last !== undefined && !last.connected && Date.now() - last.since > 300;
  });
  return {
    port,
    async stop() {
      for (const { socket } of fillers) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

/** The name `ebay.test` has these addresses until `restore`; every other name its own. */
export function nameWithAddresses(...addresses: string[]): { restore(): void } {
  const lookup = dns.lookup;
  const all = addresses.map((address) => ({ address, family: 4 }));
  const answer = (host: string, ...rest: unknown[]) => {
    if (host !== 'ebay.test') return Reflect.apply(lookup, dns, [host, ...rest]);
    const [options, done] = rest as [{ all?: boolean }, (...args: unknown[]) => void];
    setImmediate(() => (options.all ? done(null, all) : done(null, addresses[0], 4)));
  };
  const stub = sinon.stub(dns, 'lookup').callsFake(answer as never);
  return { restore: () => stub.restore() };
}
