import type { Redis } from 'ioredis';
import { openRedis } from '../../../src/redis/connection.ts';
import { SILENT } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { ScriptedSentinel } from '../../support/scriptedSentinel.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a connection by Sentinels', () => {
  const server = useRedis('single');

  for (const profile of ['caller', 'worker'] as const)
    it(`of a ${profile}, or a copy of it, survives to be told of a fail-over while it connects anew`, async () => {
      const admin = server.connect();
      const sentinel = await ScriptedSentinel.start(Number(new URL(server.url).port));
      const first = openRedis(testConfig({ REDIS_URL: sentinel.url }).redis, profile, SILENT);
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
});
