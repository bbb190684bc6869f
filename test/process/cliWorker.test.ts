import { expect } from 'chai';
import { useCommands } from '../support/commands.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

describe('dpf worker and dpf token', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const dpf = useCommands();
  const env = (change: Record<string, string> = {}) => serviceEnv(redis.url, simulator().url, change);

  it('refuses to work on a Redis that evicts keys: exit 3, one line with the remedy', async () => {
    const connection = redis.connect();
    await connection.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const worker = dpf(['worker'], env());
    expect(await worker.exit(), worker.output).to.equal(3);
    await connection.config('SET', 'maxmemory-policy', 'noeviction');
    expect(worker.stderr).to.match(
      /^dpf: .*maxmemory-policy is allkeys-lru.*CONFIG SET maxmemory-policy noeviction/m,
    );
  });

  it('gets a new token, shows how it stands, and never prints it', async () => {
    const ended = dpf(['token', '--refresh', '--json'], env());
    expect(await ended.exit(), ended.output).to.equal(0);
    expect(JSON.parse(ended.stdout)).to.include({ source: 'redis', mintsToday: 1, expiresIn: 7200 });
    const stored = JSON.parse((await redis.connect().get('ebay:access_token')) ?? '{}');
    expect(stored.access_token).to.be.a('string');
    expect(ended.output).to.not.contain(stored.access_token);
  });

  it('says that eBay refuses the keyset: exit 3', async () => {
    const ended = dpf(['token', '--refresh'], env({ EBAY_CLIENT_SECRET: 'hush-hush' }));
    expect(await ended.exit(), ended.output).to.equal(3);
    expect(ended.stderr)
      .to.match(/invalid_client/)
      .and.not.contain('hush-hush');
  });
});
