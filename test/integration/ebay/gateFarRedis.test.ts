import { expect } from 'chai';
import { Redis } from 'ioredis';
import { gapsOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcpProxy.ts';

const INTERVAL_MS = 300;
const CALLS = 8;

describe('a call gate with its Redis 100 ms away', () => {
  const redis = useRedis();
  let proxy: TcpProxy;
  let far: Redis;
  beforeEach(async () => {
    proxy = await startTcpProxy(Number(new URL(redis.url).port));
    Object.assign(proxy, { mode: 'latency', latencyMs: 100 });
    far = new Redis(proxy.port, '127.0.0.1');
  });
  afterEach(async () => {
    far.disconnect();
    await proxy.close();
  });

  it('keeps the interval, and waits for no round trip beyond it', async () => {
    const gate = inRedis(() => far)({ intervalMs: INTERVAL_MS, maxSleepMs: 1000 });
    const times: number[] = [];
    const calls = Array.from({ length: CALLS }, async () => {
      const slot = await gate.enter({ class: 'interactive' });
      times.push(performance.now());
      slot.sent();
    });
    await Promise.all(calls);
    const gaps = gapsOf(times).sort((a, b) => a - b);
    // On a busy machine a call goes on some ms after its slot, and the next gap is shorter by that. A gate that took its slots to
    // begin with Redis's answer would be off by 50 ms.
    expect(gaps[0]).to.be.at.least(INTERVAL_MS - 20);
    // A gate that did not consider the round trip would add one of at least 100 ms to every gap.
    expect(gaps[Math.floor(gaps.length / 2)]).to.be.below(INTERVAL_MS + 80);
  });

  it('asks once for each slot when no other process waits', async () => {
    const gate = inRedis(() => far)({ intervalMs: INTERVAL_MS, maxSleepMs: 1000 });
    const admin = redis.connect();
    const asked = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    const pass = async () => (await gate.enter({ class: 'interactive' })).sent();
    // The first answers show how far away Redis is.
    await Promise.all([pass(), pass(), pass()]);
    const before = await asked();
    await Promise.all(Array.from({ length: CALLS }, pass));
    expect((await asked()) - before).to.be.within(CALLS, 2 * CALLS - 1);
  });
});
