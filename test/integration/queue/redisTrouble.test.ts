import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../../src/app/worker.ts';
import type { Failure } from '../../../src/failures.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { startTestRedis } from '../../support/redis.ts';
import { serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcpProxy.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Timeouts a tenth of the defaults. */
const SCALED = {
  MIN_API_CALL_INTERVAL: '0',
  EBAY_CALL_TIMEOUT: '1',
  EBAY_CONNECT_TIMEOUT: '1',
  WORKER_LOCK_DURATION: '1',
  WORKER_STALLED_INTERVAL: '0.3',
  WORKER_BLOCKING_READ: '0.5',
  REDIS_CONNECT_TIMEOUT: '0.5',
  REDIS_COMMAND_TIMEOUT: '0.5',
  REDIS_SOCKET_TIMEOUT: '1.5',
};

describe('while Redis is in trouble', function () {
  this.timeout(40_000);
  const simulator = useSimulator();
  let server: EmbeddedRedis;
  let proxy: TcpProxy;
  /** Past the proxy. */
  let redis: Redis;
  let producer: SearchProducer;
  let worker: WorkerApp | undefined;
  let lines: string[];
  before(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });
  beforeEach(async () => {
    await redis.flushall();
    proxy = await startTcpProxy(server.port);
  });
  afterEach(async () => {
    proxy.mode = 'ok';
    await redis.replicaof('NO', 'ONE');
    await redis.config('SET', 'maxmemory', '0');
    await producer.close();
    await worker?.stop();
    await proxy.close();
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function start(env: Record<string, string> = {}): Promise<void> {
    const config = testConfig(
      serviceEnv(`redis://127.0.0.1:${proxy.port}`, simulator().url, { ...SCALED, ...env }),
    );
    lines = [];
    const stream = new PassThrough().on('data', (line) => lines.push(String(line)));
    const log = new LogRoot({ level: 'info', levels: '', format: 'json' }, stream);
    worker = await startWorkerApp(config, log);
    producer = openProducer(config, { log });
    await producer.ready();
    await worksAgain();
  }

  /** A search goes in and comes out complete; until then everything may be refused. */
  async function worksAgain(): Promise<void> {
    const { searchId } = await waitFor('a search to be taken', () =>
      producer
        .enqueue({ query: 'phone case', maxItems: 10 }, { idempotencyKey: String(lines.length) })
        .catch(() => undefined),
    );
    const { summary } = await producer.waitFor(searchId, { timeoutMs: 20_000 });
    expect(summary?.outcome).to.equal('complete');
  }

  const refusal = () =>
    producer.enqueue({ query: 'phone case', maxItems: 10 }).then(
      () => undefined,
      (failure: Failure) => failure,
    );

  it('a connection that died silently is replaced by worker and producer, which refuses meanwhile', async () => {
    await start();
    proxy.mode = 'vanish';
    const failure = await refusal();
    expect(failure?.code).to.equal('redis-unavailable');
    expect(failure?.detail.searchId).to.match(/^s_/);
    // New connections work, the old ones stay dead: bytes of those are lost already.
    proxy.mode = 'ok';
    await worksAgain();
  });

  it('a worker that is stuck, while work waits and nothing starts, is replaced', async () => {
    // Its own way of noticing a dead connection is switched off.
    await start({ REDIS_SOCKET_TIMEOUT: '3600', WORKER_STUCK_AFTER: '1' });
    proxy.mode = 'vanish';
    await refusal();
    proxy.mode = 'ok';
    await worksAgain();
    expect(lines.join('')).to.include('worker stalled, restarting it');
  });

  for (const [what, begin, end] of [
    ['is demoted', () => redis.replicaof('127.0.0.1', 1), () => redis.replicaof('NO', 'ONE')],
    ['is full', () => redis.config('SET', 'maxmemory', '1'), () => redis.config('SET', 'maxmemory', '0')],
  ] as const)
    it(`a Redis that ${what} is not asked by the thousand, and work goes on after it`, async () => {
      await start();
      // A job that is due in an hour: in an empty queue five asks of six are spared.
      await redis.zadd('{ebay}:ebay-search:delayed', (Date.now() + 3_600_000) * 0x1000, 'later');
      await redis.config('RESETSTAT');
      await begin();
      await refusal();
      // One line a second at most.
      const complaints = () => lines.filter((line) => line.includes('worker error')).length;
      await waitFor('seconds of trouble', () => complaints() >= 3);
      const count = await errors();
      await end();
      await worksAgain();
      // Stock BullMQ: thousands a second.
      expect(count).to.be.lessThan(100);
    });

  it('a job whose lock ran out because Redis took no writes is not blamed on its worker', async () => {
    await start();
    simulator().controls.arm({ fault: 'hang', count: 1 });
    await producer.enqueue({ query: 'garden hose', maxItems: 10 });
    const locks = async () => (await redis.keys('*:ebay-calls:*:lock')).length;
    const calls = () => simulator().controls.log({ kind: 'search' }).length;
    const before = calls();
    await waitFor('the call', () => calls() > before);
    await redis.config('SET', 'maxmemory', '1');
    await waitFor('the end of its lock', async () => (await locks()) === 0);
    await redis.config('SET', 'maxmemory', '0');
    const line = await waitFor('the line', () => lines.find((each) => each.includes('"stalled job"')));
    expect(JSON.parse(line).reason).to.match(/OOM command.*raise maxmemory/);
  });

  async function errors(): Promise<number> {
    const stats = await redis.info('errorstats');
    return [...stats.matchAll(/errorstat_(?:READONLY|OOM|ERR):count=(\d+)/g)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
  }
});
