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

  it('forget listings and twins of alerts by their limit, and keep the rest', async () => {
    const redis = server.connect();
    const now = Date.now();
    const old = now - ageLimits(config).alertStates;
    const state = '{ebay}:alert-state:default:drops';
    const kept = { 'v1|1|0': `[${now},0]`, newTwin4567: `["1",${now},[]]`, 'the alert': '{"version":1}' };
    await redis.hset(state, {
      ...kept,
      'v1|2|0': `[${old},0]`,
      oldTwin4567: `["2",${old},[]]`,
      'v1|3|0': 'x',
    });
    await redis.rpush('{ebay}:alert-hits:default:drops', '{}');
    await redis.set('{ebay}:alert-texts:default:0', '{}');
    const retention = new Retention({ redis, prefix: '{ebay}', limits: () => ageLimits(config) });
    await retention.round(new AbortController().signal);
    expect(await redis.hgetall(state)).to.deep.equal(kept);
    for (const key of await redis.keys('{ebay}:alert-*')) expect(await redis.pttl(key), key).to.be.above(0);
    expect(await redis.pttl('{ebay}:alert-texts:default:0')).to.be.at.most(6 * 3_600_000);
  });

  it('remove the old events of a stream, and keep the young ones', async () => {
    const redis = server.connect();
    const now = Date.now();
    const old = now - ageLimits(config).events;
    for (const at of [old - 1000, old - 1, now]) await redis.xadd('{ebay}:events', `${at}-0`, 'event', 'x');
    await new Retention({ redis, prefix: '{ebay}', limits: () => ageLimits(config) }).round(
      new AbortController().signal,
    );
    const left = await redis.xrange('{ebay}:events', '-', '+');
    expect(left.map(([id]) => id)).to.deep.equal([`${now}-0`]);
    expect(await redis.pttl('{ebay}:events')).to.be.above(0);
  });

  it('come once a second at most, unless SWEEP_INTERVAL says so', () => {
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '0.001' }))).to.equal(1000);
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '0.001', SWEEP_INTERVAL: '0.1' }))).to.equal(100);
    expect(retentionInterval(testConfig({ EVENTS_MAX_AGE: '100', SWEEP_INTERVAL: '30' }))).to.equal(5000);
  });
});
