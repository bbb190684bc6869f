import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { freePort } from '../../test/support/freePort.ts';
import { type RunningProcess, startDpf, startNode } from '../../test/support/processes.ts';
import { startTcpProxy } from '../../test/support/tcpProxy.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { RedisProcess } from '../outage/redisProcess.ts';
import { FAULTS, type Stage } from './faults.ts';

const MINUTE = 60_000;

export interface Sample {
  at: number;
  heap: number;
  handles: number;
  keys: number;
  /** Keys that have been there for longer than anything of a search may be. */
  overdue: number;
  /** Long after the last fault: what only a fault's turmoil holds is gone. */
  settled: boolean;
}

/** The time until the same fault comes again. */
export const CYCLE_MS = Object.keys(FAULTS).length * MINUTE;

const INTERVAL = 0.25;
const LOAD = 0.7;
const SAMPLE_MS = 2000;
const RETRY_MS = 500;
/** From this moment of a minute on. */
const SETTLED_MS = 30_000;

/** Of everything that a search leaves, the longest-lived is gone after two minutes; one more for what had to wait. */
const OVERDUE_MS = 3 * MINUTE;

const ENV = {
  MIN_API_CALL_INTERVAL: String(INTERVAL),
  DAILY_CALL_LIMIT: '1000000',
  RESULTS_TTL: '60',
  SEARCH_DEADLINE: '60',
  LOG_LEVEL: 'error',
};

export interface Soaked {
  samples: Sample[];
  enqueued: number;
  /** Attempts to enqueue that failed; each was made again until it was taken, so that every minute brings the same load. */
  refused: number;
  calls: number;
  faults: number;
  /** Searches that had not ended when the load did: above a few dozen it was more than the fleet could do. */
  backlog: number;
  /** Keys once all of it has ended and outlived its time: what is left for good. */
  keysLeft: number;
}

