import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { ServiceEvent } from '../../../src/events/event.ts';
import { eventOfFailure } from '../../../src/events/searchEvents.ts';
import { EventStream, readEvents, type StreamEntry } from '../../../src/events/stream.ts';
import { Failure } from '../../../src/failures.ts';
import { allEvents } from '../../support/events.ts';
import { useRedis } from '../../support/redis.ts';

describe('appending to the event stream', () => {
  const server = useRedis();
  let redis: Redis;
  before(() => {
    redis = server.connect();
  });
  const search = { tenant: 'default', searchId: 's_1', timestamp: 1 };
  const open = (change: { kept?: number; cooldownMs?: number } = {}) =>
    new EventStream({
      redis,
      prefix: '{ebay}',
      kept: 10_000,
      maxAgeMs: 60_000,
      cooldownMs: 0,
      memoryMs: 60_000,
      ...change,
    });
  const end = (attempt: number): ServiceEvent =>
    eventOfFailure(
      { search, attempt, schedule: null, query: null },
      new Failure('internal', 'x'),
      new Date(0),
    );
  const drop = (sight: number): ServiceEvent => ({
    ...end(sight),
    type: 'product.price-dropped',
    track: 'hubs',
    product: {
      itemId: 'v1|1|0',
      marketplace: 'EBAY_US',
      url: 'u',
      total: { value: '1.00', currency: 'USD' },
    },
    formerTotal: { value: '2.00', currency: 'USD' },
  });

  it('adds each id once, however often and by however many it is published at the same time', async () => {
    const events = Array.from({ length: 450 }, (_, n) => end(n));
    const added = await Promise.all(Array.from({ length: 8 }, () => open().append(search, events)));
    expect(added.reduce((sum, each) => sum + each, 0)).to.equal(450);
    expect(await allEvents(redis)).to.have.length(450);
    expect(await open().append(search, [...events, end(450)])).to.equal(1);
    expect(await redis.pttl('{ebay}:announced:default:s_1:1')).to.be.within(1, 60_000);
  });

  it('keeps about as many as it may, the newest', async () => {
    await open({ kept: 300 }).append(
      search,
      Array.from({ length: 2000 }, (_, n) => end(n)),
    );
    const kept = await allEvents(redis);
    expect(kept.length).to.be.within(300, 600);
    expect(kept.at(-1)).to.deep.equal(end(1999));
  });

  it('never publishes a price change within the cool-down, and publishes the next one after it', async () => {
    const stream = open({ cooldownMs: 60_000 });
    expect(await stream.append(search, [drop(1), drop(2)])).to.equal(1);
    await redis.del('{ebay}:cooldown:default:hubs:v1|1|0');
    // What was held back is not published later by a process that does the work again.
    expect(await stream.append(search, [drop(1), drop(2)])).to.equal(0);
    expect(await stream.append(search, [drop(3)])).to.equal(1);
  });

  it('is read from a place on, followed without a gap, and left when the signal aborts', async () => {
    await open().append(search, [end(1), end(2)]);
    const stop = new AbortController();
    const reader = server.connect();
    const following = readEvents(reader, '{ebay}', 'default', {
      after: '$',
      follow: true,
      signal: stop.signal,
    });
    const next = following.next();
    const followed: StreamEntry[] = [];
    // Whichever comes first, the reader's read of the end or these: what is published after that read arrives.
    for (let n = 3; followed.length === 0; n++) {
      await open().append(search, [end(n)]);
      const first = await Promise.race([next, setTimeout(20)]);
      if (first?.value) followed.push(first.value);
    }
    const [first] = followed as [StreamEntry];
    await redis.xadd('{ebay}:events', '*', 'not', 'ours');
    await open().append(search, [end(1000)]);
    const rest: ServiceEvent[] = [];
    for await (const { event } of following) {
      rest.push(event);
      if (event.id === end(1000).id) break;
    }
    const after = await allEvents(redis, first.place);
    expect(rest).to.deep.equal(after);
  });
});
