import { expect } from 'chai';
import { RedisClock } from '../../../src/redis/redisClock.ts';

const REDIS_AHEAD = 1_795_000_000_000;

/** Reads a clock that is `REDIS_AHEAD` ahead; `there` and `back` are the two ways of the question, ms. */
function read(clock: RedisClock, askedAt: number, there: number, back: number, ahead = REDIS_AHEAD): void {
  clock.learn(askedAt, askedAt + there + back, askedAt + there + ahead);
}

describe('the clock of Redis as a process knows it', () => {
  it('is known exactly where both ways take equally long, however long', () => {
    const clock = new RedisClock();
    read(clock, 1000, 50, 50);
    expect(clock.isKnown).to.equal(false);
    read(clock, 2000, 50, 50);
    expect(clock.isKnown).to.equal(true);
    expect(clock.toLocal(REDIS_AHEAD + 3000)).to.equal(3000);
    expect(clock.toRedis(3000)).to.equal(REDIS_AHEAD + 3000);
    expect(clock.roundTripMs).to.equal(100);
  });

  it('is known from one quick answer', () => {
    const clock = new RedisClock();
    read(clock, 1000, 0.2, 0.2);
    expect(clock.isKnown).to.equal(true);
  });

  it('is not moved by an answer that lay in the socket while the process was stopped', () => {
    const clock = new RedisClock();
    read(clock, 1000, 1, 1);
    read(clock, 2000, 1, 5000);
    expect(clock.toLocal(REDIS_AHEAD + 3000)).to.be.closeTo(3000, 1);
    expect(clock.roundTripMs).to.be.within(2, 5001);
  });

  it('is learnt again when it was set, or when another Redis answers', () => {
    const clock = new RedisClock();
    for (const askedAt of [1000, 2000, 3000]) read(clock, askedAt, 1, 1);
    read(clock, 4000, 1, 1, REDIS_AHEAD - 3_600_000);
    expect(clock.toLocal(REDIS_AHEAD - 3_600_000 + 5000)).to.equal(5000);
  });

  it('forgets readings of long ago, for clocks drift apart', () => {
    const clock = new RedisClock();
    read(clock, 0, 50, 50);
    read(clock, 3_600_000, 50, 50, REDIS_AHEAD + 40);
    expect(clock.toRedis(3_600_100)).to.equal(REDIS_AHEAD + 40 + 3_600_100);
  });
});
