import type { Redis } from 'ioredis';

/** Redis did not answer in time, is away, or refused the command. Never leaves this folder. */
export class RedisSilent extends Error {
  constructor(cause: unknown) {
    super('Redis gives no answer', { cause });
  }
}

/** States of a connection on its way; one that was lost is `reconnecting`, and nobody waits for it. */
const CONNECTING = new Set(['wait', 'connecting', 'connect']);

/**
 * What Redis answers to `command`, or `RedisSilent` after `ms`, at once while the connection is lost.
 * An answer that has arrived while this process was too busy to look still counts: sockets are read once more before
 * giving up.
 */
export function answered<T>(redis: Redis, command: () => Promise<T>, ms: number): Promise<T> {
  const answer = CONNECTING.has(redis.status) ? connection(redis, ms).then(command) : command();
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new RedisSilent(`no answer within ${ms} ms`));
    const timer = setTimeout(() => setImmediate(giveUp), ms);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(new RedisSilent(error));
      },
    );
  });
}

function connection(redis: Redis, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      clearTimeout(timer);
      redis.off('ready', ready).off('close', lost).off('end', lost);
      done();
    };
    const ready = settle(resolve);
    const lost = settle(() => reject(new Error('no connection')));
    const timer = setTimeout(lost, ms);
    redis.on('ready', ready).on('close', lost).on('end', lost);
    if (redis.status === 'wait') redis.connect().catch(lost);
  });
}
