import { expect } from 'chai';
import sinon from 'sinon';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { type Logger, NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = '{t}:gate:default';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the ledger of a call gate that Redis loses', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const lose = () => redis.connect().del(KEY);

  async function passes(gate: CallGate, times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) await pass(gate);
  }

  /** How many calls these gates get in turn until each is refused. */
  async function passesLeft(...gates: CallGate[]): Promise<number> {
    let passed = 0;
    for (let open = gates; open.length > 0; ) {
      const ends = await Promise.all(open.map(async (gate) => [gate, await tally([pass(gate)])] as const));
      passed += ends.filter(([, end]) => end.passed === 1).length;
      open = ends.filter(([, end]) => end.passed === 1).map(([gate]) => gate);
    }
    return passed;
  }

  it('goes on from what each process knows: the day has no call more', async () => {
    const [one, other] = [makeGate({ dailyLimit: 50 }), makeGate({ dailyLimit: 50 })];
    await passes(other, 9);
    await passes(one, 11);
    await lose();
    // The one that knows less asks first.
    await passes(other, 1);
    expect(await passesLeft(one, other)).to.equal(29);
  });

  it('counts what a process knows also where it asks late, after calls of others', async () => {
    const [one, other] = [makeGate({ dailyLimit: 50 }), makeGate({ dailyLimit: 50 })];
    await passes(one, 10);
    await passes(other, 10);
    await lose();
    await passes(one, 5);
    expect((await one.read()).used).to.equal(15);
    await passes(other, 1);
    expect((await one.read()).used).to.equal(26);
    expect(await passesLeft(one, other)).to.equal(24);
  });

  it('goes on from what a process knows where Redis comes back with an older copy', async () => {
    const connection = redis.connect();
    const [one, other] = [makeGate({ dailyLimit: 30 }), makeGate({ dailyLimit: 30 })];
    await passes(one, 5);
    const copy = await connection.hgetall(KEY);
    await passes(one, 5);
    await passes(other, 5);
    await lose();
    await connection.hset(KEY, copy);
    await passes(one, 1);
    expect(await passesLeft(other, one)).to.equal(14);
  });

  it('goes on from what a process knows where a count that was replaced comes back, old or young', async () => {
    const connection = redis.connect();
    const gate = makeGate({ dailyLimit: 30 });
    await passes(gate, 5);
    const copy = await connection.hgetall(KEY);
    await passes(gate, 1);
    for (const granted of ['5', '40000']) {
      for (let loss = 0; loss < 2; loss += 1) {
        await lose();
        await connection.hset(KEY, { ...copy, granted });
        await passes(gate, 2);
      }
    }
    expect((await gate.read()).used).to.equal(14);
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 30, remaining: 10, reset: now + HOUR_MS }, mark);
    expect((await gate.read()).used).to.equal(20);
  });

  it('begins today where the copy that comes back is of yesterday', async () => {
    const connection = redis.connect();
    const gate = makeGate({ dailyLimit: 30 });
    await passes(gate, 5);
    const copy = await connection.hgetall(KEY);
    await passes(gate, 3);
    await lose();
    await connection.hset(KEY, { ...copy, used: '29', known: '20', kd: '1', reset: '1' });
    await pass(gate);
    expect((await gate.read()).used).to.equal(9);
  });

  it('raises the doubt also where a process of the previous version counted first', async () => {
    const gate = makeGate({ dailyLimit: 50, probeTimeoutMs: 50, probeRetryMs: 5 }, undefined, () =>
      Promise.resolve(false),
    );
    await passes(gate, 6);
    const { reset } = await gate.read();
    await lose();
    // It knows no ledgers.
    await redis.connect().hset(KEY, { reset, used: '2', granted: '2', at: '1', by: 'x-2 x-1' });
    await pass(gate);
    const { countLost, used } = await gate.read();
    expect([countLost, used]).to.deep.equal(['unconfirmed', 7]);
  });

  it('forgets at midnight what it knew, also where a process of the previous version begins the day', async () => {
    const gate = makeGate({ dailyLimit: 50, probeTimeoutMs: 50, probeRetryMs: 5 }, undefined, () =>
      Promise.resolve(false),
    );
    await passes(gate, 30);
    await lose();
    await pass(gate);
    const { now, reset, countLost } = await gate.read();
    expect(countLost).to.equal('unconfirmed');
    await redis.connect().hset(KEY, { reset: String(reset + DAY_MS), used: '1' });
    const { mark, countLost: next } = await gate.read();
    expect(next).to.equal(false);
    await gate.reconcile({ limit: 50, remaining: 47, reset: now + 2 * DAY_MS }, mark);
    expect((await gate.read()).used).to.equal(3);
  });

  it('keeps eBay’s limit, though another one is configured', async () => {
    const gate = makeGate({ dailyLimit: 100 });
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 20, remaining: 15, reset: now + HOUR_MS }, mark);
    await passes(gate, 3);
    await lose();
    await pass(gate);
    await gate.configure({ intervalMs: 0, dailyLimit: 100 });
    const { limit, used, reset } = await gate.read();
    expect([limit, used]).to.deep.equal([20, 9]);
    expect(reset).to.be.closeTo(now + HOUR_MS, 1);
  });

  it('keeps a pause that eBay asked for, and an open circuit', async () => {
    const [one, other] = [makeGate(), makeGate()];
    await one.throttled(5000);
    await failureOf(pass(other));
    await lose();
    expect((await failureOf(pass(other))).detail.reason).to.equal('pause');
    await lose();
    await other.close(8000, 'circuit');
    await failureOf(pass(one));
    await lose();
    expect((await failureOf(pass(one))).detail.reason).to.equal('circuit');
  });

  it('forgets what a process knew of a day that has ended', async () => {
    const gate = makeGate({ dailyLimit: 10 });
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 10, remaining: 10, reset: now + 300 }, mark);
    await passes(gate, 7);
    await lose();
    await waitFor('the end of the day', async () => (await gate.read()).now > now + 300);
    expect(await passesLeft(gate)).to.equal(10);
  });

  describe('where eBay can be asked', () => {
    it('makes calls wait until one process has asked eBay, and counts the calls under way', async () => {
      const asked: CallGate[] = [];
      let arrived = 0;
      const gates = Array.from({ length: 4 }, () => {
        const gate: CallGate = makeGate({ dailyLimit: 50, probeRetryMs: 10 }, undefined, async () => {
          asked.push(gate);
          const { mark, now } = await gate.read();
          return gate.reconcile({ limit: 50, remaining: 50 - arrived, reset: now + HOUR_MS }, mark);
        });
        return gate;
      });
      await passes(gates[0] as CallGate, 8);
      asked.length = 0;
      // Two of the calls before the loss have not reached eBay.
      arrived = 6;
      await lose();
      const entries = gates.map((gate) => pass(gate));
      await Promise.all(entries);
      expect(asked).to.have.length(1);
      expect((await (gates[1] as CallGate).read()).used).to.equal(12);
      expect(await passesLeft(...gates)).to.equal(38);
    });

    it('grants nothing before eBay has answered', async () => {
      let answer = () => {};
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const gate: CallGate = makeGate({ dailyLimit: 5, probeRetryMs: 5 }, undefined, async () => {
        const { mark, now } = await gate.read();
        await answered;
        return gate.reconcile({ limit: 5, remaining: 2, reset: now + HOUR_MS }, mark);
      });
      const entries = Array.from({ length: 5 }, () => pass(gate));
      for (const entry of entries) entry.catch(() => undefined);
      await waitFor('its question', async () => Number(await redis.connect().hget(KEY, 'vu')) > 0);
      const again = makeGate({ dailyLimit: 5, probeRetryMs: 5 }, undefined, () => Promise.resolve(false));
      const other = pass(again);
      other.catch(() => undefined);
      expect((await gate.read()).used).to.equal(0);
      answer();
      expect(await tally([...entries, other])).to.deep.equal({ passed: 2, codes: ['gate-closed'] });
    });

    it('asks again where the process that asked is gone', async () => {
      const settings = { dailyLimit: 5, probeTimeoutMs: 100, probeRetryMs: 5 };
      const dead = makeGate(settings, undefined, () => new Promise(() => {}));
      const stop = new AbortController();
      dead.enter({ class: 'interactive', signal: stop.signal }).catch(() => undefined);
      await waitFor('its question', async () => Number(await redis.connect().hget(KEY, 'vu')) > 0);
      stop.abort();
      let asked = 0;
      const gate = makeGate(settings, undefined, async () => {
        asked += 1;
        return false;
      });
      await pass(gate);
      expect(asked).to.equal(1);
    });

    it('counts from nothing where no process knew of calls and eBay does not state its count', async () => {
      const gate = makeGate({ dailyLimit: 5 }, undefined, () => Promise.resolve(false));
      expect(await passesLeft(gate)).to.equal(5);
      expect((await gate.read()).countLost).to.equal(false);
    });

    it('uses a share of the day where the count was lost and eBay does not state it, until it does', async () => {
      const settings = { dailyLimit: 20, unconfirmedShare: 0.8, probeTimeoutMs: 50, probeRetryMs: 5 };
      const gate = makeGate(settings, undefined, () => Promise.resolve(false));
      await passes(gate, 10);
      await lose();
      expect(await passesLeft(gate)).to.equal(6);
      const { mark, now, countLost } = await gate.read();
      expect(countLost).to.equal('unconfirmed');
      await gate.reconcile({ limit: 20, remaining: 4, reset: now + HOUR_MS }, mark);
      expect((await gate.read()).countLost).to.equal(false);
      expect(await passesLeft(gate)).to.equal(4);
    });

    it('is lost for a process that knows calls, also where another one knew none and eBay did not answer', async () => {
      const settings = { dailyLimit: 50, unconfirmedShare: 0.8, probeTimeoutMs: 50, probeRetryMs: 5 };
      const silent = () => Promise.resolve(false);
      const gate = makeGate(settings, undefined, silent);
      await passes(gate, 5);
      await lose();
      const fresh = makeGate(settings, undefined, silent);
      await passes(fresh, 3);
      expect((await fresh.read()).countLost).to.equal(false);
      await passes(gate, 1);
      expect((await gate.read()).countLost).to.equal('unconfirmed');
      expect(await passesLeft(gate, fresh)).to.equal(40 - 9);
    });

    it('is not hidden by figures that were asked for before the loss', async () => {
      let asked = 0;
      const settings = { dailyLimit: 50, probeRetryMs: 5 };
      const gate: CallGate = makeGate(settings, undefined, async () => {
        asked += 1;
        const { mark, now } = await gate.read();
        return gate.reconcile({ limit: 50, remaining: 8, reset: now + HOUR_MS }, mark);
      });
      await passes(gate, 1);
      const { mark, now } = await gate.read();
      await lose();
      expect(await gate.reconcile({ limit: 50, remaining: 45, reset: now + HOUR_MS }, mark)).to.equal(false);
      const fresh = makeGate(settings, undefined, async () => {
        asked += 1;
        const read = await fresh.read();
        return fresh.reconcile({ limit: 50, remaining: 8, reset: read.now + HOUR_MS }, read.mark);
      });
      expect(await passesLeft(fresh)).to.equal(8);
      expect(asked).to.equal(2);
    });

    it('is said once while eBay does not state its count', async () => {
      const warned: string[] = [];
      const log = { ...NOOP_LOGGER, warn: (message: string) => warned.push(message) } as Logger;
      let asked = 0;
      const gate = makeGate({ dailyLimit: 50, probeTimeoutMs: 300, probeRetryMs: 10 }, log, async () => {
        asked += 1;
        return false;
      });
      await passes(gate, 3);
      warned.length = 0;
      await lose();
      await pass(gate);
      expect(asked).to.be.above(3);
      expect(warned.filter((message) => message.startsWith('Redis lost'))).to.have.length(1);
    });

    it('takes no figures over that were asked for before the loss', async () => {
      const gate = makeGate({ dailyLimit: 50 });
      await passes(gate, 10);
      const { mark, now } = await gate.read();
      await lose();
      await pass(gate);
      expect(await gate.reconcile({ limit: 50, remaining: 49, reset: now + HOUR_MS }, mark)).to.equal(false);
      expect((await gate.read()).used).to.equal(11);
    });
  });
});

