import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { FleetStore } from '../../src/fleet/fleetStore.ts';
import type { SearchReport } from '../../src/queue/searchReader.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { credentialOf, TenantFiles } from '../../test/support/tenants.ts';
import { type Step, stepAt, stepOf } from './files.ts';

export interface StormFigures {
  written: number;
  broken: number;
  /** Versions that the fleet ran. */
  versions: number;
  brokenApplied: number;
  /** Lines in which a process refused what it had read. */
  refusals: number;
  /** From the last write until every process runs it, ms. */
  convergedMs: number;
  searches: number;
  /** Searches that did not end complete at the first attempt, and workers or tenants that had to start again. */
  disturbed: number;
}

const GIVE_UP_MS = 10_000;

export async function storm(seconds: number, rate: number, workerCount: number): Promise<StormFigures> {
  const redis = await startTestRedis();
  const credentials = [DEMO_CREDENTIALS, credentialOf('shop')];
  const simulator = await startSimulator({
    catalogueScale: 0.1,
    latencyMs: 20,
    unsteady: STEADY,
    credentials,
  });
  for (const { clientId } of credentials) simulator.controls.quota({ clientId, limit: 1_000_000 });
  const files = new TenantFiles(['shop']);
  const put = ({ settings, tenants }: Step) => {
    files.write(files.tenantsFile, tenants);
    files.write(files.configFile, settings);
  };
  put(stepAt(0, files.folder));
  const env = serviceEnv(redis.url, simulator.url, {
    ...files.env,
    CONFIG_FILE: files.configFile,
    TENANTS_FILE: files.tenantsFile,
  });
  const config = loadConfig({ env, files: [] });
  const workers: RunningProcess[] = Array.from({ length: workerCount }, () => startDpf(['worker'], env));
  const producers = ['default', 'shop'].map((tenant) => openProducer(config, { tenant, log: quietLog() }));
  const connection = new Redis(redis.url);
  const store = new FleetStore(connection, '{ebay}');
  try {
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await Promise.all(producers.map((producer) => producer.ready()));
    const over = new AbortController();
    const seen = watchVersions(store, over.signal);
    const load = producers.map((producer) => searchUntil(producer, over.signal));

    const count = seconds * rate;
    const begun = performance.now();
    let broken = 0;
    for (let n = 1; n <= count; n += 1) {
      const step = stepAt(n, files.folder, n === count || n % 2 === 0);
      if (!step.valid) broken += 1;
      put(step);
      await sleep(begun + (n * 1000) / rate - performance.now());
    }
    const convergedMs = await convergence(store, count, workerCount);
    over.abort();
    const reports = (await Promise.all(load)).flat();
    const steps = await seen;
    const output = workers.map((worker) => worker.output).join('\n');
    return {
      written: count,
      broken,
      versions: steps.length,
      brokenApplied: steps.filter((step) => step !== count && step % 2 === 1).length,
      refusals: output.split('configuration refused').length - 1,
      convergedMs: Math.round(convergedMs),
      searches: reports.length,
      disturbed:
        reports.filter(({ summary }) => summary?.outcome !== 'complete' || summary.calls !== summary.pages)
          .length +
        (output.match(/no longer served|ran on a worker that died|making the worker anew/g)?.length ?? 0),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(producers.map((producer) => producer.close()));
    connection.disconnect();
    await simulator.close();
    await redis.stop();
    files.remove();
  }
}

/** The steps that were published, in order: each version is looked at many times before the next can come. */
async function watchVersions(store: FleetStore, signal: AbortSignal): Promise<number[]> {
  const steps: number[] = [];
  let last = -1;
  while (!signal.aborted) {
    const { version, document } = await store.read();
    if (version !== last) steps.push(stepOf(document.settings?.value ?? {}));
    last = version;
    await sleep(5);
  }
  return steps;
}

async function searchUntil(
  producer: ReturnType<typeof openProducer>,
  signal: AbortSignal,
): Promise<SearchReport[]> {
  const reports: SearchReport[] = [];
  for (let n = 0; !signal.aborted; n += 1) {
    const { searchId } = await producer.enqueue({ query: 'phone case', maxItems: 100 + (n % 300) });
    reports.push(await producer.waitFor(searchId, { timeoutMs: 60_000 }));
  }
  return reports;
}

/** Until every process reports the version that holds this step, ms; not a number when that never comes. */
async function convergence(store: FleetStore, step: number, processes: number): Promise<number> {
  const begun = performance.now();
  while (performance.now() - begun < GIVE_UP_MS) {
    const { version, document } = await store.read();
    const running = await store.processes();
    if (
      stepOf(document.settings?.value ?? {}) === step &&
      running.length === processes &&
      running.every((each) => each.version === version)
    )
      return performance.now() - begun;
    await sleep(10);
  }
  return Number.NaN;
}
