import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import sinon from 'sinon';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded.ts';
import { startTestRedis } from '../../support/redis.ts';

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

  it('says what to run where no server is on the PATH and none may be installed', async () => {
    sinon.stub(process, 'getuid').returns(1000);
    const lines: string[] = [];
    const refused = startEmbeddedRedis({ path: folder, say: (line) => lines.push(line) });
    expect(await refused.catch((error: Error) => error.message)).to.equal(
      "no redis-server or valkey-server on the PATH: run `apt-get install -y redis-server` (or your system's way) first",
    );
    expect(lines).to.deep.equal([]);
  });

  it('takes no file for a server that cannot be run, and none of the working directory', async () => {
    sinon.stub(process, 'getuid').returns(1000);
    const refusal = (path: string) =>
      startEmbeddedRedis({ path }).catch((error: Error) => error.message) as Promise<string>;
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
