import { Queue } from 'bullmq';
import { mintToken } from '../../../test/support/simulator.ts';
import { during, paceOf, timesOf } from '../measure.ts';
import { beside, type Figure, type Scenario } from '../scenario.ts';

const INTERVAL_MS = 100;
const PEERS = [
  { name: 'BullMQ’s limiter', file: 'bench/pace/limiterWorker.ts' },
  { name: 'Bottleneck in cluster mode', file: 'bench/pace/bottleneckWorker.ts' },
];

export const peers: Scenario = {
  name: 'peers',
  title:
    'beside them: BullMQ’s limiter alone, Bottleneck in cluster mode (4 processes, 0.1 s, 2 % 401, 5 % 503)',
  seconds: 15,
  async run(bed, seconds) {
    const fleet = await bed.fleet(0, {});
    await fleet.ebay.arm({ fault: 'expired-token', revoke: false, share: 0.02 });
    await fleet.ebay.arm({ fault: 'status', status: 503, share: 0.05 });
    const queue = new Queue('limited', { connection: { url: bed.redisUrl } });
    const jobs = Array.from({ length: seconds * 20 }, () => ({ name: 'call', data: {} }));
    await queue.addBulk(jobs);
    const env = {
      REDIS_URL: bed.redisUrl,
      EBAY_API_URL: bed.simulatorUrl,
      BENCH_INTERVAL_MS: String(INTERVAL_MS),
      BENCH_TOKEN: await mintToken(bed.simulatorUrl),
    };
    const figures: Figure[] = [];
    for (const { name, file } of PEERS) {
      const workers = [1, 2, 3, 4].map(() => bed.start(['--import', 'tsx', file], env));
      await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
      await during(2, bed.say, `${name} warms up`);
      const { lastSeq } = await fleet.ebay.state();
      await during(seconds, bed.say, name);
      const calls = bed.arrivals(await fleet.calls(lastSeq));
      await Promise.all(workers.map((worker) => worker.stop(1000)));
      const { calls: made, short, minGapMs, use } = paceOf(timesOf(calls), INTERVAL_MS);
      figures.push(
        beside(`${name}: gaps below 95 ms, of ${made} calls`, short),
        beside(`${name}: least gap, ms`, minGapMs),
        beside(`${name}: calls made ÷ calls permitted`, use),
      );
    }
    await queue.close();
    await bed.clear();
    return figures;
  },
};
