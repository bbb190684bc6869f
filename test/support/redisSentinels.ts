import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './freePort.ts';
import { waitFor } from './waitFor.ts';

const MASTER = 'dpf';
const PATIENCE_MS = 60_000;

/** One Redis of the three, or one of the Sentinels that watch them. */
interface Node {
  port: number;
  child: ChildProcess;
}

/** A master with two replicas, watched by three Sentinels. */
export class TestSentinels {
  readonly #folder: string;
  readonly #downAfterMs: number;
  #servers: Node[] = [];
  #sentinels: Node[] = [];

  private constructor(folder: string, downAfterMs: number) {
    this.#folder = folder;
    this.#downAfterMs = downAfterMs;
  }

  /**
   * @param downAfterMs how long a master must be silent before the Sentinels give it up: above 1000, for they connect to
   * a server at most once a second, and would give up one that they have not yet connected to after a fail-over.
   */
  static async start(downAfterMs: number): Promise<TestSentinels> {
    const started = new TestSentinels(await mkdtemp(join(tmpdir(), 'dpf-sentinel-')), downAfterMs);
    await started.#startAll();
    return started;
  }

  get url(): string {
    const nodes = this.#sentinels.map(({ port }) => `127.0.0.1:${port}`);
    return `redis+sentinel://${nodes.join(',')}/0?master=${MASTER}`;
  }

  /** SIGKILLs the master. */
  async killMaster(): Promise<void> {
    const master = this.#server((await this.#agreedMaster()) as number);
    master.child.kill('SIGKILL');
    await once(master.child, 'exit');
  }

  /** Resolves when the one that was killed follows whoever is master now, and all is as calm as at the start. */
  async heal(): Promise<void> {
    const dead = this.#servers.find(({ child }) => child.signalCode !== null) as Node;
    let master: number | undefined;
    const another = async () => {
      master = await this.#agreedMaster();
      return master !== undefined && master !== dead.port;
    };
    await waitFor('another master', another, PATIENCE_MS);
    dead.child = this.#spawn(dead.port, ['--replicaof', '127.0.0.1', String(master)]);
    await waitFor('a master with two replicas', () => this.#calm(), PATIENCE_MS);
  }

  async stop(): Promise<void> {
    const all = [...this.#sentinels, ...this.#servers].filter(({ child }) => child.exitCode === null);
    for (const { child } of all) child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #startAll(): Promise<void> {
    const ports = await Promise.all([1, 2, 3].map(freePort));
    const [first] = ports as [number];
    this.#servers = ports.map((port) => ({
      port,
      child: this.#spawn(port, port === first ? [] : ['--replicaof', '127.0.0.1', String(first)]),
    }));
    await waitFor('two replicas', () => replicated(first), PATIENCE_MS);
    this.#sentinels = await Promise.all([1, 2, 3].map(() => this.#startSentinel(first)));
    await waitFor('the Sentinels to know each other', () => this.#calm(), PATIENCE_MS);
  }

  /** All agree on the master, see each other and two replicas, and hold none of them for dead. */
  async #calm(): Promise<boolean> {
    const master = await this.#agreedMaster();
    if (master === undefined || !(await replicated(master))) return false;
    const views = await Promise.all(
      this.#sentinels.map(({ port }) =>
        asked(port, async (redis) => [
          String(await redis.call('SENTINEL', 'MASTER', MASTER)),
          String(await redis.call('SENTINEL', 'REPLICAS', MASTER)),
        ]),
      ),
    );
    return views.every(
      ([its = '', replicas = '']) =>
        /num-slaves,2/.test(its) &&
        /num-other-sentinels,2/.test(its) &&
        !/[so]_down|disconnected/.test(its + replicas),
    );
  }

  #server(port: number): Node {
    return this.#servers.find((server) => server.port === port) as Node;
  }

  #spawn(port: number, more: string[]): ChildProcess {
    const files = ['--appendonly', 'yes', '--appenddirname', `aof-${port}`, '--dbfilename', `${port}.rdb`];
    const house = [
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#folder,
      '--save',
      '',
      '--repl-diskless-sync-delay',
      '0',
    ];
    const args = ['--port', String(port), ...house, ...files, ...more];
    return spawn('redis-server', args, { stdio: 'ignore' });
  }

  async #startSentinel(masterPort: number): Promise<Node> {
    const port = await freePort();
    const file = join(this.#folder, `sentinel-${port}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${this.#folder}`,
      `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER} ${this.#downAfterMs}`,
      `sentinel failover-timeout ${MASTER} 3000`,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return { port, child: spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }) };
  }

  /** The port of the one that every Sentinel names. One of them may still be told of a fail-over. */
  async #agreedMaster(): Promise<number | undefined> {
    const named = await Promise.all(
      this.#sentinels.map(({ port }) =>
        asked(port, async (redis) => {
          const [, found] = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)) as string[];
          return Number(found);
        }),
      ),
    );
    return new Set(named).size === 1 ? named[0] : undefined;
  }
}

/** Both replicas have what this master has. */
function replicated(master: number): Promise<boolean> {
  return asked(master, async (redis) => {
    const info = await redis.info('replication').catch(() => '');
    return (info.match(/state=online/g) ?? []).length === 2;
  });
}

async function asked<T>(port: number, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
