import { expect } from 'chai';
import { Lease } from '../../../src/redis/lease.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a lease', () => {
  const redis = useRedis();

  it('is held by one process at a time and renewed by its holder', async () => {
    const [one, two] = [redis.connect(), redis.connect()].map(
      (connection) => new Lease(connection, { key: '{t}:duty', ttlMs: 60_000 }),
    ) as [Lease, Lease];
    expect(await one.hold()).to.equal(true);
    expect(await two.hold()).to.equal(false);
    expect(await one.hold()).to.equal(true);
    await two.release();
    expect(await two.hold()).to.equal(false);
    await one.release();
    expect(await two.hold()).to.equal(true);
  });

  it('lives for its whole time again after each renewal, which is one command', async () => {
    const connection = redis.connect();
    const lease = new Lease(connection, { key: '{t}:duty', ttlMs: 60_000 });
    await lease.hold();
    await connection.pexpire('{t}:duty', 1000);
    const stats = async () => {
      const calls = (await connection.info('commandstats')).matchAll(/cmdstat_(?!info)\S+:calls=(\d+)/g);
      return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const before = await stats();
    expect(await lease.hold()).to.equal(true);
    expect((await stats()) - before).to.equal(1);
    expect(await connection.pttl('{t}:duty')).to.be.above(50_000);
  });

  it('is taken again by its holder where Redis has lost it', async () => {
    const connection = redis.connect();
    const [one, two] = ['one', 'two'].map(
      () => new Lease(connection, { key: '{t}:duty', ttlMs: 60_000 }),
    ) as [Lease, Lease];
    expect(await one.hold()).to.equal(true);
    await connection.del('{t}:duty');
    expect(await one.hold()).to.equal(true);
    expect(await two.hold()).to.equal(false);
  });

  it('stays with the next holder when the former one, whose time is over, asks again', async () => {
    const connection = redis.connect();
    const late = new Lease(connection, { key: '{t}:duty', ttlMs: 30 });
    const next = new Lease(connection, { key: '{t}:duty', ttlMs: 60_000 });
    expect(await late.hold()).to.equal(true);
    await waitFor('the lease to expire', () => next.hold());
    expect([await late.hold(), await next.hold()]).to.deep.equal([false, true]);
  });

  it('has one holder again where Redis has lost it and another process took it', async () => {
    const connection = redis.connect();
    const both = ['one', 'two'].map(() => new Lease(connection, { key: '{t}:duty', ttlMs: 60_000 }));
    const [one, two] = both as [Lease, Lease];
    expect(await one.hold()).to.equal(true);
    await connection.del('{t}:duty');
    expect(await two.hold()).to.equal(true);
    // One answer each, in turn: no two in a row are both true.
    const answers: boolean[] = [];
    for (const lease of [one, two, one, two, one, two]) answers.push(await lease.hold());
    expect(answers).to.deep.equal([false, false, false, true, false, true]);
  });

  it('passes on when its holder stops renewing', async () => {
    const gone = new Lease(redis.connect(), { key: '{t}:duty', ttlMs: 30 });
    const next = new Lease(redis.connect(), { key: '{t}:duty', ttlMs: 30 });
    expect(await gone.hold()).to.equal(true);
    await waitFor('the lease to expire', () => next.hold());
  });

  it('is not held while Redis cannot be asked', async () => {
    const connection = redis.connect();
    await connection.quit();
    expect(await new Lease(connection, { key: '{t}:duty', ttlMs: 1000 }).hold()).to.equal(false);
  });
});
