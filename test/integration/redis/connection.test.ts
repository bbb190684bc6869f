import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { Failure } from '../../../src/failures.ts';
import { openRedis, waitForRedis } from '../../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { startTestRedis } from '../../support/redis.ts';
import { startTcpServer, type TcpServer } from '../../support/tcpServer.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('waiting for Redis', () => {
  const opened: Redis[] = [];
  const servers: Array<TcpServer | EmbeddedRedis> = [];
  afterEach(async () => {
    for (const redis of opened.splice(0)) redis.disconnect();
    for (const server of servers.splice(0)) await ('stop' in server ? server.stop() : server.close());
  });

  const caller = (url: string) => {
    const { redis } = testConfig({ REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '0.1' });
    opened.push(openRedis(redis, 'caller', NOOP_LOGGER));
    return opened.at(-1) as Redis;
  };
  const failureOf = async (url: string, deadlineMs: number): Promise<Failure> => {
    const refused = await waitForRedis(caller(url), url, deadlineMs).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Failure);
    return refused as Failure;
  };
  const tcp = async (handle: Parameters<typeof startTcpServer>[0]) => {
    const server = await startTcpServer(handle);
    servers.push(server);
    return server;
  };

  it('ends as soon as it answers, also when it starts later', async () => {
    const { port, close } = await startTcpServer(() => undefined);
    await close();
    const url = `redis://127.0.0.1:${port}/0`;
    const ready = waitForRedis(caller(url), url, 15_000);
    const server = await startTestRedis([], port);
    servers.push(server);
    await ready;
  });

  it('names address and cause where nothing listens, and never the password', async () => {
    const { port, close } = await startTcpServer(() => undefined);
    await close();
    const { code, message } = await failureOf(`redis://user:c4n4ry@127.0.0.1:${port}/0`, 1000);
    expect(code).to.equal('redis-unavailable');
    expect(message).to.equal(`cannot reach Redis at 127.0.0.1:${port} (ECONNREFUSED)`);
  });

  it('ends at its deadline where something listens that never answers', async () => {
    const { port } = await tcp(() => undefined);
    const { message } = await failureOf(`redis://127.0.0.1:${port}/0`, 300);
    expect(message).to.match(new RegExp(`^cannot reach Redis at 127.0.0.1:${port} \\(.+\\)$`));
  });

  it('sends nothing that the users of the service may not send: CLIENT SETINFO', async () => {
    let sent = '';
    const { port } = await tcp((socket) => {
      socket.on('data', (command) => {
        sent += command;
        socket.write('$9\r\nloading:0\r\n');
      });
    });
    await waitForRedis(caller(`redis://127.0.0.1:${port}/0`), `redis://127.0.0.1:${port}/0`, 5000);
    expect(sent)
      .to.match(/ping/i)
      .and.not.match(/setinfo/i);
  });

  it('names the cause where something answers that is no Redis', async () => {
    const { port } = await tcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { message } = await failureOf(`redis://127.0.0.1:${port}/0`, 300);
    expect(message).to.include(`127.0.0.1:${port}`);
  });

  it('names the cause where the password is wrong or missing', async () => {
    const server = await startTestRedis(['--requirepass', 'right']);
    servers.push(server);
    const wrong = await failureOf(`redis://:c4n4ry@127.0.0.1:${server.port}/0`, 1500);
    expect(wrong.message).to.include('WRONGPASS').and.not.include('c4n4ry');
    const missing = await failureOf(`redis://127.0.0.1:${server.port}/0`, 1500);
    expect(missing.message).to.include('NOAUTH');
  });

  it('ends when it is told to', async () => {
    const { port } = await tcp(() => undefined);
    const url = `redis://127.0.0.1:${port}/0`;
    const ending = new AbortController();
    const waiting = waitForRedis(caller(url), url, Number.POSITIVE_INFINITY, ending.signal);
    ending.abort();
    expect(await waiting.catch((error: Failure) => error.code)).to.equal('redis-unavailable');
  });

  it('is over for a connection that lost its server, once that is back', async () => {
    const first = await startTestRedis();
    const redis = caller(first.url);
    await waitForRedis(redis, first.url, 15_000);
    await first.stop();
    await waitFor('the connection to be lost', () => redis.status !== 'ready');
    expect(await redis.get('key').catch((error: Error) => error)).to.be.instanceOf(Error);
    servers.push(await startTestRedis([], first.port));
    await waitForRedis(redis, first.url, 15_000);
    expect(await redis.get('key')).to.equal(null);
  });
});
