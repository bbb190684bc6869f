import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * How Redis goes away:
 * - `closed`: every connection ends, and new ones are reset
 * - `silent`: connections stay open, and their bytes vanish; new ones get no answer either. Those that were opened in that
 *   time stay dead.
 */
export type Absence = 'closed' | 'silent';

export interface CommandProxy {
  readonly port: number;
  /** Commands that clients have sent through it so far. */
  readonly commands: number;
  /** Whether Redis is away. */
  readonly away: boolean;
  /** Redis is away from its `count`-th next command on, which it does not get any more. */
  cutAt(count: number, how: Absence): void;
  /** Redis goes away now. */
  cut(how: Absence): void;
  /** Redis is back. */
  restore(): void;
  close(): Promise<void>;
}

/** A proxy in front of a Redis on a loopback port that counts commands and can cut it off before any of them. */
export async function startCommandProxy(targetPort: number): Promise<CommandProxy> {
  const sockets = new Set<Socket>();
  const dead = new WeakSet<Socket>();
  let commands = 0;
  let away: Absence | undefined;
  let planned: { at: number; how: Absence } | undefined;

  const cut = (how: Absence) => {
    away = how;
    planned = undefined;
    for (const socket of sockets) {
      if (how === 'closed') socket.destroy();
      dead.add(socket);
    }
  };
  const server = createServer({ noDelay: true }, (client) => {
    if (away === 'closed') {
      client.resetAndDestroy();
      return;
    }
    const redis = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, redis]) {
      sockets.add(socket);
      if (away === 'silent') dead.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    const split = commandSplitter();
    client.on('data', (chunk) => {
      for (const command of split(chunk)) {
        if (dead.has(client)) return;
        commands += 1;
        if (planned !== undefined && commands >= planned.at) cut(planned.how);
        else redis.write(command);
      }
    });
    redis.on('data', (chunk) => {
      if (!dead.has(client)) client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    get commands() {
      return commands;
    },
    get away() {
      return away !== undefined;
    },
    cutAt(count, how) {
      planned = { at: commands + count, how };
    },
    cut,
    restore() {
      away = undefined;
      planned = undefined;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Splits what a client sends into whole commands of RESP: `*COUNT`, then COUNT times `$LENGTH` and that many bytes. */
function commandSplitter(): (chunk: Buffer) => Buffer[] {
  let kept = Buffer.alloc(0);
  return (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    const commands: Buffer[] = [];
    for (let end = endOfCommand(kept); end !== undefined; end = endOfCommand(kept)) {
      commands.push(kept.subarray(0, end));
      kept = kept.subarray(end);
    }
    return commands;
  };
}

/** Where the first command ends; undefined where it is not complete. */
function endOfCommand(bytes: Buffer): number | undefined {
  let at = 0;
  const number = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const parts = number();
  if (parts === undefined) return undefined;
  for (let part = 0; part < parts; part += 1) {
    const length = number();
    if (length === undefined) return undefined;
    at += length + 2;
  }
  return at <= bytes.length ? at : undefined;
}
