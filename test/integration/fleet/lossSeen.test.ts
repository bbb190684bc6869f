import { expect } from 'chai';
import type { Finding } from '../../../src/telemetry/finding.ts';
import { freePort } from '../../support/freePort.ts';
import { daily, useLossFleet } from '../../support/lossFleet.ts';
import { patientDpf } from '../../support/patientDpf.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a loss of Redis’s data, as an operator sees it', function () {
  this.timeout(90_000);
  const fleet = useLossFleet();
  const before = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it('is named by the log, doctor, /readyz and metrics until somebody says that it was seen', async () => {
    // The first census counts it.
    const main = fleet.producer();
    await main.ready();
    await main.schedule.add(daily('by-hand'));
    const port = await freePort();
    const worker = await fleet.startWorker({ METRICS_PORT: String(port) });
    const other = await fleet.startWorker();
    Object.assign(process.env, fleet.env(fleet.redis.url));
    const doctor = async (...flags: string[]) => {
      const { exit, out } = await patientDpf('doctor', '--json', ...flags);
      const { findings } = JSON.parse(out) as { findings: Finding[] };
      return { exit, data: findings.find(({ check }) => check === 'data') };
    };
    const metric = async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    await fleet.census(({ schedules }) => schedules.includes('by-hand'));
    expect((await doctor()).data).to.include({ state: 'ok' });
    expect(await metric('dpf_redis_loss_unacknowledged')).to.equal(0);
    const since = await metric('dpf_redis_data_since_timestamp_seconds');
    await fleet.looked();

    await fleet.admin.flushall();
    const lost = /Redis lost its data: the fleet declares its own again/g;
    const log = () => worker.log + other.log;
    await waitFor('both', () => /another process has restored it/.test(log()));
    expect(log().match(lost)).to.have.length(1);
    expect(log()).to.match(/"gone":"1 schedule added by command \(by-hand\)/);
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
  });
});
