import { FlowProducer, Queue } from 'bullmq';
import { expect } from 'chai';
import { Sweep } from '../../../src/fleet/sweep.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { useRedis } from '../../support/redis.ts';

const PREFIX = '{ebay}';

describe('a part of a sweep that fails', () => {
  const server = useRedis();

  for (const failing of ['keys', 'schedulers', 'a state'])
    it(`keeps no other part from being done, and fails the round: ${failing}`, async () => {
      const redis = server.connect();
      const options = { connection: redis, prefix: PREFIX };
      const names = ['ebay-calls', 'ebay-search', 'ebay-alerts'];
      const [calls, searches, deliveries] = names.map((name) => new Queue(name, options)) as [
        Queue,
        Queue,
        Queue,
      ];
      const flow = new FlowProducer(options);
      await flow.add({
        name: 'search',
        queueName: 'ebay-search',
        data: { query: 'phone case' },
        opts: { jobId: 's_1', priority: 1 },
        children: [{ name: 'page', queueName: 'ebay-calls', data: {}, opts: { jobId: 's_1-r1-p1' } }],
      });
      await redis.del(calls.toKey('s_1-r1-p1'), calls.toKey('wait'));
      await searches.add('search', { query: 'phone case' }, { jobId: 's_2' });
      const expelForeign = async () => {
        if (failing === 'schedulers') throw new Error('this part fails');
        return [];
      };
      const { lrange, evalsha } = redis;
      if (failing === 'a state')
        redis.lrange = (async (...args: Parameters<typeof lrange>) => {
          if (args[0] === searches.toKey('wait')) throw new Error('this part fails');
          return lrange.apply(redis, args);
        }) as typeof lrange;
      if (failing === 'keys')
        redis.evalsha = (async (...args: Parameters<typeof evalsha>) => {
          if (args.includes(`${PREFIX}:quarantine`)) throw new Error('this part fails');
          return evalsha.apply(redis, args);
        }) as typeof evalsha;
      const sweep = new Sweep({
        redis,
        searches,
        calls,
        deliveries,
        maxRestarts: 3,
        budgets: { holders: async () => [], settle: async () => [] },
        log: NOOP_LOGGER,
        markOverdue: async () => false,
        expelForeign,
        searchLost: async (id) => expect.fail(`${id} counts as lost`),
        metrics: { settled: () => undefined, quarantined: () => expect.fail('quarantined') },
      });
      const ended = await sweep.round(new AbortController().signal).catch((error: Error) => error.message);
      expect(ended).to.equal('this part fails');
      expect(await searches.getJobState('s_1')).to.equal('prioritized');
      await Promise.all([searches, calls, deliveries, flow].map((each) => each.close()));
    });
});
