import type { Socket } from 'node:net';
import { AbstractConnector } from 'ioredis';

const streams = new WeakMap<AbstractConnector, Socket>();

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
    get(this: AbstractConnector) {
      return streams.get(this);
    },
    set(this: AbstractConnector, stream: Socket) {
      stream.on('error', () => undefined);
      streams.set(this, stream);
    },
  });
}
