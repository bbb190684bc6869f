import { expect } from 'chai';
import { ageLimits, Retention, retentionInterval } from '../../../src/fleet/retention.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';

describe('rounds of the removal', () => {
  const server = useRedis('single');
  const config = testConfig();

  it('look at all keys once, also where another program has replaced some', async () => {
    const redis = server.connect();
    const foreign = ['events:x', 'ebay-calls:events', 'quarantine', 'ebay-calls-x:completed', 'same:x'];
    for (const name of foreign) await redis.set(`{ebay}:${name}`, 'foo');
    await redis.hset('{ebay}:track:default:lamps:v2', 'v1|1|0', JSON.stringify([Date.now()]));
    const retention = new Retention({ redis, prefix: '{ebay}', limits: () => ageLimits(config) });
    /** How often a round scans a track and caps lives. */
    const round = async () => {
      await redis.config('RESETSTAT');
      const error = await retention.round(new AbortController().signal).then(
        () => undefined,
        (thrown: Error) => thrown.message,
      );
      const stats = await redis.info('commandstats');
      const calls = (name: string) =>
        Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
      return { error, hscan: calls('hscan'), pttl: calls('pttl') };
    };
    const first = await round();
    expect(first.error).to.include('WRONGTYPE');
    expect(first.hscan).to.equal(1);
    expect(first.pttl).to.be.above(0);
    const second = await round();
    expect(second.error).to.include('WRONGTYPE');
    expect(second).to.include({ hscan: 0, pttl: 0 });
  });

  it('come once a second at most, unless SWEEP_INTERVAL says so', () => {
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '0.001' }))).to.equal(1000);
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '0.001', SWEEP_INTERVAL: '0.1' }))).to.equal(100);
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '100', SWEEP_INTERVAL: '30' }))).to.equal(5000);
  });
});
