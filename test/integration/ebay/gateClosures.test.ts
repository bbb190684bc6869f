import { expect } from 'chai';
import { failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const HOUR_MS = 3_600_000;

describe('the closures of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('close for everybody, waiting or coming, and say until when and why', async () => {
    const gate = makeGate({ intervalMs: HOUR_MS });
    await pass(gate);
    const waiting = [failureOf(pass(gate)), failureOf(pass(gate, 'backfill'))];
    await gate.close(HOUR_MS, 'pause');
    for (const failure of await Promise.all(waiting)) {
      expect(failure.code).to.equal('gate-closed');
      expect(failure.detail.reason).to.equal('pause');
      expect(failure.detail.until).to.be.closeTo(Date.now() + HOUR_MS, 5000);
    }
    expect((await gate.read()).used).to.equal(1);
  });

  it('are only ever extended', async () => {
    const gate = makeGate();
    await gate.close(HOUR_MS, 'pause');
    expect(await gate.close(1000, 'circuit')).to.be.closeTo(HOUR_MS, 1000);
    expect((await gate.read()).closed?.reason).to.equal('pause');
    expect(await gate.close(2 * HOUR_MS, 'circuit')).to.be.closeTo(2 * HOUR_MS, 1000);
    expect((await gate.read()).closed?.reason).to.equal('circuit');
  });

  it('end by themselves', async () => {
    const gate = makeGate();
    await gate.close(60, 'pause');
    expect((await failureOf(pass(gate))).code).to.equal('gate-closed');
    await waitFor('the end of the pause', async () => (await gate.read()).closed === undefined);
    await pass(gate);
  });

  it('of a 429 without Retry-After grow when another follows soon, but not for those in flight', async () => {
    const gate = makeGate({ throttlePauseMs: 250, maxThrottlePauseMs: 750 });
    const first = await gate.throttled();
    expect([first.began, Math.round(first.forMs)]).to.deep.equal([true, 250]);
    expect((await gate.throttled()).began).to.equal(false);
    const pauses: number[] = [];
    for (let n = 0; n < 2; n += 1) {
      await waitFor('the end of the pause', async () => (await gate.read()).closed === undefined);
      pauses.push(Math.round((await gate.throttled()).forMs));
    }
    expect(pauses).to.deep.equal([500, 750]);
  });

  it('of a 429 last as long as eBay asked', async () => {
    const gate = makeGate({ throttlePauseMs: 10 });
    const pause = await gate.throttled(HOUR_MS);
    expect([pause.began, Math.round(pause.forMs)]).to.deep.equal([true, HOUR_MS]);
    expect((await gate.throttled(1000)).began).to.equal(false);
    expect((await tally([pass(gate), pass(gate)])).codes).to.deep.equal(['gate-closed']);
  });
});
