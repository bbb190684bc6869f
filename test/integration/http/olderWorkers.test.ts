import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { startServeApp } from '../../../src/app/serve.ts';
import { FleetStore } from '../../../src/fleet/fleetStore.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';

describe('a server of this release', () => {
  const redis = useRedis();

  /** The lines about workers of 0.1 that a start writes beside one worker, whose report is this. */
  async function linesBeside(report: { release?: string }): Promise<string[]> {
    const fleet = new FleetStore(redis.connect(), '{ebay}');
    await fleet.report({
      id: 'w',
      role: 'worker',
      host: 'h',
      pid: 1,
      version: 0,
      tenants: ['default'],
      ...report,
    });
    const sink = new PassThrough().setEncoding('utf8');
    const config = testConfig({ REDIS_URL: redis.url, HTTP_PORT: '0', HTTP_WITHOUT_KEYS: 'true' });
    const app = await startServeApp(config, new LogRoot({ level: 'info', levels: '', format: 'json' }, sink));
    await app.stop();
    return String(sink.read())
      .split('\n')
      .filter((line) => line.includes('workers of release 0.1 run'));
  }

  it('warns that it was started before the workers were upgraded, which report no release then', async () => {
    expect(await linesBeside({})).to.have.length(1);
    expect(await linesBeside({ release: '0.2.0' })).to.have.length(0);
  });
});
