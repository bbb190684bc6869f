import { expect } from 'chai';
import { failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const HOUR_MS = 3_600_000;
const shares = { interactive: 1, scheduled: 0.9, backfill: 0.7 };

describe('the ledger of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('grants exactly the calls of the day', async () => {
    const gate = makeGate({ dailyLimit: 50 });
    const entries = Array.from({ length: 70 }, () => pass(gate));
    expect(await tally(entries)).to.deep.equal({ passed: 50, codes: ['gate-closed'] });
    const failure = await failureOf(pass(gate));
    const { reset, closed, remaining } = await gate.read();
    expect(failure.detail.reason).to.equal('quota');
    expect(failure.detail.until).to.be.within(reset - 2000, reset + 2000);
    expect(closed).to.deep.equal({ until: reset, reason: 'quota' });
    expect(remaining).to.equal(0);
  });

  it('stops the classes in order: backfill, scheduled, interactive', async () => {
    const gate = makeGate({ dailyLimit: 10, shares });
    const all = (callClass: keyof typeof shares) =>
      tally(Array.from({ length: 12 }, () => pass(gate, callClass)));
    expect(await all('backfill')).to.deep.equal({ passed: 7, codes: ['share-spent'] });
    const { classes, reset } = await gate.read();
    expect(classes.backfill).to.deep.equal({ until: reset, reason: 'quota' });
    expect(classes.scheduled).to.equal(undefined);
    expect(await all('scheduled')).to.deep.equal({ passed: 2, codes: ['share-spent'] });
    expect(await all('interactive')).to.deep.equal({ passed: 1, codes: ['gate-closed'] });
    expect((await failureOf(pass(gate, 'backfill'))).code).to.equal('gate-closed');
  });

  it('starts again by itself when the day ends', async () => {
    const gate = makeGate({ dailyLimit: 3 });
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 3, remaining: 3, reset: now + 300 }, mark);
    expect((await tally(Array.from({ length: 5 }, () => pass(gate)))).passed).to.equal(3);
    await waitFor('the reset', async () => (await gate.read()).remaining === 3);
    await pass(gate);
    const state = await gate.read();
    expect(state.used).to.equal(1);
    expect(state.reset).to.be.above(state.now);
  });

  it('takes over what eBay says is left, less the slots granted since the question', async () => {
    const gate = makeGate({ dailyLimit: 100 });
    await pass(gate);
    const { mark, now } = await gate.read();
    await pass(gate);
    await pass(gate);
    expect(await gate.reconcile({ limit: 80, remaining: 20, reset: now + HOUR_MS }, mark)).to.equal(true);
    const lower = await gate.read();
    expect([lower.limit, lower.remaining]).to.deep.equal([80, 18]);
    expect(lower.reset).to.be.closeTo(now + HOUR_MS, 1);
    expect(await gate.reconcile({ limit: 80, remaining: 70, reset: now + HOUR_MS }, lower.mark)).to.equal(
      true,
    );
    expect((await gate.read()).remaining).to.equal(70);
  });

  it('ignores figures of a day that has ended, at eBay or here', async () => {
    const gate = makeGate({ dailyLimit: 100 });
    const { mark, now } = await gate.read();
    expect(await gate.reconcile({ limit: 9, remaining: 0, reset: now - 1 }, mark)).to.equal(false);
    const older = { ...mark, reset: mark.reset - 24 * HOUR_MS };
    expect(await gate.reconcile({ limit: 9, remaining: 0, reset: now + HOUR_MS }, older)).to.equal(false);
    expect((await gate.read()).remaining).to.equal(100);
  });

  it('lets the configured limit stand aside once eBay has told its own', async () => {
    const gate = makeGate({ dailyLimit: 100 });
    await gate.configure({ intervalMs: 0, dailyLimit: 100 });
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 80, remaining: 80, reset: now + HOUR_MS }, mark);
    await gate.configure({ intervalMs: 0, dailyLimit: 100 });
    expect((await gate.read()).limit).to.equal(80);
    await gate.configure({ intervalMs: 0, dailyLimit: 60 });
    expect((await gate.read()).limit).to.equal(60);
  });
});
