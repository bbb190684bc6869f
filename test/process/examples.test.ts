import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../src/app/worker.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { testConfig } from '../support/config.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

/** What each prints at its end. */
const EXAMPLES: Record<string, RegExp> = {
  'bullmq.js': /^complete: \d+ products in 1 call\(s\)\nread them with: npx dpf search --get \d+ --json$/m,
  'library.ts': /^complete: \d+ products\n(\d+\.\d\d USD {2}\S.*\n){5}$/m,
  'schedule.ts':
    /^morning-cases runs at 07:30 on working days \(America\/New_York\), next at 2.*\ncomplete: \d+/,
};

describe('the examples of searching', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { node } = useProcesses();
  let worker: WorkerApp;
  let config: ReturnType<typeof testConfig>;
  beforeEach(async () => {
    const env = { MIN_API_CALL_INTERVAL: '0', PLAN_INTERVAL: '0.1' };
    config = testConfig(serviceEnv(redis.url, simulator().url, env));
    worker = await startWorkerApp(config, quietLog());
  });
  afterEach(() => worker.stop());

  for (const [file, ending] of Object.entries(EXAMPLES))
    it(`${file} does what it says, and ends`, async () => {
      const example = node(['--import', 'tsx/esm', `examples/${file}`], { REDIS_URL: redis.url });
      expect(await example.exit(), example.output).to.equal(0);
      expect(example.stdout).to.match(ending);
      expect(example.stderr).to.equal('');
    });

  it('watchlist.ts imports a CSV file, and says what the first look found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dpf-example-'));
    const producer = openProducer(config);
    try {
      await producer.ready();
      const { searchId } = await producer.enqueue({ query: 'usb c hub', maxItems: 3 });
      await producer.waitFor(searchId, { timeoutMs: 30_000 });
      const rows = (await producer.products(searchId)).map(({ itemId }, index) => `${itemId},HUB-${index}`);
      const file = join(folder, 'listings.csv');
      await writeFile(file, ['item,sku', ...rows].join('\n'));
      const made = node(['--import', 'tsx/esm', 'examples/watchlist.ts', file], { REDIS_URL: redis.url });
      expect(await made.exit(), made.output).to.equal(0);
      expect(made.stdout).to.match(
        /^supplies: 3 listings, 3 added, 0 there already\n3 in stock, 0 out of stock, 0 ended\na look at all of them takes \d+ calls\n$/,
      );
    } finally {
      await producer.close();
      await rm(folder, { recursive: true });
    }
  });
});
