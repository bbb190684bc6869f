import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import sinon from 'sinon';
import { LocalGate } from '../../../src/ebay/gate/localGate.ts';
import type { Failure } from '../../../src/failures.ts';

describe('the day’s limit of the gate without Redis', () => {
  let clock: sinon.SinonFakeTimers;
  const at = (instant: string) => clock.setSystemTime(new Date(instant));
  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => clock.restore());

  /** How many calls get a slot before the day is used up. */
  async function callsLeft(gate: LocalGate): Promise<number> {
    for (let calls = 0; ; calls += 1)
      try {
        await gate.enter({ class: 'interactive' });
      } catch (error) {
        expect((error as Failure).detail.reason).to.equal('quota');
        return calls;
      }
  }
  const gateOf = (dailyLimit: number) => new LocalGate({ intervalMs: 0, dailyLimit, throttlePauseMs: 1000 });

  it('begins again at each midnight of Pacific time, and not where the clock goes back over one', async () => {
    const gate = gateOf(3);
    at('2026-06-30T06:59:00Z');
    expect(await callsLeft(gate)).to.equal(3);
    at('2026-06-30T07:00:01Z');
    expect(await callsLeft(gate)).to.equal(3);
    at('2026-06-30T06:59:59Z');
    expect(await callsLeft(gate)).to.equal(0);
    at('2026-06-30T07:00:02Z');
    expect(await callsLeft(gate)).to.equal(0);
    // Midnight before the first day of a month.
    at('2026-07-01T07:00:01Z');
    expect(await callsLeft(gate)).to.equal(3);
    at('2026-07-01T06:59:59Z');
    expect(await callsLeft(gate)).to.equal(0);
  });

  it('begins again each day after one look at a clock that was ahead', async () => {
    const gate = gateOf(3);
    at('2027-03-01T20:00:00Z');
    await gate.check();
    for (const day of ['2026-03-01', '2026-03-02', '2026-03-03']) {
      at(`${day}T20:00:00Z`);
      expect(await callsLeft(gate), day).to.equal(3);
      expect(await callsLeft(gate), day).to.equal(0);
    }
  });
});

describe('the pace of the gate without Redis', () => {
  const HOUR_MS = 3_600_000;
  const gateOf = (intervalMs: number) =>
    new LocalGate({ intervalMs, dailyLimit: 100, throttlePauseMs: 1000 });
  const enter = (gate: LocalGate, signal?: AbortSignal) =>
    gate.enter({ class: 'interactive', ...(signal && { signal }) });

  it('keeps the interval between calls that come together', async () => {
    const gate = gateOf(20);
    const since = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => enter(gate)));
    expect(performance.now() - since).to.be.at.least(4 * 20);
  });

  for (const [change, ms] of [
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ] as const)
    it(`keeps the interval, and no more, where the clock is put ${change} by an hour`, async () => {
      const gate = gateOf(50);
      const since = performance.now();
      await enter(gate);
      const clock = sinon.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] });
      try {
        // The gate waits for an hour, and this test fails by its own time, where it looks at the clock that went back.
        await enter(gate);
      } finally {
        clock.restore();
      }
      expect(performance.now() - since).to.be.at.least(50);
    });

  it('a call that is stopped while it waits ends at once', async () => {
    const gate = gateOf(HOUR_MS);
    await enter(gate);
    const stopping = new AbortController();
    const waiting = enter(gate, stopping.signal);
    // By then it waits.
    await setImmediate();
    stopping.abort();
    const error: Failure = await waiting.then(
      () => expect.fail('it was admitted'),
      (failure) => failure,
    );
    expect(error.code).to.equal('interrupted');
  });
});
