import { expect } from 'chai';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const circuit = { circuitMinCalls: 4, circuitShare: 0.5, circuitPauseMs: 120, maxCircuitPauseMs: 100_000 };

async function calls(gate: CallGate, outcome: 'answered' | 'failed', count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await gate.report(await pass(gate), outcome);
}

async function halfOpen(gate: CallGate): Promise<void> {
  await waitFor('the half-open circuit', async () => (await gate.read()).circuit === 'half-open');
}

describe('the circuit of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('stays closed below the share of failures and below the fewest calls', async () => {
    const gate = makeGate(circuit);
    await calls(gate, 'failed', 3);
    expect((await gate.read()).circuit).to.equal('closed');
    await calls(gate, 'answered', 5);
    await calls(gate, 'failed', 1);
    expect((await gate.read()).circuit).to.equal('closed');
  });

  it('opens when enough calls fail, and turns all away', async () => {
    const gate = makeGate({ ...circuit, circuitPauseMs: 60_000 });
    await calls(gate, 'answered', 2);
    await calls(gate, 'failed', 2);
    const { circuit: state, closed } = await gate.read();
    expect([state, closed?.reason]).to.deep.equal(['open', 'circuit']);
    const failure = await failureOf(pass(gate));
    expect([failure.code, failure.detail.reason]).to.deep.equal(['gate-closed', 'circuit']);
  });

  it('lets exactly one call probe after the pause, until its outcome is known', async () => {
    const gate = makeGate(circuit);
    await calls(gate, 'failed', 4);
    await halfOpen(gate);
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => pass(gate)));
    const probes = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    expect(probes.map((slot) => slot.probe)).to.deep.equal([true]);
    expect((await failureOf(pass(gate))).detail.reason).to.equal('circuit');
    await gate.report(probes[0] as (typeof probes)[0], 'answered');
    expect((await gate.read()).circuit).to.equal('closed');
    expect((await tally([pass(gate), pass(gate)])).passed).to.equal(2);
  });

  it('pauses twice as long after a probe that failed', async () => {
    const gate = makeGate({ ...circuit, circuitPauseMs: 250 });
    await calls(gate, 'failed', 4);
    await halfOpen(gate);
    await calls(gate, 'failed', 1);
    const { circuit: state, closed, now } = await gate.read();
    expect(state).to.equal('open');
    expect((closed?.until ?? 0) - now).to.be.within(251, 501);
  });

  it('lets another probe when the first was interrupted, never left, or died', async () => {
    const gate = makeGate({ ...circuit, probeTimeoutMs: 100 });
    await calls(gate, 'failed', 4);
    await halfOpen(gate);
    await gate.report(await pass(gate), 'unknown');
    const neverLeft = await gate.enter({ class: 'interactive' });
    await gate.giveBack(neverLeft);
    const dies = await pass(gate);
    const probes = [neverLeft.probe, dies.probe];
    expect(probes).to.deep.equal([true, true]);
    await waitFor('the prober’s time limit', async () => (await gate.read()).closed === undefined);
    expect((await pass(gate)).probe).to.equal(true);
  });

  it('takes no notice of calls that were under way when it opened', async () => {
    const gate = makeGate(circuit);
    const underWay = await pass(gate);
    await calls(gate, 'failed', 4);
    await halfOpen(gate);
    await gate.report(underWay, 'failed');
    expect((await gate.read()).circuit).to.equal('half-open');
  });
});
