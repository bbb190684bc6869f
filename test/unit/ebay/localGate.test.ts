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
