import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openRedis } from '../../../src/redis/connection.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { startTestRedis, useRedis } from '../../support/redis.ts';
import { ScriptedSentinel } from '../../support/scriptedSentinel.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a connection by Sentinels', () => {
  const server = useRedis('single');

  for (const profile of ['caller', 'worker'] as const)
    it(`of a ${profile}, or a copy of it, survives to be told of a fail-over while it connects anew`, async () => {
      const admin = server.connect();
      const sentinel = await ScriptedSentinel.start(Number(new URL(server.url).port));
      const first = openRedis(testConfig({ REDIS_URL: sentinel.url }).redis, profile, NOOP_LOGGER);
      const both = [first, first.duplicate()];
      both[1]?.on('error', () => undefined);
      const answers = (redis: Redis) => redis.ping().catch(() => undefined);
      try {
        await waitFor('both to listen for fail-overs', () => sentinel.listening === both.length);
        for (const redis of both) await waitFor('an answer', () => answers(redis));
        sentinel.asked = async () => sentinel.tellOfFailOver();
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
        for (const redis of both) await waitFor('an answer', () => answers(redis));
        await waitFor('both to listen again', () => sentinel.listening >= 2 * both.length);
      } finally {
        for (const redis of both) redis.disconnect();
        sentinel.stop();
      }
    });

  it('leaves no listeners on the sockets to Sentinels while its master is away', async () => {
    const master = await startTestRedis();
    const sentinel = await ScriptedSentinel.start(master.port);
    const sockets: Socket[] = [];
    const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
    subscribe('net.client.socket', note);
    let asked = 0;
    sentinel.asked = async () => {
      asked += 1;
    };
    const redis = openRedis(testConfig({ REDIS_URL: sentinel.url }).redis, 'worker', NOOP_LOGGER);
    const attempts = (count: number) => waitFor(`${count} attempts`, () => asked >= count);
    try {
      await waitFor('it to listen for fail-overs', () => sentinel.listening === 1);
      await waitFor('an answer', () => redis.ping().catch(() => undefined));
      await master.stop();
      await attempts(asked + 2);
      const early = [...sockets];
      const listeners = () => early.map((socket) => socket.listenerCount('close'));
      const before = listeners();
      await attempts(asked + 5);
      for (const [index, count] of listeners().entries())
        expect(count).to.be.at.most(before[index] as number);
    } finally {
      unsubscribe('net.client.socket', note);
      redis.disconnect();
      sentinel.stop();
    }
  });
});
