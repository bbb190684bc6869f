import { FlowProducer, Queue } from 'bullmq';
import { expect } from 'chai';
import { Sweep } from '../../../src/fleet/sweep.ts';
import { openRedis } from '../../../src/redis/connection.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';

const PREFIX = '{ebay}';
/** A command without a key goes to a random node of three: the wrong one is missed 12 times in 1 of 500,000 runs. */
const ROUNDS = 12;

describe('the sweep on a Redis Cluster of three', () => {
  const server = useRedis('cluster');
  let redis: ReturnType<typeof openRedis>;
  let searches: Queue;
  let calls: Queue;
  let deliveries: Queue;
  let flow: FlowProducer;
  let settled: string[];

  beforeEach(async () => {
    redis = openRedis(testConfig({ REDIS_URL: server.url }).redis, 'worker', NOOP_LOGGER);
    await redis.ping();
    const options = { connection: redis, prefix: PREFIX };
    searches = new Queue('ebay-search', options);
    calls = new Queue('ebay-calls', options);
    deliveries = new Queue('ebay-alerts', options);
    flow = new FlowProducer(options);
    settled = [];
  });
  afterEach(async () => {
    await Promise.all([searches, calls, deliveries, flow].map((each) => each.close()));
    redis.disconnect();
  });

  /** A search that waits for one page, of which nothing is left. */
  async function searchWithoutItsPage(searchId: string) {
    await flow.add({
      name: 'search',
      queueName: 'ebay-search',
      data: { query: 'phone case' },
      opts: { jobId: searchId, priority: 1 },
      children: [
        {
          name: 'page',
          queueName: 'ebay-calls',
          data: {},
          opts: { jobId: `${searchId}-r1-p1`, priority: 1 },
        },
      ],
    });
    expect(await searches.getJobState(searchId)).to.equal('waiting-children');
    await redis.del(`${PREFIX}:ebay-calls:${searchId}-r1-p1`);
    await redis.zrem(`${PREFIX}:ebay-calls:prioritized`, `${searchId}-r1-p1`);
  }

  it('releases a search whose page is gone in each single round', async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const searchId = `s_${round}`;
      await searchWithoutItsPage(searchId);
      const sweep = new Sweep({
        redis,
        searches,
        calls,
        deliveries,
        maxRestarts: 3,
        budgets: { holders: async () => [], settle: async () => [] },
        log: NOOP_LOGGER,
        markOverdue: async () => false,
        expelForeign: async () => [],
        searchLost: async (id) => expect.fail(`${id} counts as lost`),
        metrics: { settled: (what) => settled.push(what), quarantined: () => expect.fail('quarantined') },
      });
      await sweep.round(new AbortController().signal);
      expect(await searches.getJobState(searchId), `after round ${round}`).to.equal('prioritized');
      expect(await redis.exists(`${PREFIX}:ebay-search:${searchId}:dependencies`)).to.equal(0);
    }
    expect(settled).to.deep.equal(Array(ROUNDS).fill('search'));
  });
});
