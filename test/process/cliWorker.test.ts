import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

describe('dpf worker and dpf token', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();
  const env = (change: Record<string, string> = {}) => serviceEnv(redis.url, simulator().url, change);
  const startWorker = async () => {
    const worker = dpf(['worker'], env());
    await worker.waitForLine(/worker started.*ebay-search.*ebay-calls.*"interval":1.*EBAY_US/);
    return worker;
  };

  it('stops a worker once, however many signals come, and loses none of its work', async () => {
    const worker = await startWorker();
    simulator().controls.configure({ latencyMs: 500 });
    const search = dpf(['search', 'usb c hub'], env());
    await search.waitForLine(/collecting/);
    for (let n = 0; n < 5; n++) for (const name of ['SIGTERM', 'SIGINT'] as const) worker.signal(name);
    expect(await worker.exit(), worker.output).to.equal(0);
    expect(worker.output.match(/"stopping/g)).to.have.length(1);
    simulator().controls.configure({ latencyMs: 0 });
    await startWorker();
    expect(await search.exit(), search.output).to.equal(0);
  });

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
