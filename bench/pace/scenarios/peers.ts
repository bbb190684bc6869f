import { Queue } from 'bullmq';
import { mintToken } from '../../../test/support/simulator.ts';
import { during, paceOf } from '../measure.ts';
import { beside, type Scenario } from '../scenario.ts';

const INTERVAL_MS = 100;

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
    const workers = [1, 2, 3, 4].map(() =>
      bed.start(['--import', 'tsx', 'bench/pace/limiterWorker.ts'], env),
    );
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await during(2, bed.say, 'BullMQ’s limiter warms up');
    const { lastSeq } = await fleet.ebay.state();
    await during(seconds, bed.say, 'BullMQ’s limiter');
    const calls = await fleet.calls(lastSeq);
    await queue.close();
    await bed.clear();
    const pace = paceOf(
      calls.map(({ at }) => at),
      INTERVAL_MS,
    );
    return [
      beside(`BullMQ’s limiter: gaps below 95 ms, of ${pace.calls} calls`, pace.short),
      beside('BullMQ’s limiter: least gap, ms', pace.minGapMs),
      beside('BullMQ’s limiter: calls made ÷ calls permitted', pace.use),
      beside('Bottleneck in cluster mode', 'not installed'),
    ];
  },
};
