import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import sinon from 'sinon';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded.ts';
import { startTestRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const EMBEDDED = new URL('../../../src/redis/embedded.ts', import.meta.url).href;

describe('an embedded Redis', () => {
  let folder: string;
  const servers: EmbeddedRedis[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'embedded-'));
  });
  afterEach(async () => {
    sinon.restore();
    for (const server of servers.splice(0)) await server.stop();
    rmSync(folder, { recursive: true });
  });

  const start = async (...given: Parameters<typeof startTestRedis>) => {
    const server = await startTestRedis(...given);
    servers.push(server);
    return server;
  };
  const ask = async <T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(url, { retryStrategy: null });
    redis.on('error', () => undefined);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  };

  it('is a real server on loopback that evicts nothing, and each one is its own', async () => {
    const [one, two] = [await start(), await start()];
    expect(one.port).not.to.equal(two.port);
    expect(one.url).to.equal(`redis://127.0.0.1:${one.port}/0`);
    await ask(one.url, (redis) => redis.set('key', 'value'));
    expect(await ask(two.url, (redis) => redis.get('key'))).to.equal(null);
    const policy = await ask(one.url, (redis) => redis.config('GET', 'maxmemory-policy'));
    expect(policy).to.deep.equal(['maxmemory-policy', 'noeviction']);
  });

  it('takes further arguments, so that it keeps its keys over a restart', async () => {
    const args = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder];
    const first = await startTestRedis(args);
    await ask(first.url, (redis) => redis.set('key', 'kept'));
    await first.stop();
    await start(args, first.port);
    expect(await ask(first.url, (redis) => redis.get('key'))).to.equal('kept');
  });

  it('is refused where its port is taken', async () => {
    sinon.stub(console, 'warn');
    const { port } = await start();
    expect(await startTestRedis([], port).catch((error: unknown) => error)).not.to.have.property('url');
  });

  it('is gone after its stop', async () => {
    const server = await startTestRedis();
    await server.stop();
    expect(await ask(server.url, (redis) => redis.ping()).catch((error: Error) => error)).to.be.instanceOf(
      Error,
    );
  });

  it('ends when its process is killed', async () => {
    const script = join(folder, 'owner.mjs');
    writeFileSync(
      script,
      `const { startEmbeddedRedis } = await import(${JSON.stringify(EMBEDDED)});
       console.log((await startEmbeddedRedis()).url);
       setInterval(() => {}, 1000);`,
    );
    const owner = spawn(process.execPath, ['--import', 'tsx/esm', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface(owner.stdout), 'line')) as [string];
    expect(await ask(url, (redis) => redis.ping())).to.equal('PONG');
    owner.kill('SIGKILL');
    await waitFor('its end', () =>
      ask(url, (redis) => redis.ping()).then(
        () => false,
        () => true,
      ),
    );
  });

  it('goes on though it writes much to its log', async () => {
    const server = await start(['--loglevel', 'debug']);
    const script = 'for n = 1, 20000 do redis.log(redis.LOG_WARNING, "a line of the log") end return 1';
    expect(await ask(server.url, (redis) => redis.eval(script, 0))).to.equal(1);
  });

  for (const [manager, uid, command] of [
    ['apt-get', 1000, 'sudo apt-get install -y redis-server'],
    ['dnf', 1000, 'sudo dnf install -y valkey'],
    ['apk', 0, 'apk add redis'],
    ['brew', 501, 'brew install redis'],
  ] as const)
    it(`says what to run where ${manager} is there, no server is, and none may be installed`, async () => {
      sinon.stub(process, 'getuid').returns(uid);
      writeFileSync(join(folder, manager), '#!/bin/false', { mode: 0o755 });
      const lines: string[] = [];
      const refused = startEmbeddedRedis({
        env: { PATH: folder, HOME: folder },
        say: (line) => lines.push(line),
      });
      expect(await refused.catch((error: Error) => error.message)).to.equal(
        `no redis-server or valkey-server on the PATH: run \`${command}\` first`,
      );
      expect(lines).to.deep.equal([]);
    });

  it('is asked for before the tests run: without a server they end at once with one line', () => {
    const script = fileURLToPath(new URL('../../../scripts/requireRedis.ts', import.meta.url));
    const args = ['--import', 'tsx', script];
    const { status, stderr } = spawnSync(process.execPath, args, {
      env: { PATH: folder, HOME: folder },
      encoding: 'utf8',
    });
    expect([status, stderr]).to.deep.equal([
      4,
      'no redis-server or valkey-server on the PATH: install Redis 7 or Valkey first\n',
    ]);
  });

  it('takes no file for a server that cannot be run, and none of the working directory', async () => {
    sinon.stub(process, 'getuid').returns(1000);
    const refusal = (path: string) =>
      startEmbeddedRedis({ env: { PATH: path, HOME: folder } }).catch(
        (error: Error) => error.message,
      ) as Promise<string>;
    const file = join(folder, 'redis-server');
    writeFileSync(file, '#!/bin/false');
    chmodSync(file, 0o644);
    expect(await refusal(folder)).to.include('no redis-server');

    chmodSync(file, 0o755);
    const home = process.cwd();
    process.chdir(folder);
    try {
      expect(await refusal('')).to.include('no redis-server');
      expect(await refusal(['', join(folder, 'gone')].join(delimiter))).to.include('no redis-server');
    } finally {
      process.chdir(home);
    }
  });
});
