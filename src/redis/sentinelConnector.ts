import { SentinelConnector } from 'ioredis';

/**
 * ioredis 6.0.0 goes on listening for fail-overs while it connects anew. Told of one then, it gives its own attempt up, and
 * with it the connection for good ("Connection is closed"). A connection that is being made asks the Sentinels anyway.
 */
export class PatientSentinelConnector extends SentinelConnector {
  override connect(
    ...args: Parameters<SentinelConnector['connect']>
  ): ReturnType<SentinelConnector['connect']> {
    const { failoverDetector } = this as unknown as { failoverDetector?: { cleanup(): void } };
    failoverDetector?.cleanup();
    return super.connect(...args);
  }
}
