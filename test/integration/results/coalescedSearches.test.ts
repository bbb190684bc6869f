import { expect } from 'chai';
import { CoalescedSearches } from '../../../src/results/coalescedSearches.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const END_TTL_MS = 5000;
const TTL_MS = 60_000;

describe('the end of a search that others wait for', () => {
  const server = useRedis();
  const start = (endTtlMs = END_TTL_MS) => {
    const redis = server.connect();
    const key = '{ebay}:same:hash';
    const coalesced = new CoalescedSearches({ redis, prefix: '{ebay}', ttlMs: TTL_MS, endTtlMs });
    const claim = (me: string, maxAgeMs = 0) => coalesced.claim('hash', me, maxAgeMs);
    return { redis, key, coalesced, claim };
  };
  afterEach(() => server.connect().del('{ebay}:same:hash'));

  it('is there for each of them, also when another search leads before they come', async () => {
    const { redis, key, coalesced, claim } = start();
    expect(await claim('A')).to.deep.equal({ role: 'leader' });
    for (const asker of ['F', 'G']) expect(await claim(asker)).to.include({ role: 'follower', leader: 'A' });
    await coalesced.finish('hash', 'A', 'end of A', true);
    expect(await claim('B')).to.deep.equal({ role: 'leader' });
    expect(await claim('H')).to.include({ role: 'follower', leader: 'B' });
    const answered = { role: 'answered', end: { by: 'A', payload: 'end of A' } };
    expect(await claim('F')).to.deep.equal(answered);
    expect(await redis.hget(key, 'payload')).to.equal('end of A');
    expect(await claim('G')).to.deep.equal(answered);
    expect((await redis.hkeys(key)).sort()).to.deep.equal(['f:H', 'leader']);
    expect(await redis.pttl(key)).to.be.above(END_TTL_MS);
  });

  it('is no answer for the search itself, which was cut off behind it and runs again', async () => {
    const { coalesced, claim } = start();
    await claim('A', 60_000);
    await coalesced.finish('hash', 'A', 'end of A', true);
    expect(await claim('A', 60_000)).to.deep.equal({ role: 'leader' });
    await coalesced.finish('hash', 'A', 'end of A', true);
    expect(await claim('B', 60_000)).to.include({ role: 'answered' });
  });

  it('is gone with the next leader where nobody waits for it', async () => {
    const { redis, key, coalesced, claim } = start();
    await claim('A');
    await coalesced.finish('hash', 'A', 'end of A', true);
    expect(await claim('B')).to.deep.equal({ role: 'leader' });
    expect(await redis.hgetall(key)).to.deep.equal({ leader: 'B' });
  });

  it('lives no longer than a result, whoever leads and asks meanwhile', async () => {
    const { redis, key, coalesced, claim } = start();
    await claim('A');
    await claim('F');
    await coalesced.finish('hash', 'A', 'end of A', true);
    for (const asker of ['B', 'C', 'B', 'D']) {
      await claim(asker);
      expect(await redis.hget(key, 'payload')).to.equal('end of A');
      expect(await redis.pttl(key), asker).to.be.within(1, END_TTL_MS);
    }
    // By this limit, it is over already.
    const short = start(1);
    await waitFor('its limit', async () => {
      await short.claim('C');
      return (await redis.hexists(key, 'payload')) === 0;
    });
    expect(await redis.hget(key, 'leader')).to.equal('B');
    expect(await redis.pttl(key)).to.be.above(END_TTL_MS);
  });
});
