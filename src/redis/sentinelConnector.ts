import { type Redis, SentinelConnector } from 'ioredis';

/** What is private in ioredis 6.0.0. */
interface Internals {
  failoverDetector: { cleanup(): void } | null;
  connectToSentinel(...args: unknown[]): Redis;
}

/**
 * ioredis 6.0.0 keeps its listener for fail-overs while it reconnects. A fail-over that is published then ends the attempt,
 * and the connection with it ("Connection is closed"). A connection that is being made asks the Sentinels anyway.
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
