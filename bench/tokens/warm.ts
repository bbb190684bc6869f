import { EbayAuthService } from '../../src/ebay/oauth/service.ts';
import type { Row } from './scenarios.ts';
import { World } from './world.ts';

const BLOCK = 50;

/** One after another, in short blocks by turns, so that whatever else the machine does strikes both alike. */
async function byTurns(rounds: number, one: () => Promise<unknown>, other: () => Promise<unknown>) {
  const times = { one: [] as number[], other: [] as number[] };
  const turns = [
    ['one', one],
    ['other', other],
  ] as const;
  for (let round = 0; round < rounds; round += 1)
    for (const [name, work] of round % 2 === 0 ? turns : turns.toReversed())
      for (let n = 0; n < BLOCK; n += 1) {
        const began = performance.now();
        await work();
        times[name].push(performance.now() - began);
      }
  return times;
}

function quantile(times: number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(sorted.length * share)] as number).toFixed(4));
}

/** `getAccessToken` with a token in the cache, beside a bare GET over the same connection. */
export async function warm(): Promise<Row[]> {
  const world = await World.open();
  const { config, redis } = world.connect();
  const auth = new EbayAuthService({ config, redis });
  await auth.getAccessToken();
  const token = () => auth.getAccessToken();
  const get = () => redis.get('ebay:access_token');
  await byTurns(10, token, get);
  const rows: Row[] = [];
  for (const [latencyMs, rounds] of [
    [0, 200],
    [50, 4],
  ] as const) {
    world.proxy.latencyMs = latencyMs;
    world.proxy.mode = latencyMs === 0 ? 'ok' : 'latency';
    const { one, other } = await byTurns(rounds, token, get);
    const ratio = Number((quantile(one, 0.5) / quantile(other, 0.5)).toFixed(3));
    rows.push({
      scenario: `warm getAccessToken${latencyMs === 0 ? '' : `, Redis ${latencyMs} ms slower`}`,
      promised: 'median ≤ 1.5 × a bare GET',
      figure: {
        medianMs: quantile(one, 0.5),
        p99Ms: quantile(one, 0.99),
        getMedianMs: quantile(other, 0.5),
        getP99Ms: quantile(other, 0.99),
        ratio,
        mints: world.mints,
      },
      kept: ratio <= 1.5 && world.mints === 1,
    });
  }
  auth.close();
  redis.disconnect();
  await world.close();
  return rows;
}
