import { expect } from 'chai';
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
  beforeEach(async () => {
    const env = serviceEnv(redis.url, simulator().url, { MIN_API_CALL_INTERVAL: '0' });
    worker = await startWorkerApp(testConfig(env), quietLog());
  });
  afterEach(() => worker.stop());

  for (const [file, ending] of Object.entries(EXAMPLES))
    it(`${file} does what it says, and ends`, async () => {
      const example = node(['--import', 'tsx/esm', `examples/${file}`], { REDIS_URL: redis.url });
      expect(await example.exit(), example.output).to.equal(0);
      expect(example.stdout).to.match(ending);
      expect(example.stderr).to.equal('');
    });
});
