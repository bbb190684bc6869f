import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { pacificDayEnd } from '../../../src/ebay/pacificDay.ts';
import { Failure } from '../../../src/failures.ts';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { Budgets } from '../../../src/queue/budgets.ts';
import type { BudgetName } from '../../../src/results/searchStore.ts';
import { freePort } from '../../support/freePort.ts';
import { startTestRedis, useRedis } from '../../support/redis.ts';

/** Later than Redis's own clock, by which the day's hash ends. */
const NOON = Date.parse('2040-11-05T20:00:00Z');

async function keyOf(redis: Redis, dailyCalls: number): Promise<{ id: string; own: BudgetName[] }> {
  const { record } = await new ApiKeys(redis, '{ebay}').add({
    ...{ name: 'shop', tenant: 'default', roles: ['enqueue'], expiresAt: null },
    dailyCalls,
  });
  return { id: record.id, own: [`key:${record.id}`] };
}

const searchOf = (searchId: string, calls: number, run = 1) => ({
  ...{ search: { searchId, timestamp: 1 }, run, calls },
});

/** The failure that refuses this; undefined where it is allowed. */
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => {
      expect(error).to.be.instanceOf(Failure).with.property('code', 'budget_exceeded');
      return error as Failure;
    },
  );

describe('budgets', () => {
  const server = useRedis();
  let redis: Redis;
  let now: number;
  const open = (tenantCalls = 0, connection = redis) =>
    new Budgets({
      ...{ redis: connection, prefix: '{ebay}', tenant: 'default', runsTtlMs: 60_000 },
      tenantCalls: () => tenantCalls,
      clock: async () => now,
    });
  beforeEach(() => {
    redis = server.connect();
    now = NOON;
  });

  it('reserve all of a list or nothing, and say whose budget refuses, how much is left and until when', async () => {
    const { id, own } = await keyOf(redis, 10);
    const budgets = open(100);
    await budgets.reserve(own, [searchOf('a', 6)]);
    const refused = await refusalOf(budgets.reserve(own, [searchOf('b', 3), searchOf('c', 2)]));
    expect(refused?.detail.budget).to.deep.equal({
      ...{ kind: 'key', name: id, limit: 10, used: 0, reserved: 6, left: 4, needed: 5 },
      reset: new Date(pacificDayEnd(NOON)).toISOString(),
    });
    expect(refused?.detail.until).to.be.greaterThan(Date.now());
    expect(refused?.message).to.include('4 of 10 daily calls left, and 5 are needed: more at 2040-11-06');
    const large = await refusalOf(budgets.reserve(own, [searchOf('b', 11)]));
    expect(large?.message).to.include('11 are needed: ask for less, or raise the budget');
    expect(large?.detail.until).to.equal(undefined);
    expect(await budgets.reserve(own, [searchOf('b', 3), searchOf('d', 1)])).to.containSubset([
      { kind: 'key', left: 0, reserved: 10 },
      { kind: 'tenant', name: 'default', left: 90 },
    ]);
  });

  it('reserve once for a search, however often it is asked, and again for its next run', async () => {
    const { own } = await keyOf(redis, 10);
    const budgets = open();
    for (let n = 0; n < 3; n += 1) await budgets.reserve(own, [searchOf('a', 4)]);
    expect((await budgets.read(own))[0]).to.include({ reserved: 4 });
    await budgets.settle('a', own);
    await budgets.reserve(own, [searchOf('a', 4)]);
    expect((await budgets.read(own))[0]).to.include({ reserved: 0 });
    await budgets.reserve(own, [searchOf('a', 3, 2)]);
    expect((await budgets.read(own))[0]).to.include({ reserved: 3 });
  });

  it('release what an earlier run has left with the reservation of the next run, which may need it', async () => {
    const { own } = await keyOf(redis, 10);
    const budgets = open(10);
    await budgets.reserve(own, [searchOf('a', 6)]);
    await budgets.chargeOf('a', own)?.take();
    expect(await budgets.reserve(own, [searchOf('a', 9, 2)])).to.containSubset([
      { kind: 'key', used: 1, reserved: 9 },
      { kind: 'tenant', used: 1, reserved: 9 },
    ]);
    await budgets.settle('a', own);
    expect((await budgets.read(own))[0]).to.include({ used: 1, reserved: 0 });
  });

  it('release what a search has reserved in a budget that was taken away meanwhile', async () => {
    await open(10).reserve([], [searchOf('a', 6)]);
    await open().settle('a');
    expect((await open(10).read([]))[0]).to.include({ reserved: 0, left: 10 });
  });

  it('give an attempt back once, also where the connection breaks before Redis has answered', async () => {
    const { own } = await keyOf(redis, 10);
    let isToBreak = false;
    const proxy = createServer((client) => {
      const upstream = connect(Number(new URL(server.url).port), '127.0.0.1');
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.on('close', () => upstream.destroy());
      client.pipe(upstream);
      upstream.on('data', (answer) => {
        if (isToBreak) client.destroy();
        else client.write(answer);
        isToBreak = false;
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    // As a worker does, it sends a command again.
    const connection = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    connection.on('error', () => undefined);
    try {
      const charge = open(0, connection).chargeOf('a', own);
      await open().reserve(own, [searchOf('a', 5)]);
      // Redis knows the program then.
      await charge?.take();
      await charge?.giveBack();
      for (let n = 0; n < 3; n += 1) await charge?.take();
      isToBreak = true;
      await charge?.giveBack();
      expect(isToBreak).to.equal(false);
      expect((await open().read(own))[0]).to.include({ used: 2, reserved: 3 });
      const tokens = await redis.keys('*:given:*');
      expect(tokens).to.have.length(2);
      for (const token of tokens) expect(await redis.pttl(token)).to.be.within(1, 3_600_000);
    } finally {
      connection.disconnect();
      proxy.close();
    }
  });

  it('charge an attempt to what its search has reserved, then to what nobody has', async () => {
    const { own } = await keyOf(redis, 4);
    const budgets = open();
    await budgets.reserve(own, [searchOf('a', 2), searchOf('b', 1)]);
    const charge = budgets.chargeOf('a', own);
    for (let n = 0; n < 3; n += 1) await charge?.take();
    expect((await budgets.read(own))[0]).to.include({ used: 3, reserved: 1, left: 0 });
    expect((await refusalOf(charge?.take() as Promise<void>))?.detail.budget).to.include({ needed: 1 });
    await budgets.chargeOf('b', own)?.take();
    expect((await budgets.read(own))[0]).to.include({ used: 4, reserved: 0 });
  });

  it('take back an attempt that never left, and release what is left at the end', async () => {
    const { own } = await keyOf(redis, 10);
    const budgets = open();
    await budgets.reserve(own, [searchOf('a', 3)]);
    const charge = budgets.chargeOf('a', own);
    await charge?.take();
    await charge?.take();
    await charge?.giveBack();
    expect((await budgets.read(own))[0]).to.include({ used: 1, reserved: 2 });
    await charge?.take();
    await budgets.settle('a', own);
    await charge?.giveBack();
    expect((await budgets.read(own))[0]).to.include({ used: 1, reserved: 0, left: 9 });
  });

  it('begin a day with nothing used or reserved; what the day before took is not given back to it', async () => {
    const { own } = await keyOf(redis, 3);
    const budgets = open();
    await budgets.reserve(own, [searchOf('a', 3)]);
    const charge = budgets.chargeOf('a', own);
    await charge?.take();
    now = pacificDayEnd(NOON);
    expect((await budgets.read(own))[0]).to.include({ used: 0, reserved: 0, left: 3 });
    await charge?.giveBack();
    await budgets.reserve(own, [searchOf('b', 2)]);
    await charge?.take();
    expect(await refusalOf(charge?.take() as Promise<void>)).to.not.equal(undefined);
    expect((await budgets.read(own))[0]).to.include({ used: 1, reserved: 2 });
    // A process whose clock lags behind counts in the day that has begun.
    now -= 1;
    expect(await refusalOf(budgets.reserve(own, [searchOf('c', 1)]))).to.not.equal(undefined);
    // A clock that was wrong by a year leaves no day that never ends.
    now += 365 * 86_400_000;
    await charge?.take();
    now = NOON;
    expect((await budgets.read(own))[0]).to.include({ used: 0, reserved: 0 });
    await charge?.take();
    expect((await budgets.read(own))[0]).to.include({
      ...{ used: 1, reset: new Date(pacificDayEnd(NOON)).toISOString() },
    });
  });

  it('name no search that has reserved calls of a day that is over', async () => {
    const budgets = open(100);
    await budgets.reserve([], [searchOf('s_1', 5)]);
    expect(await budgets.holders()).to.deep.equal(['s_1']);
    now += 24 * 3_600_000;
    expect(await budgets.holders()).to.deep.equal([]);
  });

  it('follow a limit that is lowered below what is used, and a key that is revoked', async () => {
    const { id, own } = await keyOf(redis, 10);
    const keys = new ApiKeys(redis, '{ebay}');
    const budgets = open();
    await budgets.reserve(own, [searchOf('a', 9)]);
    const charge = budgets.chargeOf('a', own);
    for (let n = 0; n < 5; n += 1) await charge?.take();
    expect(await keys.setBudget('shop', 4)).to.containSubset([{ id, dailyCalls: 4 }]);
    expect((await refusalOf(charge?.take() as Promise<void>))?.detail.budget).to.include({
      limit: 4,
      left: 0,
    });
    await keys.setBudget(id, null);
    await charge?.take();
    await keys.setBudget(id, 20);
    expect((await budgets.read(own))[0]).to.include({ limit: 20, used: 6, reserved: 3 });
    await keys.revoke(id);
    expect(await keys.setBudget(id, 5)).to.deep.equal([]);
    const refused = await refusalOf(charge?.take() as Promise<void>);
    expect(refused?.message).to.include(`there is no API key ${id} any more: it may make no call`);
  });

  it('are exact for many processes, also over a Redis that is killed and starts again', async function () {
    this.timeout(20_000);
    const folder = await mkdtemp(join(tmpdir(), 'dpf-budgets-'));
    const persistent = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder];
    const first = await startTestRedis(persistent);
    const connections = Array.from({ length: 8 }, () => new Redis(first.url, { maxRetriesPerRequest: 50 }));
    for (const connection of connections) connection.on('error', () => undefined);
    const { own } = await keyOf(connections[0] as Redis, 100);
    const spend = async (many: number) => {
      const takes = Array.from({ length: many }, (_, n) =>
        open(0, connections[n % 8])
          .chargeOf(`s${n}`, own)
          ?.take(),
      );
      return (await Promise.all(takes.map((take) => refusalOf(take as Promise<void>)))).filter(Boolean)
        .length;
    };
    try {
      expect(await spend(60)).to.equal(0);
      await first.stop();
      const again = await startTestRedis(persistent, first.port);
      expect(await spend(60)).to.equal(20);
      expect((await open(0, connections[0]).read(own))[0]).to.include({ used: 100, left: 0 });
      await again.stop();
    } finally {
      for (const connection of connections) connection.disconnect();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('allow no attempt that Redis cannot count', async () => {
    const away = new Redis(`redis://127.0.0.1:${await freePort()}`, { maxRetriesPerRequest: 0 });
    away.on('error', () => undefined);
    const failure = await open(5, away)
      .chargeOf('a', [])
      ?.take()
      .catch((error) => error);
    away.disconnect();
    expect(failure).to.be.instanceOf(Failure).with.property('code', 'redis-unavailable');
  });

  it('count as absent what another program put in their place', async () => {
    await redis.set('{ebay}:budgets:default', 'other');
    await redis.set('{ebay}:schedules:default', 'other');
    const budgets = open(5);
    await budgets.chargeOf('a', ['schedule:daily'])?.take();
    expect(await budgets.read([])).to.containSubset([{ kind: 'tenant', used: 1, left: 4 }]);
  });
});
