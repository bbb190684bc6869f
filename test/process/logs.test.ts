import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { testConfig } from '../support/config.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

describe('a worker whose log goes nowhere', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const simulator = useSimulator();
  let producer: SearchProducer;
  const started: Array<ReturnType<typeof spawn>> = [];
  const env = () =>
    serviceEnv(redis.url, simulator().url, {
      LOG_FORMAT: 'json',
      LOG_LEVEL: 'debug',
      MIN_API_CALL_INTERVAL: '0',
      WORKER_BLOCKING_READ: '0.5',
    });
  const startWorker = (stderr: 'pipe' | number) => {
    const child = spawn(process.execPath, [builtProgram(), 'worker'], {
      env: { PATH: process.env.PATH, ...env() },
      stdio: ['ignore', 'ignore', stderr],
    });
    started.push(child);
    return child;
  };
  beforeEach(async () => {
    producer = openProducer(testConfig(env()), { log: quietLog() });
    await producer.ready();
  });
  afterEach(async () => {
    await producer.close();
    for (const child of started.splice(0)) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  async function collects(): Promise<void> {
    const { searchId } = await producer.enqueue({ query: 'phone case' });
    const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(summary).to.include({ outcome: 'complete' });
  }

  /** The worker collects, and stops as it should when told to. */
  async function worksAndStops(worker: ReturnType<typeof spawn>): Promise<void> {
    await collects();
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).to.deep.equal([0, null]);
  }

  it('goes on when the pipe’s reader has gone, as with | head -1', async () => {
    const worker = startWorker('pipe');
    const stderr = worker.stderr as NodeJS.ReadableStream & { destroy(): void };
    await once(stderr, 'data');
    stderr.destroy();
    await worksAndStops(worker);
  });

  it('goes on when the disk is full, writes again when there is room, and goes on when the file may grow no further', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dpf-disk-'));
    const isSmall = mountSmallDisk(folder);
    try {
      if (isSmall)
        execFileSync('sh', ['-c', `head -c 1000000 /dev/zero > ${folder}/ballast || true`], {
          stdio: 'ignore',
        });
      const file = openSync(join(folder, 'log'), 'a');
      const size = () => statSync(join(folder, 'log')).size;
      const worker = startWorker(file);
      if (isSmall) {
        await collects();
        expect(size()).to.equal(0);
        rmSync(join(folder, 'ballast'));
        await collects();
      }
      await waitFor('the log to begin', () => size() > 0);
      execFileSync('prlimit', [`--fsize=${size()}`, '--pid', String(worker.pid)]);
      // A line may have come before the limit did; from now on none does.
      const limit = size();
      await worksAndStops(worker);
      expect(size()).to.equal(limit);
      const lines = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');
      if (isSmall)
        expect(lines.map((line) => JSON.parse(line).message)).to.include(
          'log lines are missing: they could not be written',
        );
      closeSync(file);
    } finally {
      if (isSmall) execFileSync('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true });
    }
  });

  it('ends a command that cannot print what it was asked for: exit 1, one line why', async () => {
    const file = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [builtProgram(), 'config'], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', file, 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    expect(await once(child, 'close')).to.deep.equal([1, null]);
    expect(said).to.match(/^dpf: the output cannot be written \(ENOSPC\)$/m);
    closeSync(file);
  });
});

/** Whether it could: only root may, and not in every container. */
function mountSmallDisk(folder: string): boolean {
  const args = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder];
  return process.getuid?.() === 0 && spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
}
