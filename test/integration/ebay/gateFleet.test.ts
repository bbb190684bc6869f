import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { expectPaced, failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const circuit = { circuitMinCalls: 6, circuitShare: 0.5 };

async function report(gate: CallGate, outcome: 'answered' | 'failed', count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await gate.report(await pass(gate), outcome);
}

describe('a call gate shared by several processes', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const fleet = (size: number, own: Parameters<typeof makeGate>[0]) =>
    Array.from({ length: size }, () => makeGate(own));

  it('paces them together', async () => {
    const times: number[] = [];
    const entries = fleet(4, { intervalMs: 80 }).flatMap((gate) =>
      Array.from({ length: 6 }, async () => {
        await pass(gate);
        times.push(performance.now());
      }),
    );
    await Promise.all(entries);
    expect(times).to.have.lengthOf(24);
    expectPaced(times, 80);
  });

  it('takes the place of a missed slot up at once, also while it asks for another call', async () => {
    const gate = makeGate({ intervalMs: 2000, maxSleepMs: 2000 });
    const first = await gate.enter({ class: 'interactive' });
    const leaves = new AbortController();
    await new Promise(setImmediate);
    const other = gate.enter({ class: 'interactive', signal: leaves.signal }).catch(() => undefined);
    const again = await gate.enter({ class: 'interactive', again: true, insteadOf: first });
    // Without its place it would be a whole interval.
    expect(again.waitedMs).to.be.below(1000);
    expect((await gate.read()).used).to.equal(1);
    leaves.abort();
    await other;
  });

  it('asks about ten times a slot, however many of them wait', async () => {
    const gates = fleet(40, { intervalMs: 20, maxSleepMs: 1000 });
    const asked = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);
    const admin = redis.connect();
    await pass(gates[0] as CallGate);
    const before = await asked();
    await Promise.all(gates.flatMap((gate) => [pass(gate), pass(gate), pass(gate)]));
    const asksASlot = ((await asked()) - before) / (3 * gates.length);
    expect(asksASlot).to.be.within(1, 18);
  });

  it('voids the slot of a process that stalled, so that it does not follow close upon another', async () => {
    const [stalled, other] = fleet(2, { intervalMs: 60 }) as [CallGate, CallGate];
    let stallOver = () => {};
    const stall = new Promise<void>((resolve) => {
      stallOver = resolve;
    });
    const woken = stalled.enter({ class: 'interactive', beforeSend: () => stall });
    await waitFor('the slot that stalls', async () => (await other.read()).used === 1);
    await pass(other);
    const otherAt = performance.now();
    stallOver();
    await woken;
    expect(performance.now() - otherAt).to.be.at.least(55);
    expect((await other.read()).used).to.equal(2);
  });

  it('grants exactly the calls of the day to all of them', async () => {
    const gates = fleet(5, { dailyLimit: 50 });
    const entries = gates.flatMap((gate) => Array.from({ length: 20 }, () => pass(gate)));
    expect(await tally(entries)).to.deep.equal({ passed: 50, codes: ['gate-closed'] });
  });

  it('gives each credential a gate of its own, in one hash-tagged key', async () => {
    const other = inRedis(() => redis.connect(), 'acme')({ dailyLimit: 1 });
    await pass(other);
    await pass(makeGate({ dailyLimit: 1 }));
    expect(await redis.connect().keys('*')).to.have.members(['{t}:gate:acme', '{t}:gate:default']);
  });

  it('makes an interval that one of them configures everybody’s', async () => {
    const [one, two] = fleet(2, { intervalMs: 3_600_000 }) as [CallGate, CallGate];
    await pass(one);
    const waiting = pass(two);
    await one.configure({ intervalMs: 20, dailyLimit: 5000 });
    await waiting;
    await pass(two);
  });

  it('opens the circuit when several of them see eBay fail', async () => {
    const [one, two] = fleet(2, circuit) as [CallGate, CallGate];
    await report(one, 'failed', 3);
    await report(two, 'failed', 3);
    expect((await failureOf(pass(one))).detail.reason).to.equal('circuit');
  });

  it('keeps the circuit closed when one bad machine fails beside a sound one', async () => {
    const [bad, sound] = fleet(2, circuit) as [CallGate, CallGate];
    await report(sound, 'answered', 2);
    await pass(sound);
    await report(bad, 'failed', 20);
    expect((await sound.read()).circuit).to.equal('closed');
    await pass(bad);
  });

  it('lets one of them probe for all', async () => {
    const gates = fleet(4, { ...circuit, circuitPauseMs: 1 });
    await report(gates[0] as CallGate, 'failed', 3);
    await report(gates[1] as CallGate, 'failed', 3);
    // Within the pause of a millisecond nobody may probe.
    await sleep(10);
    const { passed } = await tally(gates.flatMap((gate) => [pass(gate), pass(gate)]));
    expect(passed).to.equal(1);
  });

  it('logs a change of state once, by the one that caused it', async () => {
    const lines: string[] = [];
    const warn = (message: string) => lines.push(message);
    const log = { error: warn, warn, info: warn, debug() {} };
    const gates = [makeGate({}, log), makeGate({}, log), makeGate({}, log)];
    await Promise.all(gates.map((gate) => gate.throttled(60_000)));
    expect(lines).to.deep.equal(['paused: eBay throttles']);
  });

  it('goes on when Redis has forgotten its scripts', async () => {
    const gate = makeGate();
    await pass(gate);
    await redis.connect().script('FLUSH');
    await pass(gate);
    expect((await gate.read()).used).to.equal(2);
  });
});
