import { Redis, type RedisOptions } from 'ioredis';

/**
 * Commands that are sent in the same turn of the event loop leave in one write, whichever socket's news they answer: a
 * write is a system call, and a page alone takes some twenty commands. Nothing is held back beyond the turn, and nothing is
 * reordered.
 */
export class BatchingRedis extends Redis {
  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options);
  }

  override sendCommand(...args: Parameters<Redis['sendCommand']>): ReturnType<Redis['sendCommand']> {
    const { stream } = this;
    if (stream?.writable && stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    return super.sendCommand(...args);
  }
}
