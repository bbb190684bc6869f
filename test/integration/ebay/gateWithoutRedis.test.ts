import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { CallGate } from '../../../src/ebay/gate/gate.ts';
import { redisOptions } from '../../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { testConfig } from '../../support/config.ts';
import { failureOf, inRedis, pass, tally } from '../../support/gates.ts';
import { startTestRedis, useRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/waitFor.ts';

/** The profile that the gate is meant for, with a patience (s) that is short unless a test says otherwise. */
function caller(url: string, patience = 0.2): Redis {
  const { redis } = testConfig({ REDIS_COMMAND_TIMEOUT: String(patience) });
  const connection = new Redis(url, redisOptions(redis, 'caller'));
  connection.on('error', () => undefined);
  return connection;
}

describe('a call gate whose Redis fails', () => {
  let server: EmbeddedRedis;
  let pid: number;
  let connection: Redis;
  let patient: Redis;

  beforeEach(async () => {
    server = await startTestRedis();
    connection = caller(server.url);
    patient = caller(server.url, 10);
    await waitFor('Redis', () => [connection, patient].every(({ status }) => status === 'ready'));
    pid = Number(/process_id:(\d+)/.exec(await connection.info('server'))?.[1]);
  });
  afterEach(async () => {
    connection.disconnect();
    patient.disconnect();
    await server.stop();
  });

  // A busy machine's Redis answers late too; then the call is turned away, and a later one takes its place.
  const passAtLast = (gate: CallGate) =>
    waitFor('a slot', () =>
      pass(gate).then(
        () => true,
        () => false,
      ),
    );
  const used = async () => (await inRedis(() => patient)().read()).used;

  it('refuses, for no call may be made that cannot be counted', async () => {
    const gate = inRedis(() => connection)();
    await pass(gate);
    await server.stop();
    const failure = await failureOf(pass(gate));
    expect([failure.code, failure.retryable]).to.deep.equal(['redis-unavailable', true]);
    for (const refused of [gate.read(), gate.throttled(), gate.close(1, 'pause')])
      expect((await failureOf(refused)).code).to.equal('redis-unavailable');
  });

  it('refuses all who wait at once when Redis does not answer, and goes on when it does', async () => {
    const gate = inRedis(() => connection)();
    process.kill(pid, 'SIGSTOP');
    try {
      const ends = await tally(Array.from({ length: 5 }, () => pass(gate)));
      expect(ends).to.deep.equal({ passed: 0, codes: ['redis-unavailable'] });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await passAtLast(gate);
  });

  it('does not count a slot whose grant was answered too late to be used', async () => {
    const gate = inRedis(() => connection)({ intervalMs: 1000 });
    // Redis knows the script from another credential's calls.
    await pass(inRedis(() => patient, 'other')());
    process.kill(pid, 'SIGSTOP');
    const lost = failureOf(pass(gate)).finally(() => process.kill(pid, 'SIGCONT'));
    expect((await lost).code).to.equal('redis-unavailable');
    await waitFor('the question that Redis still has', async () => (await used()) === 1);
    await passAtLast(gate);
    expect(await used()).to.equal(1);
  });

  it('counts no call for a lost grant even if others got theirs in between', async () => {
    const [gate, other] = [inRedis(() => connection)(), inRedis(() => patient)()];
    await passAtLast(gate);
    process.kill(pid, 'SIGSTOP');
    // The second question is about the first one's slot too: neither is known to have arrived.
    for (let question = 0; question < 2; question++)
      expect((await failureOf(pass(gate))).code).to.equal('redis-unavailable');
    process.kill(pid, 'SIGCONT');
    await waitFor('the questions that Redis still has', async () => (await used()) >= 2);
    for (let call = 0; call < 3; call++) await pass(other);
    await passAtLast(gate);
    expect(await used()).to.equal(5);
  });
});

describe('the circuit of a call gate whose Redis fails', () => {
  const redis = useRedis();

  it('still counts the calls that eBay answered before', async () => {
    const connection = redis.connect();
    const gate = inRedis(() => connection)({ circuitMinCalls: 4, circuitShare: 0.5 });
    const slots = await Promise.all(Array.from({ length: 6 }, () => pass(gate)));
    for (const slot of slots) await gate.report(slot, 'answered');
    connection.disconnect();
    expect((await failureOf(pass(gate))).code).to.equal('redis-unavailable');
    await connection.connect();
    for (let call = 0; call < 4; call++) await gate.report(await pass(gate), 'failed');
    expect((await gate.read()).circuit).to.equal('closed');
    for (let call = 0; call < 2; call++) await gate.report(await pass(gate), 'failed');
    expect((await gate.read()).circuit).to.equal('open');
  });
});
