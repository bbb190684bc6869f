import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { testConfig } from '../../test/support/config.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { SimulatorControl } from '../../test/support/simulatorControl.ts';
import { credentialOf, TenantFiles } from '../../test/support/tenants.ts';

export interface ScaleOptions {
  workers: number;
  /** Beside the default one. */
  tenants: number;
  /** Of all tenants together. */
  calls: number;
  idleS: number;
}

/** Two pages each. */
const PAGES = 2;
/** Workers that start at once: more would only wait for the CPU. */
const AT_ONCE = 4;

export async function measure({ workers, tenants, calls, idleS }: ScaleOptions) {
  const names = Array.from({ length: tenants }, (_, index) => `t${index + 1}`);
  const files = new TenantFiles(names);
  files.declare(Object.fromEntries(names.map((name) => [name, {}])));
  const server = await startEmbeddedRedis();
  const credentials = [DEMO_CREDENTIALS, ...names.map(credentialOf)];
  const simulator = await startSimulator({ credentials, catalogueScale: 0.1, unsteady: STEADY });
  const control = new SimulatorControl(simulator.url);
  for (const { clientId } of credentials) await control.quota({ clientId, limit: 1_000_000 });
  const env = serviceEnv(server.url, simulator.url, {
    ...files.env,
    ...(tenants === 0 ? {} : { TENANTS_FILE: files.tenantsFile }),
    MIN_API_CALL_INTERVAL: String(Math.max(0.05, (tenants + 1) * 0.05)),
    LOG_FORMAT: 'json',
  });
  const redis = new Redis(server.url);
  const fleet: RunningProcess[] = [];
  try {
    const empty = await look(redis);
    while (fleet.length < workers) {
      const batch = Array.from({ length: Math.min(AT_ONCE, workers - fleet.length) }, () =>
        startDpf(['worker'], env),
      );
      fleet.push(...batch);
      await Promise.all(batch.map((worker) => worker.waitForLine(/worker started/, 120_000)));
    }
    await sleep(10_000);
    const before = await look(redis);
    await sleep(idleS * 1000);
    const idle = await look(redis);
    const startedAt = Date.now();
    const done = await collect(env, ['default', ...names], calls);
    const loadS = (Date.now() - startedAt) / 1000;
    const after = await look(redis);
    const made = simulator.controls.log({ kind: 'search' }).length;
    const idleShare = loadS / idleS;
    const perCall = (key: 'commands' | 'cpuMs' | 'netKb') =>
      round((after[key] - idle[key] - (idle[key] - before[key]) * idleShare) / made);
    return {
      ...done,
      calls: made,
      idle: {
        commandsPerWorkerS: round((idle.commands - before.commands) / idleS / workers),
        redisCpuMsPerWorkerS: round((idle.cpuMs - before.cpuMs) / idleS / workers),
        connectionsPerWorker: round((before.clients - empty.clients) / workers),
        redisKbPerWorker: round((before.memoryKb - empty.memoryKb) / workers),
        workerRssMb: round(fleet.reduce((sum, { pid }) => sum + rssMb(pid), 0) / workers),
      },
      perCall: {
        commands: perCall('commands'),
        redisCpuMs: perCall('cpuMs'),
        netKb: perCall('netKb'),
        redisKbKept: round((after.memoryKb - idle.memoryKb) / made),
      },
    };
  } finally {
    await Promise.all(fleet.map((worker) => worker.stop()));
    redis.disconnect();
    await simulator.close();
    await server.stop();
    files.remove();
  }
}

async function collect(env: Record<string, string>, tenants: string[], calls: number) {
  const config = testConfig(env);
  const producers = tenants.map((tenant) => openProducer(config, { tenant, log: quietLog() }));
  const each = Math.ceil(calls / PAGES / tenants.length);
  const ended = await Promise.all(
    producers.map(async (producer) => {
      await producer.ready();
      const added = await producer.enqueueMany(
        Array.from({ length: each }, (_, index) => ({
          query: 'phone case',
          maxItems: PAGES * 200,
          filters: { price: { max: String(1_000_000 + index), currency: 'USD' } },
        })),
      );
      let complete = 0;
      for (const { searchId } of added) {
        const { summary } = await producer.waitFor(searchId, { timeoutMs: 300_000 });
        if (summary?.outcome === 'complete') complete++;
      }
      await producer.close();
      return complete;
    }),
  );
  return { searches: each * tenants.length, complete: ended.reduce((sum, count) => sum + count, 0) };
}

async function look(redis: Redis) {
  const info = await redis.info('everything');
  const value = (field: string) => Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return {
    // Scripts' own commands are counted too.
    commands: value('total_commands_processed'),
    cpuMs: (value('used_cpu_user') + value('used_cpu_sys')) * 1000,
    netKb: (value('total_net_input_bytes') + value('total_net_output_bytes')) / 1024,
    clients: value('connected_clients'),
    memoryKb: value('used_memory') / 1024,
  };
}

function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
