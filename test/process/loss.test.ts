import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { Finding } from '../../src/telemetry/finding.ts';
import { freePort } from '../support/freePort.ts';
import { useProcesses } from '../support/processes.ts';
import { serviceEnv } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

const REQUEST = { query: 'lamp', maxItems: 5 };

describe('a loss of Redis’s data, as an operator sees it', function () {
  this.timeout(90_000);
  const parts = useWorkerProcesses({ MIN_API_CALL_INTERVAL: '0.05' });
  const { dpf } = useProcesses();

  it('is named by the log, doctor, /readyz and metrics until somebody says that it was seen', async () => {
    const redis = new Redis(parts.redisUrl);
    const port = await freePort();
    const worker = await parts.startWorker({ METRICS_PORT: String(port) });
    const other = await parts.startWorker();
    const doctor = async (...flags: string[]) => {
      const env = serviceEnv(parts.redisUrl, parts.simulator.url);
      const ran = dpf(['doctor', '--json', ...flags], env);
      const exit = await ran.exit();
      const { findings } = JSON.parse(ran.stdout) as { findings: Finding[] };
      return { exit, data: findings.find(({ check }) => check === 'data') };
    };
    const metric = async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    expect((await doctor()).data).to.include({ state: 'ok' });
    await parts.producer.schedule.add({ name: 'by-hand', cron: '0 4 * * *', request: REQUEST });
    const census = () => redis.hget('{ebay}:config', 'census');
    await waitFor('the census', async () => (await census())?.includes('by-hand'), 30_000);
    expect(await metric('dpf_redis_loss_unacknowledged')).to.equal(0);
    const since = await metric('dpf_redis_data_since_timestamp_seconds');
    // Each process looks twice a second, and its report follows its look.
    const reports = () => redis.hvals('{ebay}:processes');
    const before = await reports();
    await waitFor('further looks', async () => (await reports()).every((each) => !before.includes(each)));

    await redis.flushall();
    const lost = /Redis lost its data: the fleet declares its own again/g;
    const lines = () => (worker.output + other.output).match(lost)?.length ?? 0;
    await waitFor('the line', lines);
    await waitFor('both', () => /another process has restored it/.test(worker.output + other.output));
    expect(lines()).to.equal(1);
    expect(worker.output + other.output).to.match(/"gone":"1 schedule added by command \(by-hand\)/);
    const { exit, data } = await doctor();
    expect(exit).to.equal(5);
    expect(data).to.include({ state: 'fail', trouble: 'degraded' });
    expect(data?.message).to.match(
      /^Redis lost its data at .*; gone: 1 schedule added by command \(by-hand\)/,
    );
    expect(data?.remedy).to.match(/dpf restore FILE.*dpf doctor --loss-seen/);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).to.equal(200);
    const { degraded } = (await ready.json()) as { degraded: string[] };
    expect(degraded.join()).to.match(/^Redis lost its data at \S+: dpf doctor says what is gone$/);
    expect(await metric('dpf_redis_loss_unacknowledged')).to.equal(1);
    expect(await metric('dpf_redis_data_since_timestamp_seconds')).to.equal(since);

    const seen = await doctor('--loss-seen');
    expect([seen.exit, seen.data?.state]).to.deep.equal([0, 'ok']);
    await waitFor('the end of it', async () => (await metric('dpf_redis_loss_unacknowledged')) === 0);
    redis.disconnect();
  });
});
