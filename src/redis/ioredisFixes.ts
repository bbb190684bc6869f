import type { Socket } from 'node:net';
import { AbstractConnector, Redis, type RedisOptions, SentinelConnector } from 'ioredis';

/** What is private in ioredis 6.0.0. */
interface Internals {
  failoverDetector: { cleanup(): void } | null;
  connectToSentinel(...args: unknown[]): Redis;
  setStatus(status: string): void;
}

/**
 * ioredis 6.0.0 keeps its listener for fail-overs while it reconnects. A fail-over that is published then ends the attempt,
 * and the connection with it ("Connection is closed"). A new connection asks the Sentinels anyway.
 */
export class PatientSentinelConnector extends SentinelConnector {
  constructor(options: ConstructorParameters<typeof SentinelConnector>[0]) {
    super(options);
    const internals = this as unknown as Internals;
    const connectToSentinel = internals.connectToSentinel.bind(this);
    // Without a listener ioredis writes the errors of the one that listens for fail-overs to stderr, past the log. The next
    // attempt to reach the master reports a Sentinel that is away.
    internals.connectToSentinel = (...args) => connectToSentinel(...args).on('error', () => undefined);
  }

  override connect(
    ...args: Parameters<SentinelConnector['connect']>
  ): ReturnType<SentinelConnector['connect']> {
    const internals = this as unknown as Internals;
    internals.failoverDetector?.cleanup();
    // Each clean-up adds a `close` listener to the same closed socket.
    internals.failoverDetector = null;
    return super.connect(...args);
  }
}

const STREAM = Symbol('stream');

type WithStream = AbstractConnector & { [STREAM]?: Socket };

/**
 * Gives every socket of ioredis a listener for `error` that stays. Node may emit a TLS error twice on one socket: when a
 * read or a write fails, and from the TLS layer (`_emitTLSError` emits, it does not destroy). ioredis 6.0.0 listens with
 * `once`; the second error would be an uncaught exception and end the process. ioredis reports the first one.
 *
 * It patches the connector's class, since the sockets to Sentinels and of a Cluster's subscriber take no options from here.
 */
export function keepErrorListeners(): void {
  Object.defineProperty(AbstractConnector.prototype, 'stream', {
    configurable: true,
    get(this: WithStream) {
      return this[STREAM];
    },
    set(this: WithStream, stream: Socket) {
      stream.on('error', () => undefined);
      this[STREAM] = stream;
    },
  });
}

/**
 * Sends the commands of one turn of the event loop in one write: a write is a system call, and a page takes about twenty
 * commands. Nothing is delayed beyond the turn, and the order stays.
 */
export class BatchingRedis extends Redis {
  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options);
  }

  /** 6.0.0 emits no `end` for a connection that waits to be opened again: what waits for it, as BullMQ does, would never end. */
  override disconnect(reconnect = false): void {
    const isWaiting = this.status === 'reconnecting';
    super.disconnect(reconnect);
    if (isWaiting && !reconnect) (this as unknown as Internals).setStatus('end');
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
