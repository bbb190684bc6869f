import { expect } from 'chai';
import { search, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { useSimulator } from '../../support/simulator.ts';

const DAY_S = 86_400;

describe('a 429 of eBay', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();
  const env = { THROTTLE_BACKOFF: '5', MAX_THROTTLE_BACKOFF: '900' };
  const asked = () => simulator().controls.log({ kind: 'rate-limit' }).length;
  beforeEach(() => simulator().controls.quota({ limit: 5000, used: 0, resetInS: DAY_S }));

  const cases = [
    { name: 'Retry-After in seconds', fault: { retryAfter: 120 }, pauseS: 120 },
    { name: 'Retry-After as a date', fault: { retryAfterDateInS: 60 }, pauseS: 60 },
    { name: 'an absurd Retry-After', fault: { retryAfter: '1000000000' }, pauseS: 900 },
    { name: 'a Retry-After of 0', fault: { retryAfter: 0 }, pauseS: 1 },
    { name: 'garbage for a Retry-After', fault: { retryAfter: 'soon' }, pauseS: 5 },
    { name: 'a negative Retry-After', fault: { retryAfter: '-1' }, pauseS: 5 },
    { name: 'no Retry-After while quota remains', fault: {}, pauseS: 5 },
  ];
  for (const { name, fault, pauseS } of cases)
    it(`pauses everybody ${pauseS} s with ${name}`, async () => {
      const ebay = testEbay(simulator().url, { gate: makeGate(), env });
      simulator().controls.arm({ fault: 'rate-limited', ...fault });
      const { code, disposition, detail } = await failureOf(search(ebay));
      expect([code, disposition]).to.deep.equal(['ebay-throttled', 'wait']);
      // A date has whole seconds, and a busy machine takes its time.
      expect(detail.until).to.be.within(Date.now() + pauseS * 1000 - 3000, Date.now() + pauseS * 1000 + 1000);
      expect((await failureOf(search(ebay))).code).to.equal('gate-closed');
      expect(simulator().controls.log({ kind: 'search' })).to.have.lengthOf(1);
      ebay.client.close();
    });

  it('closes until the reset when eBay’s own count says that the day is used up', async () => {
    const gate = makeGate({ dailyLimit: 5000 });
    const ebay = testEbay(simulator().url, { env, gate });
    simulator().controls.quota({ remaining: 0, resetInS: 7200 });
    const { detail } = await failureOf(search(ebay));
    expect(detail.reason).to.equal('quota');
    expect(detail.until).to.be.closeTo(Date.now() + 7_200_000, 2000);
    const { remaining, reset, closed } = await gate.read();
    expect(remaining).to.equal(0);
    expect(closed).to.deep.equal({ until: reset, reason: 'quota' });
    ebay.client.close();
  });

  it('asks for the quota once, however many are throttled at a time', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate(), env });
    simulator().controls.arm({ fault: 'rate-limited' });
    simulator().controls.configure({ latencyMs: 30 });
    const codes = await Promise.all(
      Array.from({ length: 5 }, async () => (await failureOf(search(ebay))).code),
    );
    simulator().controls.configure({ latencyMs: 0 });
    expect(codes).to.include('ebay-throttled');
    expect(asked()).to.equal(1);
    ebay.client.close();
  });
});

describe('the quota that eBay counts', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();

  it('corrects the ledger when another program spends from it', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    simulator().controls.quota({ limit: 4000, remaining: 17, resetInS: 3600 });
    expect(await ebay.client.reconcile()).to.equal(true);
    const { limit, remaining } = await ebay.gate.read();
    expect([limit, remaining]).to.deep.equal([4000, 17]);
    ebay.client.close();
  });

  it('is taken over where two processes ask at a time, and both say so', async () => {
    const both = [makeGate(), makeGate()].map((gate) => testEbay(simulator().url, { gate }));
    simulator().controls.quota({ limit: 4000, remaining: 17, resetInS: 3600 });
    simulator().controls.configure({ latencyMs: 100 });
    expect(await Promise.all(both.map(({ client }) => client.reconcile()))).to.deep.equal([true, true]);
    expect(await both[0]?.gate.read()).to.include({ limit: 4000, remaining: 17 });
    for (const { client } of both) client.close();
  });

  for (const status of [204, 500, 401])
    it(`leaves the ledger alone when the question is answered ${status}`, async () => {
      const ebay = testEbay(simulator().url, { gate: makeGate() });
      simulator().controls.arm({ fault: 'status', status, on: { endpoint: 'rate-limit' } });
      expect(await ebay.client.reconcile()).to.equal(false);
      expect((await ebay.gate.read()).limit).to.equal(5000);
      ebay.client.close();
    });

  it('is not asked more often than its own light limit allows, and takes no slot', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate(), analyticsIntervalMs: 60_000 });
    expect([await ebay.client.reconcile(), await ebay.client.reconcile()]).to.deep.equal([true, false]);
    expect(simulator().controls.log({ kind: 'rate-limit' })).to.have.lengthOf(1);
    expect((await ebay.gate.read()).nextSlotMs).to.equal(0);
    ebay.client.close();
  });
});
