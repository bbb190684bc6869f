import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { gapsOf, inRedis, pass } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

const HOUR_MS = 3_600_000;
const MARGIN = 0.005;

/** Moves every instant in a gate's hash an hour ahead, whether in ms or in µs, as if the clock had gone back by it. */
async function setClockBack(redis: Redis, key: string): Promise<void> {
  for (const [field, value] of Object.entries(await redis.hgetall(key)))
    if (/^\d{13}$/.test(value)) await redis.hincrby(key, field, HOUR_MS);
    else if (/^\d{16}$/.test(value)) await redis.hincrby(key, field, HOUR_MS * 1000);
}

describe('the time between the slots of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('is the interval and a margin of 0.5 %', async () => {
    const gate = makeGate({ intervalMs: 200 });
    const slots: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      await pass(gate);
      const { now, nextSlotMs } = await gate.read();
      slots.push(now + nextSlotMs);
    }
    // Timestamps are stored in µs.
    expect(Math.min(...gapsOf(slots))).to.be.at.least(200 * (1 + MARGIN) - 0.002);
  });

  it('is told with its margin', async () => {
    const gate = makeGate({ intervalMs: HOUR_MS });
    await pass(gate);
    // Of an hour the margin is 18 s. Half of it is left for a slow machine. A slot is granted up to 20 ms ahead.
    expect((await gate.read()).nextSlotMs).to.be.within(
      HOUR_MS * (1 + MARGIN) - 9000,
      HOUR_MS * (1 + MARGIN) + 20,
    );
  });

  it('is not lengthened by a clock that went back', async function () {
    this.timeout(5000);
    const gate = makeGate({ intervalMs: 50 });
    await pass(gate);
    await setClockBack(redis.connect(), '{t}:gate:default');
    expect((await gate.read()).nextSlotMs).to.be.above(HOUR_MS / 2);
    await pass(gate);
    await pass(gate);
    expect((await gate.read()).used).to.equal(3);
  });
});
