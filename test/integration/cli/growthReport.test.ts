import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { Counter, Registry } from 'prom-client';
import { GrowthCounts, type GrowthReport } from '../../../src/app/growth.ts';
import { pacificDay } from '../../../src/ebay/pacificDay.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { patientDpf as dpf } from '../../support/patientDpf.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';
import { type Pair, serviceEnv, startPair } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';

const FOUR_DAYS_MS = 4 * 24 * 3600 * 1000;

describe('dpf growth-report', () => {
  const redis = useRedis();
  const simulator = useSimulator();
  useRedisUrl(() => redis.url);

  const report = async () => JSON.parse((await dpf('growth-report', '--json')).out) as GrowthReport;

  async function search(pair: Pair, request: object): Promise<void> {
    const { searchId } = await pair.producer.enqueue({ query: 'phone case', maxItems: 5, ...request });
    await pair.producer.waitFor(searchId, { timeoutMs: 15_000 });
  }

  it('has calls, errors, efficiency and duplicates avoided of each day, over several workers', async () => {
    const env = serviceEnv(redis.url, simulator().url, { DAILY_CALL_LIMIT: '4000' });
    const first = await startPair(env);
    await search(first, {});
    await search(first, { maxAge: 600 });
    await first.stop();
    const second = await startPair(env);
    simulator().controls.arm({ fault: 'status', status: 503, on: { endpoint: 'search' }, count: 1 });
    await search(second, { query: 'lamp' });
    await second.stop();

    const { days, total, tenant, notes } = await report();
    expect(tenant).to.equal('default');
    expect(days).to.have.length(1);
    expect(days[0]).to.deep.equal({ day: pacificDay(Date.now()), ...total });
    expect(total).to.deep.include({
      ...{ calls: 3, errors: { 'ebay-server-error': 1 }, searches: 3, coalesced: 1, callsAvoided: 1 },
      ...{ products: 20, callsPerSearch: 1.5, productsPerCall: 10, answersReused: 0 },
    });
    expect(total.used).to.equal(3);
    expect(total.limit).to.be.above(0);
    expect(notes[0]).to.match(/^29 days have no counts/);
    const redisNow = redis.connect();
    const key = `{ebay}:growth:default:${pacificDay(Date.now())}`;
    expect(await redisNow.pttl(key)).to.be.within(91 * 24 * 3600 * 1000, 92 * 24 * 3600 * 1000);
  });

  it('prints a line for each day as text and as CSV', async () => {
    const day = pacificDay(Date.now() - FOUR_DAYS_MS);
    const fields = {
      'calls:search:ok': 90,
      'calls:search:ebay-throttled': 2,
      'calls:item:ok': 10,
      used: 110,
    };
    const more = {
      'searches:complete': 40,
      'searches:skipped': 3,
      coalesced: 10,
      avoided: 25,
      products: 900,
    };
    await redis.connect().hset(`{ebay}:growth:default:${day}`, { ...fields, ...more, limit: 5000 });
    const csv = await dpf('growth-report', '--csv');
    expect(csv.exit).to.equal(0);
    expect(csv.out.split('\n')[1]).to.equal(
      `${day},default,5000,110,102,2,ebay-throttled 2,40,10,25,0,900,3.4,10,0`,
    );
    const { out, err } = await dpf('growth-report', '--days', '5');
    expect(out).to.match(new RegExp(`^${day} +110 +5,000 +102 +2 +40 +10 +25 +900 +3.4 +10$`, 'm'));
    expect(out).to.include('10 searches took the result of an identical one, which spared 25 calls (19.7 %)');
    expect(err).to.match(/calls of other programs with the same keyset are in "used" alone/);
    expect((await dpf('growth-report', '--days', '4')).exit).to.equal(1);
  });

  it('counts of each tenant, also when the key of another one was replaced', async () => {
    const connection = redis.connect();
    const registry = new Registry();
    const labelNames = ['tenant'];
    const products = new Counter({
      name: 'dpf_products_total',
      help: 'x',
      labelNames,
      registers: [registry],
    });
    for (const tenant of ['broken', 'acme']) products.inc({ tenant }, 7);
    const [broken, acme] = ['broken', 'acme'].map(
      (tenant) => `{ebay}:growth:${tenant}:${pacificDay(Date.now())}`,
    );
    await connection.set(broken as string, 'foo');
    const log = new LogRoot(testConfig().log, new PassThrough().resume()).component('worker');
    const counts = new GrowthCounts({ redis: connection, prefix: '{ebay}', registry, log });
    const error = await counts.write().catch((thrown: Error) => thrown);
    expect((error as Error).message).to.include('WRONGTYPE');
    expect(await connection.hget(acme as string, 'products')).to.equal('7');
    await connection.del(broken as string);
    await counts.close();
    expect(await connection.hget(broken as string, 'products')).to.equal('7');
    expect(await connection.hget(acme as string, 'products')).to.equal('7');
    await connection.del(broken as string, acme as string);
  });

  it('says that nothing was counted, with exit code 1, and refuses what it cannot print', async () => {
    const { exit, out } = await dpf('growth-report', '--days', '1');
    expect({ exit, out }).to.deep.equal({
      exit: 1,
      out: `nothing was counted for tenant default from ${pacificDay(Date.now())} to ${pacificDay(Date.now())}`,
    });
    expect((await dpf('growth-report', '--csv', '--json')).exit).to.equal(2);
    expect((await dpf('growth-report', '--days', '93')).exit).to.equal(2);
  });
});
