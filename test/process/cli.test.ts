import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { useCommands } from '../support/commands.ts';
import { useProcesses } from '../support/processes.ts';

/** Nothing listens there: the kernel keeps port 1 of loopback for nobody. */
const NO_REDIS = 'redis://:hush-hush@127.0.0.1:1/0';
const KEYS = { EBAY_CLIENT_ID: 'app-id', EBAY_CLIENT_SECRET: 'cert-id' };

interface Ending {
  args: string[];
  env?: Record<string, string>;
  code: number;
  says: RegExp;
}

const ENDINGS: Record<string, Ending> = {
  'with a wrong configuration': {
    args: ['config'],
    ...{
      env: { MIN_API_CALL_INTERVAL: 'fast' },
      code: 3,
      says: /MIN_API_CALL_INTERVAL is "fast", but must be a number/,
    },
  },
  'as a worker with placeholders for credentials': {
    args: ['worker'],
    env: { EBAY_CLIENT_ID: 'your-app-id', EBAY_CLIENT_SECRET: 'changeme' },
    ...{ code: 3, says: /EBAY_CLIENT_SECRET +holds a placeholder/ },
  },
  'as a worker whose secret has quotes around it': {
    args: ['worker'],
    env: { EBAY_CLIENT_ID: 'app-id', EBAY_CLIENT_SECRET: '"hush-hush"' },
    ...{ code: 3, says: /EBAY_CLIENT_SECRET +has quotation marks around it/ },
  },
  'asking for the token without Redis': {
    args: ['token'],
    env: { REDIS_URL: NO_REDIS, ...KEYS },
    ...{ code: 4, says: /cannot reach Redis at 127\.0\.0\.1:1 \(ECONNREFUSED\)/ },
  },
};

describe('dpf ends', function () {
  this.timeout(60_000);
  const dpf = useCommands();
  const processes = useProcesses();

  for (const [what, { args, env = {}, code, says }] of Object.entries(ENDINGS))
    it(`${what} (exit ${code})`, async () => {
      const ended = dpf(args, env);
      expect(await ended.exit(), ended.output).to.equal(code);
      expect(ended.stderr).to.match(says);
      expect(ended.stdout).to.equal('');
      expect(ended.output).to.not.contain('hush-hush');
    });

  it('well for settings that are not right, which dpf config names without their values', async () => {
    const env = { EBAY_CLIENT_ID: 'app-id', EBAY_CLIENT_SECRET: 'hush-hush # of the shop' };
    const shown = dpf(['config'], { ...env, REDIS_SENTINEL_PASSWORD: "'hush-hush'" });
    expect(await shown.exit(), shown.output).to.equal(0);
    expect(shown.output)
      .to.match(/before dpf worker can start: EBAY_CLIENT_SECRET has a comment behind it/)
      .and.match(/looks wrong: REDIS_SENTINEL_PASSWORD has quotation marks around it/)
      .and.not.include('hush-hush');
  });

  it('with --json: the error as an object on stderr', async () => {
    const ended = dpf(['search', 'hub', '--json'], { REDIS_URL: NO_REDIS });
    expect(await ended.exit()).to.equal(4);
    expect(JSON.parse(ended.stderr).error).to.include({ code: 'redis-unavailable' });
  });

  it('as a simulator whose port is in use (exit 4)', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const ended = dpf(['simulate', '--port', String(port)]);
    expect(await ended.exit()).to.equal(4);
    expect(ended.stderr).to.match(new RegExp(`^dpf: port ${port} on 127.0.0.1 is in use: .*--port`));
    holder.close();
  });

  it('as a worker told to stop while it waits for Redis: it says so once a second, and exits 0', async () => {
    const worker = processes.dpf(['worker'], { REDIS_URL: NO_REDIS, ...KEYS });
    await worker.waitForLine(/Redis connection failed.*ECONNREFUSED/);
    worker.signal('SIGTERM');
    expect(await worker.exit()).to.equal(0);
    expect(worker.output).to.not.contain('hush-hush');
  });
});
