import { setTimeout as sleep } from 'node:timers/promises';
import { credentialOf } from '../../test/support/tenants.ts';
import { type House, INTERVAL_MS } from './house.ts';

export interface LoadPlan {
  seconds: number;
  /** Ask for half of what their pace allows, one page a search. */
  steady: readonly string[];
  /** Ask for a hundred times as much, at once. */
  flood: readonly string[];
}

export interface Load {
  /** Tenant → from enqueueing to the end, ms, of the searches of the steady ones. */
  ended: Map<string, number[]>;
  /** Steady searches that did not end complete. */
  unfinished: number;
  /** Tenant → calls that arrived at eBay while the load ran. */
  calls: Map<string, number>;
  /** Calls of a tenant in parts of those that it asked for and its pace allows. */
  share(tenant: string): number;
  /** Searches of the floods that had not ended when the load did. */
  floodWaiting: number;
}

const EVERY_MS = 2 * INTERVAL_MS;
const CHUNK = 500;

export async function runLoad(
  { simulator, producer }: House,
  { seconds, steady, flood }: LoadPlan,
): Promise<Load> {
  const perTenant = Math.floor((seconds * 1000) / EVERY_MS);
  const ended = new Map<string, number[]>(steady.map((tenant) => [tenant, []]));
  let unfinished = 0;
  let flooded = 0;
  for (const tenant of flood)
    for (let from = 0; from < 100 * perTenant; from += CHUNK) {
      const requests = Array.from({ length: CHUNK }, (_, n) => ({ query: `mug ${from + n}`, maxItems: 5 }));
      flooded += (await producer(tenant).enqueueMany(requests)).length;
    }
  simulator.controls.clearLog();
  const begun = performance.now();
  const waiting: Array<Promise<void>> = [];
  const one = async (tenant: string, n: number) => {
    const at = Date.now();
    const { searchId } = await producer(tenant).enqueue({
      query: `mat ${Math.round(begun)} ${n}`,
      maxItems: 5,
    });
    const { summary } = await producer(tenant).waitFor(searchId, { timeoutMs: 60_000 });
    if (summary === null || !['complete', 'none-found'].includes(summary.outcome)) unfinished += 1;
    else ended.get(tenant)?.push(Date.parse(summary.finishedAt as string) - at);
  };
  for (let n = 0; n < perTenant; n += 1) {
    // Not all at the same moment, as independent callers would not.
    for (const [place, tenant] of steady.entries())
      waiting.push(
        sleep((place / steady.length) * EVERY_MS).then(() =>
          one(tenant, n).catch(() => {
            unfinished += 1;
          }),
        ),
      );
    await sleep(begun + (n + 1) * EVERY_MS - performance.now());
  }
  const elapsed = performance.now() - begun;
  const log = simulator.controls.log({ kind: 'search' });
  await Promise.all(waiting);
  const calls = new Map(
    [...steady, ...flood].map((tenant) => [
      tenant,
      log.filter(({ credential }) => credential === credentialOf(tenant).clientId).length,
    ]),
  );
  const floodCalls = flood.reduce((sum, tenant) => sum + (calls.get(tenant) ?? 0), 0);
  return {
    ended,
    unfinished,
    calls,
    share(tenant) {
      const allowed = elapsed / INTERVAL_MS;
      const asked = steady.includes(tenant) ? perTenant : 100 * perTenant;
      return (calls.get(tenant) ?? 0) / Math.min(asked, allowed);
    },
    floodWaiting: flooded - floodCalls,
  };
}
