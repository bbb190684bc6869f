/**
 * The call gate alone, without a queue: N processes call the simulator as fast as the gate lets them.
 * `node --import tsx bench/pace/gateOnly.ts PROCESSES INTERVAL_SECONDS SECONDS [SHARE_401] [SHARE_503] [REDIS_ROUND_TRIP_MS]`
 * prints one line of JSON: calls, use of the permitted calls, gaps at the server, Redis commands and CPU a call.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { startTestRedis } from '../../test/support/redis.ts';
import { startTcpProxy } from '../../test/support/tcpProxy.ts';

const [processes = 4, interval = 0.1, seconds = 15, share401 = 0, share503 = 0, roundTripMs = 0] =
  process.argv.slice(2).map(Number);
const here = (file: string) => new URL(file, import.meta.url);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const WARM_UP_MS = 2500;

const server = await startTestRedis();
const redis = new Redis(server.url);
/** A Redis far away. */
const proxy = await startTcpProxy(server.port);
if (roundTripMs > 0) Object.assign(proxy, { mode: 'latency', latencyMs: roundTripMs });
const callerRedis = roundTripMs > 0 ? `redis://127.0.0.1:${proxy.port}` : server.url;
const simulator = fork(here('./gateOnlySimulator.ts'), ['--import', 'tsx'], {
  execArgv: ['--import', 'tsx'],
});
const [{ url }] = (await once(simulator, 'message')) as [{ url: string }];
const control = (method: string, path: string, body?: unknown) =>
  fetch(`${url}/_sim/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
await control('PUT', 'settings', { latencyMs: 50 });
await control('PUT', 'quota', { limit: 1_000_000, mintLimit: 1_000_000, resetInS: 86_400 });
if (share401 > 0) await control('POST', 'faults', { fault: 'expired-token', revoke: false, share: share401 });
if (share503 > 0) await control('POST', 'faults', { fault: 'status', status: 503, share: share503 });
const failed = (code: number | null) => {
  if (code !== null && code !== 0) process.exit(1);
};
simulator.on('exit', failed);
const callers = Array.from({ length: processes }, () =>
  fork(here('./gateOnlyCaller.ts'), [], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, BENCH_EBAY: url, BENCH_REDIS: callerRedis, BENCH_INTERVAL: String(interval) },
  }),
);
for (const caller of callers) caller.on('exit', failed);
await Promise.all(callers.map((caller) => once(caller, 'message')));
for (const caller of callers) caller.send('go');
await sleep(WARM_UP_MS);

const usage = async () => {
  const info = `${await redis.info('commandstats')}\n${await redis.info('cpu')}\n${await redis.info('stats')}`;
  const count = (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  const number = (field: string) => Number(new RegExp(`${field}:([\\d.]+)`).exec(info)?.[1] ?? 0);
  const all = [...info.matchAll(/cmdstat_[^:]+:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
  const cpuMs = (number('used_cpu_user') + number('used_cpu_sys')) * 1000;
  return { scripts: count('evalsha'), all, cpuMs };
};
await control('DELETE', 'log');
const before = await usage();
await sleep(seconds * 1000);
const after = await usage();
const log = (await (await control('GET', 'log?kind=search')).json()) as { at: number; status: number }[];
for (const caller of callers) caller.kill('SIGKILL');
simulator.kill('SIGKILL');
redis.disconnect();
await proxy.close();
await server.stop();

const times = log.map(({ at }) => at).sort((a, b) => a - b);
const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
const span = (times.at(-1) as number) - (times[0] as number);
const round = (value: number, digits = 3) => Number(value.toFixed(digits));
console.log(
  JSON.stringify({
    processes,
    interval,
    roundTripMs,
    calls: times.length,
    use: round((gaps.length * interval * 1000) / span),
    minGap: round(Math.min(...gaps), 2),
    maxGap: round(Math.max(...gaps), 2),
    short: gaps.filter((gap) => gap < interval * 1000 - 5).length,
    asksPerCall: round((after.scripts - before.scripts) / times.length, 2),
    redisCommandsPerCall: round((after.all - before.all) / times.length, 1),
    redisCpuMsPerCall: round((after.cpuMs - before.cpuMs) / times.length),
    status: Object.fromEntries(
      [...new Set(log.map(({ status }) => status))].map((s) => [s, log.filter((e) => e.status === s).length]),
    ),
  }),
);
