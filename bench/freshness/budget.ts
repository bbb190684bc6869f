import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import { Budgets } from '../../src/queue/budgets.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { SimulatorControl } from '../../test/support/simulatorControl.ts';
import type { Options, Row } from './index.ts';

export const NAME = 'budget';

const SERVERS = 8;
const WORKERS = 2;
const CALLS = 100;
const REQUESTS = 1000;
/** Of them so many are under way at a time. */
const AT_ONCE = 200;

/** Eight server processes and two workers, one key with 100 calls a day, and 1,000 requests, 200 at a time. */
export async function run(_: Options): Promise<Row[]> {
  const calm = await attempt({ faults: false });
  const failing = await attempt({ faults: true });
  const row = (name: string, value: number, required: number): Row => ({
    ...{ name, value, required: String(required) },
    met: value === required,
  });
  return [
    row('calls in the simulator’s log', calm.calls, CALLS),
    row('searches done', calm.done, CALLS),
    row('answers 429', calm.refused, REQUESTS - CALLS),
    row('calls counted for the key', calm.used, CALLS),
    row('calls still reserved at the end', calm.reserved, 0),
    row('calls while a third of the answers is a 500', failing.calls, CALLS),
    {
      name: 'searches done while a third of the answers is a 500',
      value: failing.done,
      required: '',
      met: null,
    },
    { name: 'requests a second', value: calm.perSecond, required: '', met: null },
  ];
}

async function attempt({ faults }: { faults: boolean }) {
  const server = await startEmbeddedRedis();
  const redis = new Redis(server.url);
  const processes: RunningProcess[] = [];
  const started = (args: string[], env: Record<string, string> = {}) => {
    const running = startDpf(args, env);
    processes.push(running);
    return running;
  };
  try {
    const simulator = started(['simulate', '--port', '0', '--json']);
    const [, ebayUrl = ''] = await simulator.waitForLine(/"url":\s*"(http[^"]+)"/);
    const ebay = new SimulatorControl(ebayUrl);
    await ebay.configure({ unsteady: STEADY, latencyMs: 5 });
    const { key, record } = await new ApiKeys(redis, '{ebay}').add({
      ...{ name: 'bench', tenant: 'default', roles: ['enqueue', 'read'], expiresAt: null, dailyCalls: CALLS },
    });
    const env = serviceEnv(server.url, ebayUrl, {
      ...{ HTTP_PORT: '0', HTTP_RATE_LIMIT: '1000000', MIN_API_CALL_INTERVAL: '0', PAGE_BACKOFF: '0.1' },
    });
    const servers = Array.from({ length: SERVERS }, () => started(['serve'], env));
    const workers = Array.from({ length: WORKERS }, () => started(['worker'], env));
    const urls = await Promise.all(
      servers.map(async (process) => (await process.waitForLine(/"url":"(http[^"]+)"/))[1] as string),
    );
    await Promise.all(workers.map((process) => process.waitForLine(/worker started/)));
    await ebay.clearLog();
    if (faults) await ebay.arm({ fault: 'status', status: 500, share: 1 / 3 });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const began = performance.now();
    let sent = 0;
    const answers: Array<Awaited<ReturnType<typeof post>>> = [];
    const lane = async () => {
      while (sent < REQUESTS) {
        const n = sent++;
        answers.push(await post(`${urls[n % SERVERS]}/v1/searches`, headers, n));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    const perSecond = Math.round(REQUESTS / ((performance.now() - began) / 1000));
    const accepted = answers.filter(({ status }) => status === 202);
    const ends = await Promise.all(
      accepted.map(({ url, json }) => endOf(`${url}/${json.searchId}`, headers)),
    );
    const options = { redis, prefix: '{ebay}', tenant: 'default', tenantCalls: () => 0, runsTtlMs: 0 };
    const [budget] = await new Budgets(options).read([`key:${record.id}`]);
    return {
      calls: (await ebay.log({ kind: 'search' })).length,
      done: ends.filter((outcome) => outcome === 'complete').length,
      refused: answers.filter(({ status }) => status === 429).length,
      used: budget?.used ?? -1,
      reserved: budget?.reserved ?? -1,
      perSecond,
    };
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
    redis.disconnect();
    await server.stop();
  }
}

/** A search like no other. A server that cannot answer in time, as on a busy machine, is asked again with the same key. */
async function post(url: string, headers: Record<string, string>, n: number) {
  const body = JSON.stringify({ query: 'phone case', maxItems: 10, title: { exclude: [`word${n}`] } });
  for (;;) {
    const own = { ...headers, 'idempotency-key': `request-${n}` };
    const answer = await fetch(url, { method: 'POST', headers: own, body });
    const json = (await answer.json()) as { searchId: string };
    if (answer.status !== 503 && answer.status !== 409) return { url, status: answer.status, json };
    await sleep(500);
  }
}

/** Its outcome, `failed` for a search that failed. */
async function endOf(url: string, headers: Record<string, string>): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}?wait=30`, { headers });
    const { state, summary } = (await answer.json()) as {
      state: string;
      summary: { outcome: string } | null;
    };
    if (state === 'done') return summary?.outcome ?? 'failed';
  }
}
