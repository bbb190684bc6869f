import { expect } from 'chai';
import { openQueues } from '../../../../src/queue/bullmq/openQueues.ts';
import { openRedis, waitForRedis } from '../../../../src/redis/connection.ts';
import { NOOP_LOGGER } from '../../../../src/telemetry/logger.ts';
import { startCommandProxy } from '../../../support/commandProxy.ts';
import { testConfig } from '../../../support/config.ts';
import { useRedis } from '../../../support/redis.ts';
import { waitFor } from '../../../support/waitFor.ts';

describe('queues that are made while Redis gives no answer', () => {
  const redis = useRedis('single');

  it('work once it is back, where BullMQ 6.7.0 would fail as long as the process lives', async () => {
    const proxy = await startCommandProxy(Number(new URL(redis.url).port));
    const url = `redis://127.0.0.1:${proxy.port}/0`;
    const config = testConfig({
      REDIS_URL: url,
      REDIS_COMMAND_TIMEOUT: '0.2',
      REDIS_CONNECT_TIMEOUT: '0.5',
    }).redis;
    const connection = openRedis(config, 'caller', NOOP_LOGGER);
    await waitForRedis(connection, url, 5000);
    proxy.cut('silent');
    const { searches, close } = openQueues(connection, '{ebay}', 'default');
    expect(await searches.getJobCounts('wait').catch((error: Error) => error.message)).to.match(/timed out/);
    proxy.restore();
    await waitFor('an answer', () => searches.getJobCounts('wait').catch(() => undefined));
    const { id } = await searches.add('search', { query: 'lamp' }, { jobId: 'one' });
    expect(await (await searches.getJob(id as string))?.getState()).to.equal('waiting');
    await close();
    connection.disconnect();
    await proxy.close();
  });
});
