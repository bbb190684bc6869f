import { expect } from 'chai';
import { gapsOf, inRedis, pass } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

const HOUR_MS = 3_600_000;
const MARGIN = 0.005;

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
});
