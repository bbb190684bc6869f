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
