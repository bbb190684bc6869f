import { jain, median, percentile } from '../figures.ts';
import { numberFlags } from '../flags.ts';
import { openHouse, TENANTS } from './house.ts';
import { type Load, runLoad } from './load.ts';

export const HELP = `npm run bench -- tenants [--seconds 15] [--workers 2] [--json]
  Five tenants on the same workers. Four of them ask steadily for half of what their pace allows; the fifth asks for a
  hundred times as much, all at once. Then the same with one more secret revoked and one more day used up. Waiting time is
  from enqueueing to the end of the search, beside the same load alone.`;

const LIMITS = { ratio: 2, jain: 0.95 };
const [FLOOD, REVOKED, SPENT, ...CALM] = TENANTS as [string, string, string, ...string[]];

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { seconds: 15, workers: 2 });
  const figures = await measure(flags.seconds, flags.workers);
  if (flags.json) console.log(JSON.stringify({ bench: 'tenants', ...figures }, null, 2));
  else console.table(figures);
  const { flood, trouble } = figures;
  return [flood, trouble].every(
    ({ worstRatio, unfinished, jain: fairness }) =>
      worstRatio <= LIMITS.ratio && fairness >= LIMITS.jain && unfinished === 0,
  );
}

async function measure(seconds: number, workers: number) {
  const house = await openHouse(workers);
  try {
    const four = [REVOKED, SPENT, ...CALM];
    await runLoad(house, { seconds: 2, steady: TENANTS, flood: [] });
    const alone = await runLoad(house, { seconds, steady: four, flood: [] });
    const flooded = await runLoad(house, { seconds, steady: four, flood: [FLOOD] });
    await house.emptied(FLOOD);
    await house.revoke(REVOKED);
    await house.useUp(SPENT);
    const troubled = await runLoad(house, { seconds, steady: CALM, flood: [FLOOD, REVOKED, SPENT] });
    return {
      alone: Object.fromEntries(four.map((tenant) => [tenant, waits(alone, tenant)])),
      flood: beside(alone, flooded, four, [...four, FLOOD]),
      trouble: beside(alone, troubled, CALM, [...CALM, FLOOD]),
    };
  } finally {
    await house.close();
  }
}

function waits({ ended }: Load, tenant: string) {
  const ms = ended.get(tenant) ?? [];
  return { searches: ms.length, medianMs: Math.round(median(ms)), p95Ms: Math.round(percentile(ms, 0.95)) };
}

/** How tenants fared beside the others' trouble, against alone. @param counted for the fairness of calls */
function beside(alone: Load, now: Load, tenants: string[], counted: string[]) {
  const ratios = tenants.map(
    (tenant) => median(now.ended.get(tenant) ?? []) / median(alone.ended.get(tenant) ?? []),
  );
  return {
    ...Object.fromEntries(tenants.map((tenant) => [tenant, waits(now, tenant)])),
    worstRatio: Number(Math.max(...ratios).toFixed(3)),
    unfinished: now.unfinished,
    shares: Object.fromEntries(counted.map((tenant) => [tenant, Number(now.share(tenant).toFixed(3))])),
    jain: Number(jain(counted.map((tenant) => now.share(tenant))).toFixed(4)),
    floodCalls: now.calls.get(FLOOD) ?? 0,
    floodWaiting: now.floodWaiting,
  };
}