/** Load and faults for so many minutes; the first worker is the one that is measured, and is never killed. */
export async function soak(minutes: number, progress: (line: string) => void): Promise<Soaked> {
  const folder = await mkdtemp(join(tmpdir(), 'dpf-soak-'));
  const redis = new RedisProcess(await freePort(), folder);
  await redis.start();
  const proxy = await startTcpProxy(Number(new URL(redis.url).port));
  const { url, simulator } = await startSimulatorProcess();
  const sampler = [
    '--expose-gc',
    // What the optimising compiler adds (2 MB of machine code in the first hour) would hide a leak of that size.
    '--no-opt',
    '--import',
    join(import.meta.dirname, 'sampler.mjs'),
    'dist/main.js',
    'worker',
  ];
  let measured: RunningProcess | undefined;
  const fleet = new Fleet(`redis://127.0.0.1:${proxy.port}/0`, url, ENV, (env) => {
    const worker = measured === undefined ? startNode(sampler, env) : startDpf(['worker'], env);
    measured ??= worker;
    return worker;
  });
  try {
    await fleet.warmUp('phone case', 3);
    await fleet.addWorkers(1, { LOG_LEVEL: 'info' });
    await fleet.addWorkers(1, { LOG_LEVEL: 'info' });
    await fleet.producer.ready();
    const stage = { ebay: fleet.ebay, redis, proxy, replaceWorker: () => replaceWorker(fleet) };
    return await observe(minutes, {
      fleet,
      stage,
      measured: measured as unknown as RunningProcess,
      progress,
    });
  } finally {
    proxy.mode = 'ok';
    await fleet.stop();
    await simulator.stop();
    await proxy.close();
    await redis.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function replaceWorker(fleet: Fleet): Promise<void> {
  const [victim] = fleet.workers.splice(1, 1);
  victim?.signal('SIGKILL');
  await victim?.exit();
  await fleet.addWorkers(1, { LOG_LEVEL: 'info' });
}

interface Scene {
  fleet: Fleet;
  stage: Stage;
  measured: RunningProcess;
  progress: (line: string) => void;
}

async function observe(minutes: number, { fleet, stage, measured, progress }: Scene): Promise<Soaked> {
  const startedAt = Date.now();
  const endsAt = startedAt + minutes * MINUTE;
  const soaked: Soaked = {
    samples: [],
    enqueued: 0,
    refused: 0,
    calls: 0,
    faults: 0,
    backlog: 0,
    keysLeft: 0,
  };
  const faults = Object.entries(FAULTS);
  const untilEnd = async (everyMs: number, act: () => Promise<void>) => {
    for (let turn = 1; Date.now() < endsAt; turn++) {
      await sleep(Math.max(0, startedAt + turn * everyMs - Date.now()));
      await act();
    }
  };
  // One to three pages, two on average.
  const enqueue = async () => {
    const count = soaked.enqueued++;
    const filters = { price: { max: String(1_000_000 + count), currency: 'USD' } };
    const request = { query: 'phone case', maxItems: ((count % 3) + 1) * 200, filters };
    const taken = () =>
      fleet.producer.enqueue(request, { idempotencyKey: String(count) }).then(
        () => true,
        () => false,
      );
    while (!(await taken()) && Date.now() < endsAt) {
      soaked.refused++;
      await sleep(RETRY_MS);
    }
  };
  const disturb = async () => {
    const [name, fault] = faults[soaked.faults++ % faults.length] as (typeof faults)[number];
    progress(`minute ${soaked.faults}: ${name}`);
    soaked.calls += (await fleet.calls()).length;
    await fleet.ebay.clearLog();
    await fault(stage);
  };
  let since = new Map<string, number>();
  const look = async () => {
    const at = Date.now() - startedAt;
    const keys = await keysOf(stage.redis.url);
    const left = await sampleOf(measured);
    if (keys === undefined) return;
    since = new Map(keys.map((key) => [key, since.get(key) ?? at]));
    const overdue = [...since.values()].filter((seenAt) => at - seenAt > OVERDUE_MS).length;
    soaked.samples.push({ at, keys: keys.length, overdue, ...left, settled: at % MINUTE >= SETTLED_MS });
  };
  await Promise.all([
    untilEnd((2 * INTERVAL * 1000) / LOAD, enqueue),
    untilEnd(MINUTE, disturb),
    untilEnd(SAMPLE_MS, look),
  ]);
  await stage.ebay.clear();
  return { ...soaked, ...(await aftermath(fleet, stage.redis.url)) };
}

async function aftermath(fleet: Fleet, url: string): Promise<Pick<Soaked, 'backlog' | 'keysLeft'>> {
  const redis = new Redis(url);
  const waiting = '{ebay}:ebay-search:waiting-children';
  const backlog = await redis.zcard(waiting);
  await waitFor('the backlog to end', async () => (await redis.zcard(waiting)) === 0, 10 * MINUTE);
  await sleep(2.5 * MINUTE);
  // BullMQ removes what is too old when another job ends.
  const { searchId } = await fleet.producer.enqueue({ query: 'phone case', maxItems: 1 });
  await fleet.producer.waitFor(searchId, { timeoutMs: MINUTE });
  const keysLeft = await redis.dbsize();
  redis.disconnect();
  return { backlog, keysLeft };
}

async function keysOf(url: string): Promise<string[] | undefined> {
  const redis = new Redis(url, { retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    return await redis.keys('*');
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}

async function sampleOf(worker: RunningProcess): Promise<Pick<Sample, 'heap' | 'handles'>> {
  const seen = worker.stdout.length;
  worker.signal('SIGUSR2');
  for (;;) {
    const line = /^SAMPLE (.*)$/m.exec(worker.stdout.slice(seen));
    if (line) return JSON.parse(line[1] as string) as Pick<Sample, 'heap' | 'handles'>;
    if (!worker.running) throw new Error(`the measured worker ended:\n${worker.output.slice(-2000)}`);
    await sleep(20);
  }
}
