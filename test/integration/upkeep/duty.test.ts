import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { quotaRound, startDuty, startUpkeep } from '../../../src/fleet/upkeep.ts';
import { openQueues } from '../../../src/queue/bullmq/openQueues.ts';
import { type Logger, NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a duty', () => {
  const server = useRedis();
  let redis: Redis;
  let duties: Array<ReturnType<typeof startDuty>>;
  beforeEach(() => {
    redis = server.connect();
    duties = [];
  });
  afterEach(() => Promise.all(duties.map((duty) => duty.stop())));

  function start(work: () => Promise<unknown>, log: Logger = NOOP_LOGGER) {
    const duty = startDuty({ name: 'test', redis, prefix: '{ebay}', everyMs: 20, leaseMs: 300, work, log });
    duties.push(duty);
    return duty;
  }

  it('is done by one process at a time, which hands it over when it stops', async () => {
    const rounds: string[] = [];
    const [first] = ['a', 'b'].map((name) => start(async () => rounds.push(name)));
    await waitFor('some rounds', () => rounds.length > 3);
    const [holder, other] = rounds[0] === 'a' ? ['a', 'b'] : ['b', 'a'];
    expect(new Set(rounds)).to.deep.equal(new Set([holder]));
    await (holder === 'a' ? first : duties[1])?.stop();
    const handedOverAt = rounds.length;
    await waitFor('the other to take over', () => rounds.length > handedOverAt + 1);
    expect(new Set(rounds.slice(handedOverAt))).to.deep.equal(new Set([other]));
  });

  it('renews its lease a few times in the life of it, not in each round, and keeps it', async () => {
    let rounds = 0;
    start(async () => {
      rounds += 1;
    });
    await waitFor('the first round', () => rounds > 0);
    await redis.config('RESETSTAT');
    const before = rounds;
    const beganAt = performance.now();
    await waitFor('rounds for longer than the lease lasts', () => rounds >= before + 30);
    const mostRenewals = 1 + (performance.now() - beganAt) / (300 / 3);
    const sets = Number(/cmdstat_set:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    expect(sets).to.be.within(1, mostRenewals);
    expect(await redis.exists('{ebay}:lease:test')).to.equal(1);
  });

  it('never overlaps itself, however long a round takes', async () => {
    let underWay = 0;
    let most = 0;
    let rounds = 0;
    start(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      // Longer than the lease: it is renewed meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 400));
      underWay -= 1;
      rounds += 1;
    });
    await waitFor('rounds', () => rounds >= 2);
    expect(most).to.equal(1);
  });

  it('goes on after a round that failed, and logs it once, not every time', async () => {
    let rounds = 0;
    const lines: unknown[] = [];
    start(
      async () => {
        rounds += 1;
        throw new Error('no luck');
      },
      { ...NOOP_LOGGER, warn: (_message, fields) => lines.push(fields) },
    );
    await waitFor('more rounds', () => rounds > 3);
    expect(lines).to.deep.equal([{ duty: 'test', reason: 'no luck', suppressed: 0 }]);
  });
});

describe('the quota round', () => {
  it('asks eBay at first and then only when calls were made since', async () => {
    const mark = { granted: 0, reset: 1 };
    let asked = 0;
    const round = quotaRound({
      gate: { read: async () => ({ mark: { ...mark } }) as never },
      reconcile: async () => {
        asked += 1;
        return true;
      },
    });
    const { signal } = new AbortController();
    await round(signal);
    await round(signal);
    expect(asked).to.equal(1);
    mark.granted = 3;
    await round(signal);
    await round(signal);
    expect(asked).to.equal(2);
  });
});

describe('an inspection that a worker asks for and that fails', () => {
  const server = useRedis();

  it('is in the log with the queue and why, once a minute', async () => {
    const redis = server.connect();
    const { evalsha } = redis;
    redis.evalsha = (async (...args: Parameters<typeof evalsha>) => {
      if (args.includes('{ebay}:quarantine')) throw new Error('OOM command not allowed');
      return evalsha.apply(redis, args);
    }) as typeof evalsha;
    const { searches, calls, deliveries } = openQueues(redis, '{ebay}', 'default');
    const lines: unknown[] = [];
    const warn = (message: string, fields: object = {}) => lines.push({ message, ...fields });
    const queues = { searches, calls, deliveries };
    const context = { tenant: 'default', redis, ...queues, log: { ...NOOP_LOGGER, warn } };
    const ebay = { gate: { read: async () => ({}) }, reconcile: async () => true };
    const fleet = { queues: () => undefined, alerts: () => undefined, plan: () => ({}) };
    const config = testConfig();
    const upkeep = startUpkeep(context as never, config, ebay as never, fleet as never, () => config);
    for (let i = 0; i < 3; i += 1) await upkeep.inspect('ebay-search');
    await upkeep.stop();
    expect(
      lines.filter((line) => (line as { message: string }).message === 'inspection failed'),
    ).to.deep.equal([
      {
        message: 'inspection failed',
        queue: 'ebay-search',
        reason: 'OOM command not allowed',
        suppressed: 0,
      },
    ]);
    await Promise.all(Object.values(queues).map((queue) => queue.close()));
  });
});
