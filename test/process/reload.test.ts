import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { useCommands } from '../support/commands.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { credentialOf, TenantFiles } from '../support/tenants.ts';
import { waitFor } from '../support/waitFor.ts';

describe('a fleet of processes', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator({ credentials: [DEMO_CREDENTIALS, credentialOf('shop')] });
  const dpf = useCommands();
  const processes = useProcesses();
  let files: TenantFiles;
  beforeEach(() => {
    files = new TenantFiles(['shop']);
    files.declare({});
    files.write(files.configFile, '{"pace": {"minApiCallInterval": 0.01}}');
  });
  afterEach(() => rmSync(files.folder, { recursive: true }));

  it('runs what one command or one changed file says, and no process ends by SIGHUP', async () => {
    const env = serviceEnv(redis.url, simulator().url, files.env);
    const sources = { CONFIG_FILE: files.configFile, TENANTS_FILE: files.tenantsFile };
    const workers = [
      processes.dpf(['worker'], { ...env, ...sources }),
      processes.dpf(['worker'], { ...env, WORKER_TENANTS: 'shop' }),
    ];
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    const command = async (...args: string[]) => {
      const running = dpf(args, env);
      return { exit: await running.exit(), ...JSON.parse(running.stdout) };
    };
    const applied = await command('config', 'apply', changes(), '--json');
    expect(applied).to.include({ exit: 0, version: 2, running: 2 });
    // The file of one process makes the tenant known to both; each then does what it is there for.
    files.declare({ shop: {} });
    await Promise.all(workers.map((worker) => worker.waitForLine(/tenant served","tenant":"shop"/)));
    for (const worker of workers) worker.signal('SIGHUP');
    await waitFor('both at the newest version', async () => {
      const fleet = await command('config', '--fleet', '--json');
      return (
        fleet.version === 3 &&
        fleet.processes.length === 2 &&
        fleet.processes.every((each: { version: number }) => each.version === 3)
      );
    });
    const { summary } = await command(
      'search',
      'phone case',
      '--tenant',
      'shop',
      '--max-items',
      '5',
      '--json',
    );
    expect(summary.outcome).to.equal('complete');
    const connection = new Redis(redis.url);
    expect(await connection.exists('ebay:access_token:shop')).to.equal(1);
    connection.disconnect();
    expect(workers.map(({ running }) => running)).to.deep.equal([true, true]);
  });

  function changes(): string {
    const path = `${files.folder}/changes.json`;
    files.write(path, '{"pace": {"minApiCallInterval": 0.02}}');
    return path;
  }
});
