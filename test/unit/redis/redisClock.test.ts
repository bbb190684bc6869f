import { expect } from 'chai';
import type { Redis } from 'ioredis';
import sinon from 'sinon';
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

  describe('with a Redis to read it from', () => {
    let time: sinon.SinonFakeTimers;
    beforeEach(() => {
      time = sinon.useFakeTimers({ now: 5000, toFake: ['Date', 'performance'] });
    });
    afterEach(() => time.restore());

    /** Its answers, in turn: Redis's time in seconds, or undefined where it does not answer. */
    function clockOn(...answers: Array<number | undefined>) {
      let asked = 0;
      const evalsha = async () => {
        const answer = answers[asked];
        asked += 1;
        if (answer === undefined) throw new Error('gone');
        return [String(answer), '0'];
      };
      const redis = { evalsha } as unknown as Redis;
      return { clock: new RedisClock({ redis, key: 'clock' }), asked: () => asked };
    }

    it('is read once, and again after ten seconds while nobody waits', async () => {
      const { clock, asked } = clockOn(1000, 1011);
      expect(await clock.current()).to.equal(1_000_000);
      time.tick(9000);
      expect(await clock.current()).to.equal(1_009_000);
      expect(asked()).to.equal(1);
      time.tick(2000);
      expect(clock.now()).to.equal(1_011_000);
      expect(asked()).to.equal(2);
    });

    it('does not follow this machine’s clock when that is set', async () => {
      const { clock } = clockOn(1000);
      await clock.current();
      time.setSystemTime(9_999_999);
      expect(clock.now()).to.equal(1_000_000);
      expect(clock.toHere(1_000_500)).to.equal(10_000_499);
      expect(clock.fromHere(10_000_499)).to.equal(1_000_500);
    });

    it('is nothing to decide by before the first reading; a later one that fails changes nothing', async () => {
      const { clock } = clockOn(undefined, 1000, undefined);
      expect(await clock.current().catch((error: Error) => error.message)).to.equal('gone');
      expect(await clock.current()).to.equal(1_000_000);
      time.tick(120_000);
      expect(await clock.current()).to.equal(1_120_000);
    });
  });
});
