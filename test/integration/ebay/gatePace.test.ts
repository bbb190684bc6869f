import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { CallClass, Slot } from '../../../src/ebay/gate/gate.ts';
import { expectPaced, failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

const HOUR_MS = 3_600_000;

describe('the pace of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('lets calls out one interval apart, however many wait', async () => {
    const gate = makeGate({ intervalMs: 80 });
    const times: number[] = [];
    const send = (slot: Slot) => {
      times.push(performance.now());
      slot.sent();
    };
    await Promise.all(Array.from({ length: 12 }, () => gate.enter({ class: 'interactive' }).then(send)));
    expect(times).to.have.lengthOf(12);
    expectPaced(times, 80);
  });

  it('keeps the order of arrival, retries and replays first', async () => {
    const gate = makeGate({ intervalMs: 30 });
    const order: string[] = [];
    const enter = (name: string, again = false) =>
      gate.enter({ class: 'interactive', again }).then((slot) => {
        order.push(name);
        slot.sent();
      });
    await enter('first');
    await Promise.all([enter('a'), enter('b'), enter('retry', true), enter('c')]);
    expect(order.slice(0, 1)).to.deep.equal(['first']);
    expect(order.filter((name) => name.length === 1)).to.deep.equal(['a', 'b', 'c']);
    expect(order.indexOf('retry')).to.be.below(order.indexOf('b'));
  });

  it('lets a higher class go before the lower ones that wait already', async () => {
    const gate = makeGate({ intervalMs: 30 });
    const order: string[] = [];
    const enter = (name: string, callClass: CallClass) =>
      gate.enter({ class: callClass }).then((slot) => {
        order.push(name);
        slot.sent();
      });
    await enter('first', 'interactive');
    // The one that stands first may have its slot already.
    await Promise.all([
      enter('granted', 'backfill'),
      enter('b1', 'backfill'),
      enter('s1', 'scheduled'),
      enter('b2', 'backfill'),
      enter('i1', 'interactive'),
      enter('s2', 'scheduled'),
      enter('i2', 'interactive'),
    ]);
    expect(order.filter((name) => name.length === 2)).to.deep.equal(['i1', 'i2', 's1', 's2', 'b1', 'b2']);
  });

  it('does not pace with an interval of 0 but counts all the same', async () => {
    const gate = makeGate({ intervalMs: 0 });
    await Promise.all(Array.from({ length: 30 }, () => pass(gate)));
    expect((await gate.read()).used).to.equal(30);
  });

  it('follows an interval that is changed while calls wait', async () => {
    const gate = makeGate({ intervalMs: HOUR_MS });
    await pass(gate);
    const waiting = Promise.all([pass(gate), pass(gate)]);
    await gate.configure({ intervalMs: 20, dailyLimit: 5000 });
    await waiting;
    expect((await gate.read()).intervalMs).to.equal(20);
  });

  it('asks again for a slot that it comes late for, and counts it once', async () => {
    const gate = makeGate({ intervalMs: 60 });
    const late = await gate.enter({ class: 'interactive', beforeSend: () => sleep(30) });
    const lateAt = performance.now();
    late.sent();
    expect(late.missed).to.be.above(0);
    await pass(gate);
    // See below for the room.
    expect(performance.now() - lateAt).to.be.at.least(50);
    expect((await gate.read()).used).to.equal(2);
  });

  it('moves the next slot away from a request that was written late', async () => {
    const gate = makeGate({ intervalMs: 60 });
    const slot = await gate.enter({ class: 'interactive' });
    await sleep(25);
    const writtenAt = performance.now();
    slot.sent();
    await sleep(5);
    await pass(gate);
    // Less 4 ms by which a call may be late, and half of a quick round trip to Redis, by which its clock is known.
    expect(performance.now() - writtenAt).to.be.at.least(50);
  });

  it('lets go of a call that is interrupted in line, and only of that', async () => {
    const gate = makeGate({ intervalMs: 50 });
    await pass(gate);
    const controller = new AbortController();
    const gone = failureOf(gate.enter({ class: 'interactive', signal: controller.signal }));
    const stays = pass(gate);
    controller.abort();
    expect((await gone).code).to.equal('interrupted');
    await stays;
    expect((await gate.read()).used).to.equal(2);
    expect((await failureOf(gate.enter({ class: 'interactive', signal: controller.signal }))).code).to.equal(
      'interrupted',
    );
  });

  it('tells when the next call may leave without changing anything', async () => {
    const gate = makeGate({ intervalMs: HOUR_MS });
    expect((await gate.read()).nextSlotMs).to.equal(0);
    await pass(gate);
    const { mark, nextSlotMs, used } = await gate.read();
    expect(nextSlotMs).to.be.within(HOUR_MS * 0.99, HOUR_MS * 1.02);
    expect(used).to.equal(1);
    expect((await gate.read()).mark).to.deep.equal(mark);
  });

  it('takes back a slot whose request was never written', async () => {
    const gate = makeGate({ dailyLimit: 2 });
    await gate.giveBack(await gate.enter({ class: 'interactive' }));
    await gate.giveBack(await pass(gate));
    expect((await gate.read()).used).to.equal(1);
    expect(await tally([pass(gate), pass(gate)])).to.deep.equal({ passed: 1, codes: ['gate-closed'] });
  });
});
