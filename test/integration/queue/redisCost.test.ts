import { expect } from 'chai';
import { deepSearch } from '../../support/deepSearch.ts';
import { useRedis } from '../../support/redis.ts';
import { type Pair, serviceEnv, startPair } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcpProxy.ts';
import { waitFor } from '../../support/waitFor.ts';

const WARM_UP = 10;
const MEASURED = 40;
/** What runs by the clock: counts, stalled checks, leases, the configuration's version. A slow machine has more of it a call. */
const COMMANDS_A_SECOND = 30;

describe('what a call of a backlog costs Redis', function () {
  this.timeout(60_000);
  const redis = useRedis('single');
  const simulator = useSimulator();
  let proxy: TcpProxy;
  let pair: Pair | undefined;
  beforeEach(async () => {
    proxy = await startTcpProxy(Number(new URL(redis.url).port));
  });
  afterEach(async () => {
    await pair?.stop();
    pair = undefined;
    await proxy.close();
  });

  /** Commands a call, those within scripts counted and those by the clock not, with one worker that reaches Redis at this address. */
  async function commandsPerCall(workersRedis: string, interval: string): Promise<number> {
    const env = serviceEnv(redis.url, simulator().url, { MIN_API_CALL_INTERVAL: interval });
    pair = await startPair({ ...env, REDIS_URL: workersRedis }, env);
    await pair.producer.enqueueMany(Array.from({ length: 12 }, () => deepSearch('phone', 20)));
    const admin = redis.connect();
    const spent = async () => {
      const calls = simulator().controls.log({ kind: 'search' }).length;
      const stats = (await admin.info('commandstats')).matchAll(/cmdstat_\S+:calls=(\d+)/g);
      return {
        calls,
        at: performance.now(),
        commands: [...stats].reduce((sum, [, count]) => sum + Number(count), 0),
      };
    };
    const spentAfter = (calls: number) =>
      waitFor(
        `${calls} calls`,
        // What Redis counts is asked once: each question is a command too.
        () => (simulator().controls.log({ kind: 'search' }).length >= calls ? spent() : undefined),
        30_000,
      );
    const before = await spentAfter(WARM_UP);
    const after = await spentAfter(before.calls + MEASURED);
    const byClock = (COMMANDS_A_SECOND * (after.at - before.at)) / 1000;
    return (after.commands - before.commands - byClock) / (after.calls - before.calls);
  }

  // `npm run bench -- redis-cost` and `slow-redis` measure it.
  it('is at most 70 commands with one worker', async () => {
    expect(await commandsPerCall(redis.url, '0.05')).to.be.at.most(70);
  });

  it('is hardly more where Redis is 100 ms away: no call asks for its slot or its token again and again', async () => {
    Object.assign(proxy, { mode: 'latency', latencyMs: 100 });
    expect(await commandsPerCall(`redis://127.0.0.1:${proxy.port}/0`, '0.2')).to.be.at.most(85);
  });
});
