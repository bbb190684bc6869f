import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../test/support/freePort.ts';
import { startTcpProxy, type TcpProxy } from '../../test/support/tcpProxy.ts';
import { waitFor } from '../../test/support/waitFor.ts';

/** FLUSHALL; killed and started with its data file, without it; another, empty server takes over. */
export const LOSS_KINDS = ['flush', 'restart', 'empty', 'failover'] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

interface Server {
  port: number;
  child: ChildProcess;
  /** The folder of its data file. */
  data: string;
}

/** A Redis with an append-only file behind one address, which loses its data in several ways. */
export class RedisThatLoses {
  readonly #folder: string;
  #server: Server | undefined;
  #proxy: TcpProxy | undefined;
  #started = 0;
  /** A connection to the present server. */
  direct: Redis = new Redis({ lazyConnect: true });

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(folder: string): Promise<RedisThatLoses> {
    const redis = new RedisThatLoses(folder);
    const { port } = await redis.#startServer();
    redis.#proxy = await startTcpProxy(port);
    return redis;
  }

  /** The address that stays the same. */
  get url(): string {
    return `redis://127.0.0.1:${this.#proxy?.port}/0`;
  }

  /** Resolves when Redis answers again. @param awayMs how long it is away where it goes away */
  async lose(kind: LossKind, awayMs: number): Promise<void> {
    const proxy = this.#proxy as TcpProxy;
    if (kind === 'flush') {
      await this.direct.flushall();
      return;
    }
    const before = this.#server as Server;
    before.child.kill('SIGKILL');
    await once(before.child, 'exit');
    proxy.mode = 'reset';
    await sleep(awayMs);
    const data = kind === 'restart' ? before.data : undefined;
    proxy.targetPort = (await this.#startServer(data)).port;
    proxy.mode = 'ok';
  }

  async stop(): Promise<void> {
    this.direct.disconnect();
    await this.#proxy?.close();
    this.#server?.child.kill('SIGKILL');
  }

  /** @param data the folder of its data file; default: a new one */
  async #startServer(data = join(this.#folder, String(this.#started))) {
    this.#started += 1;
    await mkdir(data, { recursive: true });
    const port = await freePort();
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data];
    const child = spawn('redis-server', [...place, '--save', '', '--appendonly', 'yes'], { stdio: 'ignore' });
    this.#server = { port, child, data };
    this.direct.disconnect();
    const redis = new Redis(port, { retryStrategy: () => 10, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    this.direct = redis;
    await waitFor('Redis', async () => (await redis.ping().catch(() => '')) === 'PONG');
    return this.#server;
  }
}