describe('the quota day of a call gate', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  afterEach(() => sinon.restore());

  for (const [name, offMs] of [
    ['two days behind', -2 * DAY_MS],
    ['two days ahead', 2 * DAY_MS],
    ['a year ahead', 365 * DAY_MS],
  ] as const)
    it(`is that of Redis’s clock where a process’s clock is ${name}`, async () => {
      const { reset, now } = await makeGate({ dailyLimit: 5 }).read();
      await redis.connect().del(KEY);
      const right = makeGate({ dailyLimit: 5 });
      const real = Date.now;
      sinon.stub(Date, 'now').callsFake(() => real() + offMs);
      const wrong = makeGate({ dailyLimit: 5 });
      const entries = Array.from({ length: 12 }, (_, n) => pass(n % 3 === 0 ? right : wrong));
      expect((await tally(entries)).passed).to.equal(5);
      const state = await wrong.read();
      expect([state.reset, state.used]).to.deep.equal([reset, 5]);
      expect(state.now).to.be.closeTo(now, 60_000);
    });

  it('ends by Redis’s clock, whatever the clock of the process says', async () => {
    const real = Date.now;
    sinon.stub(Date, 'now').callsFake(() => real() - 2 * DAY_MS);
    const gate = makeGate({ dailyLimit: 3 });
    const { mark, now } = await gate.read();
    await gate.reconcile({ limit: 3, remaining: 3, reset: now + 300 }, mark);
    expect((await tally(Array.from({ length: 5 }, () => pass(gate)))).passed).to.equal(3);
    await waitFor('the next day', async () => (await gate.read()).remaining === 3);
    expect((await tally(Array.from({ length: 5 }, () => pass(gate)))).passed).to.equal(3);
    expect((await gate.read()).reset).to.be.within(now, now + 25 * HOUR_MS);
  });
});
