import { expect } from 'chai';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { inRedis, pass } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const HOUR_MS = 3_600_000;

/** Makes the present quota day end in `ms`. */
async function endDayIn(gate: CallGate, ms: number): Promise<void> {
  const { mark, now } = await gate.read();
  await gate.reconcile({ limit: 100, remaining: 100, reset: now + ms }, mark);
}

describe('slots of a call gate that no call used', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const missed = (gate: CallGate) => gate.enter({ class: 'interactive' });
  const instead = (gate: CallGate, insteadOf: Awaited<ReturnType<typeof missed>>) =>
    gate.enter({ class: 'interactive', again: true, insteadOf });

  it('are no calls when the count of eBay is taken over', async () => {
    const gate = makeGate();
    const { mark, now } = await gate.read();
    (await instead(gate, await missed(gate))).sent();
    await gate.giveBack(await missed(gate));
    // The slot is given back when nobody asks for another one.
    await waitFor('the slot to be given back', async () => (await gate.read()).used === 1);
    await gate.reconcile({ limit: 100, remaining: 50, reset: now + HOUR_MS }, mark);
    expect((await gate.read()).remaining).to.equal(49);
  });

  it('free no call of the next quota day when they are given back', async () => {
    const gate = makeGate();
    await endDayIn(gate, 600);
    const old = await missed(gate);
    await waitFor('the next day', async () => (await gate.read()).used === 0);
    await pass(gate);
    expect((await gate.read()).used).to.equal(1);
    await gate.giveBack(old);
    await pass(gate);
    expect((await gate.read()).used).to.equal(2);
  });

  it('free no call of the next quota day when another slot is asked for instead', async () => {
    const gate = makeGate();
    await endDayIn(gate, 600);
    const old = await missed(gate);
    await waitFor('the next day', async () => (await gate.read()).used === 0);
    await pass(gate);
    await instead(gate, old);
    expect((await gate.read()).used).to.equal(2);
  });
});
