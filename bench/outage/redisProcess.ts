import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { waitFor } from '../../test/support/waitFor.ts';

/** A Redis with an append-only file that can be killed and comes back on the same port with what it had written. */
export class RedisProcess {
  readonly #port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  constructor(port: number, folder: string) {
    this.#port = port;
    this.#folder = folder;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}/0`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const args = ['--port', String(this.#port), '--save', '', '--appendonly', 'yes', '--dir', this.#folder];
    this.#child = spawn('redis-server', args, { stdio: 'ignore' });
    const probe = new Redis(this.#port, { retryStrategy: () => 10 });
    probe.on('error', () => undefined);
    await waitFor('Redis', async () => (await probe.ping().catch(() => '')) === 'PONG');
    probe.disconnect();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
