import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { gateKey } from '../ebay/gate/redisGate.ts';
import { pacificDay, QuotaDays } from '../ebay/pacificDay.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type Logger, throttled } from '../telemetry/logger.ts';

/**
 * The counts of a day, for eBay's Application Growth Check: a hash for each tenant and Pacific day, as eBay counts days. It
 * holds numbers alone and nothing that eBay answered.
 */
function dayKey(prefix: string, tenant: string, day: string): string {
  return `${prefix}:growth:${tenant}:${day}`;
}

/** Days that are kept. */
export const DAYS_KEPT = 92;
const DAY_MS = 24 * 3600 * 1000;
const WRITE_EVERY_MS = 60_000;
const LOG_EVERY_MS = 600_000;

/** Counters of a process that are kept by day, and the labels that make their names in the hash: `calls:search:ok`. */
const KEPT = {
  dpf_ebay_calls_total: ['calls', 'endpoint', 'outcome'],
  dpf_searches_total: ['searches', 'outcome'],
  dpf_searches_coalesced_total: ['coalesced'],
  dpf_calls_avoided_total: ['avoided'],
  dpf_products_total: ['products'],
  dpf_pages_total: ['jobs', 'result'],
  dpf_token_mints_total: ['tokens', 'result'],
} as const;

/**
 * Adds counts to a day, and copies what the call gate has counted of its own day.
 * KEYS: today, yesterday, gate. ARGV: life (ms), then fields and what is added to them.
 */
const ADD = new LuaScript(`
for i = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gate = redis.pcall('HMGET', KEYS[3], 'used', 'limit', 'reset')
if not gate.err and gate[1] and tonumber(gate[3]) then
  local ago = now - tonumber(gate[3])
  local day = ago < 0 and KEYS[1] or ago < ${DAY_MS} and KEYS[2]
  if day then redis.call('HSET', day, 'used', gate[1], 'limit', gate[2] or '') end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])`);

/** This Pacific day and those before it, the latest first. One of them has 23 to 25 hours. */
function lastDays(now: number, count: number): string[] {
  const days: string[] = [];
  for (let at = now; days.length < count; at = new QuotaDays(() => at).times()[0] - 1)
    days.push(pacificDay(at));
  return days;
}

type Counts = Map<string, number>;

/** Adds once a minute what this process has counted since to the counts of the day: no command of Redis for a call. */
export class GrowthCounts {
  readonly #options: { redis: Redis; prefix: string; registry: Registry };
  readonly #timer: NodeJS.Timeout;
  /** Tenant → field → what is in Redis already. */
  readonly #written = new Map<string, Counts>();
  #writing = Promise.resolve();

  constructor(options: { redis: Redis; prefix: string; registry: Registry; log: Logger }) {
    this.#options = options;
    const logFailure = throttled<Error>(LOG_EVERY_MS, (error, suppressed) =>
      options.log.warn('counts of the day not written', { reason: error.message, suppressed }),
    );
    this.#timer = setInterval(() => void this.write().catch(logFailure), WRITE_EVERY_MS);
  }

  /** Counts that could not be written are written the next time. */
  write(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write());
    return this.#writing;
  }

  /** Writes the rest, unless Redis is away. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write().catch(() => undefined);
  }

  async #write(): Promise<void> {
    const { redis, prefix, registry } = this.#options;
    const totals = await totalsOf(registry);
    if (totals.size === 0) return;
    const now = await clockOf(redis, prefix).current();
    const errors: unknown[] = [];
    for (const [tenant, counts] of totals) {
      const written = this.#written.get(tenant) ?? new Map<string, number>();
      const added = [...counts].flatMap(([field, total]) => {
        const more = total - (written.get(field) ?? 0);
        return more > 0 ? [field, more] : [];
      });
      const days = lastDays(now, 2).map((day) => dayKey(prefix, tenant, day));
      // A tenant whose key another program has replaced keeps no other one's counts from being written.
      await ADD.run(redis, [...days, gateKey(prefix, tenant)], [DAYS_KEPT * DAY_MS, ...added]).then(
        () => this.#written.set(tenant, counts),
        (error) => errors.push(error),
      );
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** Tenant → field → what this process has counted since it started. */
async function totalsOf(registry: Registry): Promise<Map<string, Counts>> {
  const totals = new Map<string, Counts>();
  for (const [name, [field, ...labels]] of Object.entries(KEPT)) {
    const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
    for (const { value, labels: given } of values) {
      const { tenant } = given as { tenant?: string };
      if (tenant === undefined) continue;
      const counts = totals.get(tenant) ?? new Map<string, number>();
      const path = [field, ...labels.map((label) => (given as Record<string, string>)[label])].join(':');
      counts.set(path, (counts.get(path) ?? 0) + value);
      totals.set(tenant, counts);
    }
  }
  return totals;
}

