import { expect } from 'chai';
import { Budgets } from '../../../src/queue/budgets.ts';
import { patientDpf as dpf } from '../../support/patientDpf.ts';
import { useRedis } from '../../support/redis.ts';
import { useRedisUrl } from '../../support/redisUrl.ts';

describe('dpf keys', () => {
  const redis = useRedis();
  useRedisUrl(() => redis.url);

  it('adds a key with a budget, shows what it has spent today, and changes or ends the budget', async () => {
    const added = await dpf('keys', 'add', 'shop', '--daily-calls', '50', '--json');
    expect(added.exit, added.err).to.equal(0);
    const { id, dailyCalls } = JSON.parse(added.out);
    expect(dailyCalls).to.equal(50);
    await dpf('keys', 'add', 'other');
    const place = { redis: redis.connect(), prefix: '{ebay}', tenant: 'default', runsTtlMs: 1 };
    await new Budgets({ ...place, tenantCalls: () => 0 }).chargeOf('a', [`key:${id}`])?.take();
    const listed = JSON.parse((await dpf('keys', 'list', '--json')).out);
    expect(listed).to.containSubset([
      { name: 'other', dailyCalls: null, usedToday: null },
      { name: 'shop', dailyCalls: 50, usedToday: 1 },
    ]);
    expect((await dpf('keys', 'list')).out).to.match(/shop +default +enqueue,read +1 of 50 /);
    expect((await dpf('keys', 'budget', 'shop', '80')).out).to.include('at most 80 calls a day');
    expect((await dpf('keys', 'budget', id, 'none')).out).to.include('no budget of its own');
    expect((await dpf('keys', 'list')).out).to.match(/shop +default +enqueue,read +– /);
    expect((await dpf('keys', 'budget', 'nobody', '5')).exit).to.equal(1);
    expect((await dpf('keys', 'add', 'wrong', '--daily-calls', '0')).exit).to.equal(2);
    expect((await dpf('keys', 'budget', 'shop', '-1')).exit).to.equal(2);
  });
});
