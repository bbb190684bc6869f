import { SentinelConnector } from 'ioredis';

/**
 * ioredis 6.0.0 keeps its listener for fail-overs while it reconnects. A fail-over that is published then ends the attempt,
 * and the connection with it ("Connection is closed"). A connection that is being made asks the Sentinels anyway.
 */
export class PatientSentinelConnector extends SentinelConnector {
  override connect(
    ...args: Parameters<SentinelConnector['connect']>
  ): ReturnType<SentinelConnector['connect']> {
    const internals = this as unknown as { failoverDetector: { cleanup(): void } | null };
    internals.failoverDetector?.cleanup();
    // Each clean-up adds a `close` listener to the same closed socket.
    internals.failoverDetector = null;
    return super.connect(...args);
  }
}