/** A day, or several together. */
export interface GrowthFigures {
  /** What the call gate counted, calls of other programs that eBay named included; null where no worker noted it. */
  used: number | null;
  limit: number | null;
  /** HTTP attempts to eBay by outcome; `ok` is none of the errors. */
  calls: number;
  errors: Record<string, number>;
  /** Searches that ended, without skipped ones. */
  searches: number;
  /** Of them, those that took the result of an identical one, and the calls that this avoided. */
  coalesced: number;
  callsAvoided: number;
  /** Calls that were not made again because their answer was stored already. */
  answersReused: number;
  products: number;
  tokenRequests: number;
  /** Calls a search that made its own; null without one. */
  callsPerSearch: number | null;
  /** Products a call for a page that succeeded. */
  productsPerCall: number | null;
}

export interface GrowthDay extends GrowthFigures {
  /** Pacific time, as eBay counts days. */
  day: string;
}

export interface GrowthReport {
  tenant: string;
  from: string;
  to: string;
  /** Days with counts, the latest last. */
  days: GrowthDay[];
  total: GrowthFigures;
  notes: string[];
}

export async function readGrowth(
  redis: Redis,
  { prefix, tenant, days }: { prefix: string; tenant: string; days: number },
): Promise<GrowthReport> {
  const now = await clockOf(redis, prefix).current();
  const names = lastDays(now, days).reverse();
  const reads = redis.pipeline();
  for (const name of names) reads.hgetall(dayKey(prefix, tenant, name));
  const stored = ((await reads.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply as Record<string, string>;
  });
  const found = names.flatMap((day, index) => {
    const fields = stored[index] ?? {};
    return Object.keys(fields).length === 0 ? [] : [{ day, fields }];
  });
  const all: Record<string, string> = {};
  for (const { fields } of found)
    for (const [field, value] of Object.entries(fields))
      all[field] = String(Number(all[field] ?? 0) + Number(value));
  const missing = names.length - found.length;
  return {
    tenant,
    from: names[0] as string,
    to: names.at(-1) as string,
    days: found.map(({ day, fields }) => ({ day, ...figuresOf(fields) })),
    total: figuresOf(all),
    notes: [...(missing > 0 ? [missingNote(missing)] : []), ...UNKNOWN],
  };
}

const missingNote = (days: number) =>
  `${days} ${days === 1 ? 'day has' : 'days have'} no counts: nothing was called, no worker of this release ran, or Redis lost them`;

/** What the figures leave out. */
const UNKNOWN = [
  'a worker writes its counts once a minute: one that is killed loses the last minute of calls, errors and searches, not of "used"',
  'a worker that loses its connection while it writes may count that minute twice, not in "used"',
  'calls of other programs with the same keyset are in "used" alone, and only once eBay has stated its count',
  'whether eBay counts a call as efficient, and what users do with the results, is not known here',
];

function figuresOf(fields: Record<string, string>): GrowthFigures {
  const sum = (start: string, accept = (_rest: string) => true) =>
    Object.entries(fields).reduce(
      (total, [field, value]) =>
        (field === start || field.startsWith(`${start}:`)) && accept(field.slice(start.length + 1))
          ? total + Number(value)
          : total,
      0,
    );
  const errors: Record<string, number> = {};
  for (const [field, value] of Object.entries(fields)) {
    const [, outcome] = /^calls:[^:]+:(.+)$/.exec(field) ?? [];
    if (outcome !== undefined && outcome !== 'ok' && Number(value) > 0)
      errors[outcome] = (errors[outcome] ?? 0) + Number(value);
  }
  const [calls, products, coalesced] = [sum('calls'), sum('products'), sum('coalesced')];
  const searches = sum('searches', (outcome) => outcome !== 'skipped');
  const pages = sum('calls:search', (outcome) => outcome === 'ok');
  const ratio = (of: number, by: number) => (by > 0 ? Math.round((of / by) * 100) / 100 : null);
  return {
    used: fields.used === undefined ? null : Number(fields.used),
    limit: fields.limit ? Number(fields.limit) : null,
    calls,
    errors,
    searches,
    coalesced,
    callsAvoided: sum('avoided'),
    answersReused: sum('jobs:reused'),
    products,
    tokenRequests: sum('tokens'),
    callsPerSearch: ratio(calls, searches - coalesced),
    productsPerCall: ratio(products, pages),
  };
}
