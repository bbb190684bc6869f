import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Charge } from '../ebay/http.ts';
import { pacificDayEnd } from '../ebay/pacificDay.ts';
import { type BudgetState, Failure } from '../failures.ts';
import { redisFailure } from '../redis/failure.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { asHash } from '../redis/ownHash.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type BudgetName, keyOf, type SearchRef } from '../results/searchStore.ts';

/**
 * Budgets of calls a day: an API key, a schedule and a tenant may have one each, `dailyCalls`. A search belongs to the budget
 * of the key that put it in, or of the schedule that it is a run of, and to its tenant's.
 *
 * Every HTTP attempt to eBay is charged to all budgets of its search before it leaves, in one step with the check. A search
 * that is accepted reserves its estimated calls, so that no other search spends them; what it did not use is released at its
 * end. A day is eBay's quota day; with it counts and reservations begin at zero, and a search that goes on reserves what it
 * still needs.
 */

export interface BudgetsOptions {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** Of the tenant; 0: it has no budget. Read at each step, since it may change. */
  tenantCalls: () => number;
  /** How long the budgets of a search are remembered that has not begun, ms. */
  runsTtlMs: number;
  /** Called for searches and attempts that a budget refuses. */
  refused?: (() => void) | undefined;
  /** Ms since the epoch. Default: Redis's clock. */
  clock?: () => Promise<number>;
}

/** The keys of an installation: a field for each, a JSON record with `dailyCalls`. */
export function apiKeysKey(prefix: string): string {
  return `${prefix}:api-keys`;
}

/** What the person with an API key keeps on the page; it is removed with the key. @param id of the key */
export function personalKey(prefix: string, tenant: string, id: string): string {
  return `${prefix}:personal:${tenant}:${id}`;
}

/** The schedules of a tenant: a field for each, a JSON record. */
export function schedulesKey(prefix: string, tenant: string): string {
  return `${prefix}:schedules:${tenant}`;
}

/** What one tenant's budgets have spent: a hash of the day. */
function spentKey(prefix: string, tenant: string): string {
  return `${prefix}:budgets:${tenant}`;
}

/**
 * Each program below is one atomic step. `a` is its argument, JSON. KEYS: what is spent (`day`: when it ends; `u:BUDGET` calls
 * made, `r:BUDGET` calls reserved, `h:SEARCH` a reservation `RUN LEFT BUDGETS`, LEFT -1 once it is settled), API keys,
 * schedules.
 *
 * Limits are read where they are declared, in the same step: a changed one counts at once. A key that was revoked may spend
 * nothing more.
 */
const STATE = `
local spent, a = KEYS[1], cjson.decode(ARGV[1])
local day = tonumber(redis.call('HGET', spent, 'day') or '0')
-- A day that lies further ahead than the next one was begun by a wrong clock.
local isOver = day < a.reset or day > a.next
local function begin()
  if not isOver then return end
  redis.call('UNLINK', spent)
  day, isOver = a.reset, false
  redis.call('HSET', spent, 'day', string.format('%.0f', day))
  redis.call('PEXPIREAT', spent, string.format('%.0f', day + 86400000))
end
local function number(field)
  if isOver then return 0 end
  return math.max(0, tonumber(redis.call('HGET', spent, field) or '0'))
end
local function limitOf(name)
  if name == 'tenant' then return a.tenantCalls > 0 and a.tenantCalls or nil end
  local kind, id = string.match(name, '^(%a+):(.*)$')
  local text = redis.pcall('HGET', kind == 'key' and KEYS[2] or KEYS[3], id)
  if not text then return kind == 'key' and 0 or nil end
  local isJson, record = pcall(cjson.decode, text)
  if not isJson or type(record) ~= 'table' then return nil end
  if kind == 'schedule' then record = record.definition or {} end
  return type(record.dailyCalls) == 'number' and record.dailyCalls or nil
end
local function budget(name)
  local limit = limitOf(name)
  if not limit then return nil end
  return {name = name, limit = limit, used = number('u:' .. name), reserved = number('r:' .. name)}
end
local function reservation(id)
  local text = not isOver and redis.call('HGET', spent, 'h:' .. id)
  if not text then return nil end
  local run, left, rest = string.match(text, '^(%d+) (%-?%d+) ?(.*)$')
  local names, has = {}, {}
  for name in string.gmatch(rest, '%S+') do
    names[#names + 1] = name
    has[name] = true
  end
  return {run = tonumber(run), left = tonumber(left), names = names, has = has}
end
local function reserve(id, run, left, names)
  redis.call('HSET', spent, 'h:' .. id, string.format('%.0f %.0f %s', run, left, table.concat(names, ' ')))
end
local function add(field, names, calls)
  if calls == 0 then return end
  for _, name in ipairs(names) do redis.call('HINCRBY', spent, field .. name, calls) end
end
-- What is reserved for a search is free again.
local function release(id, known)
  if not known or known.left < 0 then return end
  add('r:', known.names, -known.left)
  reserve(id, known.run, -1, {})
end
local function lacking(needed)
  for _, name in ipairs(a.names) do
    local own = needed > 0 and budget(name)
    if own and own.used + own.reserved + needed > own.limit then
      own.needed = needed
      return own
    end
  end
end
local function answer(refused)
  local budgets = {}
  for _, name in ipairs(a.names) do budgets[#budgets + 1] = budget(name) end
  return cjson.encode({reset = isOver and a.reset or day, budgets = budgets, refused = refused})
end
`;

/**
 * Reserves the calls of all searches, or none. One that has a reservation of the same run, or had it and is settled, gets no
 * second one. What an earlier run has left is released in the same step: it has ended without saying so. KEYS further: the run
 * of each search that is not added yet, where its budgets are written.
 */
const RESERVE = new LuaScript(`${STATE}
local needed, open = 0, {}
for _, search in ipairs(a.searches) do
  local known = reservation(search.id)
  if not known or known.run < search.run then
    release(search.id, known)
    needed = needed + search.calls
    open[#open + 1] = search
  end
end
local refused = lacking(needed)
if refused then return answer(refused) end
begin()
for _, search in ipairs(open) do reserve(search.id, search.run, search.calls, a.names) end
add('r:', a.names, needed)
for n = 4, #KEYS do
  redis.call('HSET', KEYS[n], 'budgets', a.own)
  redis.call('PEXPIRE', KEYS[n], a.runTtlMs, 'NX')
end
return answer()`);

/** Charges one attempt, to the search's reservation while some of it is left. */
const TAKE = new LuaScript(`${STATE}
local known = reservation(a.id)
local isReserved = known and known.left > 0
for _, name in ipairs(a.names) do
  local own = budget(name)
  if own then
    local others = own.reserved
    if isReserved and known.has[name] then others = 0 end
    if own.used + others + 1 > own.limit then
      own.needed = 1
      return answer(own)
    end
  end
end
begin()
add('u:', a.names, 1)
if isReserved then
  add('r:', known.names, -1)
  reserve(a.id, known.run, known.left - 1, known.names)
end
return cjson.encode({reset = day, reserved = isReserved and true or false})`);

/** After a connection breaks, a command is sent again. The token is for that: an attempt is given back once. KEYS[4]: the token. */
const GIVE_BACK = new LuaScript(`${STATE}
if isOver or day ~= a.taken then return end
if not redis.call('SET', KEYS[4], '1', 'NX', 'PX', a.tokenTtlMs) then return end
add('u:', a.names, -1)
local known = a.reserved and reservation(a.id)
if known and known.left >= 0 then
  add('r:', known.names, 1)
  reserve(a.id, known.run, known.left + 1, known.names)
end`);

/** Releases what a search has reserved and not used. */
const SETTLE = new LuaScript(`${STATE}
release(a.id, reservation(a.id))
return answer()`);

/** `needed`: so many calls are wanted; nothing is reserved. */
const READ = new LuaScript(`${STATE}
return answer(lacking(a.needed))`);

/** A worker whose connection broke sends a command again within this time, ms. */
const TOKEN_TTL_MS = 3_600_000;

/** Fields that one command looks at: it keeps Redis busy for less than a millisecond. */
const SCANNED = 1000;

interface StoredBudget {
  name: BudgetName;
  limit: number;
  used: number;
  reserved: number;
}

interface Answer {
  /** When the day ends, ms since the epoch. */
  reset: number;
  /** Those that have a limit. An empty list is an empty object. */
  budgets: StoredBudget[] | Record<string, never>;
  refused?: StoredBudget & { needed: number };
}

/** A search with the calls that it is to reserve. */
export interface Reservation {
  search: Pick<SearchRef, 'searchId' | 'timestamp'>;
  /** The number of its run. */
  run: number;
  calls: number;
}

/** The budgets of one tenant's searches. */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #clock: () => Promise<number>;

  constructor(options: BudgetsOptions) {
    this.#options = options;
    const { redis, prefix } = options;
    this.#clock = options.clock ?? (() => clockOf(redis, prefix).current());
  }

  /** Of a search: its own and its tenant's; empty where it has none, and then nothing is counted. */
  namesFor(own: readonly BudgetName[]): BudgetName[] {
    return this.#options.tenantCalls() > 0 ? [...own, 'tenant'] : [...own];
  }

  /**
   * Reserves the calls of searches in all of their budgets, for all of them or none.
   * @param isNew they are not added yet: a worker that begins one learns its own budgets
   * @returns what is left then @throws Failure `budget_exceeded` {until, budget}
   */
  async reserve(
    own: readonly BudgetName[],
    reservations: readonly Reservation[],
    { isNew = false } = {},
  ): Promise<BudgetState[]> {
    const { prefix, tenant, runsTtlMs } = this.#options;
    const names = this.namesFor(own);
    if (names.length === 0) return [];
    const runs = isNew && own.length > 0 ? reservations.map(({ search }) => search) : [];
    return this.#states(
      await this.#run(
        RESERVE,
        {
          names,
          own: own.join(' '),
          runTtlMs: Math.ceil(runsTtlMs),
          searches: reservations.map(({ search, run, calls }) => ({ id: search.searchId, run, calls })),
        },
        runs.map((search) => keyOf(prefix, 'run', { tenant, ...search })),
      ),
    );
  }

  /** What pays for the calls of a search; undefined where it belongs to no budget. */
  chargeOf(searchId: string, own: readonly BudgetName[]): Charge | undefined {
    const { prefix, tenant } = this.#options;
    const names = this.namesFor(own);
    if (names.length === 0) return undefined;
    const taken: Array<{ reset: number; reserved: boolean }> = [];
    return {
      take: async () => {
        const answer = await this.#run<Answer & { reserved: boolean }>(TAKE, { id: searchId, names });
        await this.#states(answer);
        taken.push(answer);
      },
      giveBack: async () => {
        const last = taken.pop();
        if (last === undefined) return;
        const { reset, reserved } = last;
        // What cannot be given back is counted as a call.
        const args = { id: searchId, names, taken: reset, reserved, tokenTtlMs: TOKEN_TTL_MS };
        const token = `${spentKey(prefix, tenant)}:given:${randomUUID()}`;
        await this.#run(GIVE_BACK, args, [token]).catch(() => undefined);
      },
    };
  }

  /**
   * At the end of a search, however it ends: what it did not use is released, also in budgets that it does not belong to any
   * more. @returns what is left in its own
   */
  async settle(searchId: string, own: readonly BudgetName[] = []): Promise<BudgetState[]> {
    return this.#states(await this.#run(SETTLE, { id: searchId, names: this.namesFor(own) }));
  }

  /** Ids of the searches that have calls reserved. */
  async holders(): Promise<string[]> {
    const { redis, prefix, tenant } = this.#options;
    const spent = spentKey(prefix, tenant);
    const holders: string[] = [];
    // What a day reserved that is over counts for nothing.
    const day = Number(await asHash(redis, spent, () => redis.hget(spent, 'day')));
    if (day <= (await this.#clock())) return holders;
    for (let cursor = ''; cursor !== '0'; ) {
      const scan = () => redis.hscan(spent, cursor || '0', 'MATCH', 'h:*', 'COUNT', SCANNED);
      const [next, found] = await asHash(redis, spent, scan);
      // Fields and values by turns.
      for (let n = 0; n < found.length; n += 2)
        if (/^\d+ [1-9]/.test(found[n + 1] as string)) holders.push((found[n] as string).slice(2));
      cursor = next;
    }
    return holders;
  }

  /**
   * How budgets stand; those without a limit are left out.
   * @param needed calls that they must have left; none is reserved @throws Failure `budget_exceeded` {until, budget}
   */
  async read(own: readonly BudgetName[], needed = 0): Promise<BudgetState[]> {
    const names = this.namesFor(own);
    return names.length === 0 ? [] : this.#states(await this.#run(READ, { names, needed }));
  }

  /** @throws Failure `budget_exceeded` */
  async #states({ reset, budgets = [], refused }: Answer): Promise<BudgetState[]> {
    if (refused !== undefined) this.#options.refused?.();
    if (refused !== undefined) throw this.#exceeded(refused, reset, await this.#clock());
    return Object.values(budgets).map((each) => this.#stateOf(each, reset));
  }

  #stateOf({ name, limit, used, reserved }: StoredBudget, reset: number): BudgetState {
    const [kind, id = this.#options.tenant] = name.split(':') as [BudgetState['kind'], string?];
    const left = Math.max(0, limit - used - reserved);
    return { kind, name: id, limit, used, reserved, left, reset: new Date(reset).toISOString() };
  }

  #exceeded({ needed, ...stored }: StoredBudget & { needed: number }, reset: number, now: number): Failure {
    const budget = this.#stateOf(stored, reset);
    const { kind, name, limit, left } = budget;
    const whose = { key: `API key ${name}`, tenant: `tenant ${name}`, schedule: `schedule ${name}` }[kind];
    const are = needed === 1 ? 'is' : 'are';
    const lack = `the budget of ${whose} has ${left} of ${limit} daily calls left, and ${needed} ${are} needed`;
    const detail = { budget: { ...budget, needed } };
    // No budget is zero.
    if (limit === 0)
      return new Failure(
        'budget_exceeded',
        `there is no ${whose} any more: it may make no call, use another key`,
        detail,
      );
    // The next day changes nothing.
    if (needed > limit)
      return new Failure('budget_exceeded', `${lack}: ask for less, or raise the budget`, detail);
    const until = Date.now() + Math.max(0, reset - now);
    return new Failure('budget_exceeded', `${lack}: more at ${budget.reset}`, { ...detail, until });
  }

  async #run<Result = Answer>(
    script: LuaScript,
    args: object,
    further: readonly string[] = [],
  ): Promise<Result> {
    const { redis, prefix, tenant, tenantCalls } = this.#options;
    const spent = spentKey(prefix, tenant);
    const keys = [spent, apiKeysKey(prefix), schedulesKey(prefix, tenant), ...further];
    try {
      const reset = pacificDayEnd(await this.#clock());
      const days = { reset, next: pacificDayEnd(reset) };
      const json = JSON.stringify({ ...args, ...days, tenantCalls: tenantCalls() });
      const text = await asHash(redis, spent, () => script.run(redis, keys, [json]));
      return JSON.parse((text as string | null) ?? '{}') as Result;
    } catch (error) {
      // The HTTP client would take another error for one of the connection to eBay.
      throw redisFailure(error) ?? error;
    }
  }
}

/**
 * The day as a program sees it that plans calls up to a share of it: where a budget has fewer left, so many more count as used.
 */
export function withinBudgets<Day extends { limit: number; used: number }>(
  day: Day,
  budgets: readonly BudgetState[],
  share: number,
): Day {
  const left = tightest(budgets)?.left ?? Number.POSITIVE_INFINITY;
  return { ...day, used: Math.max(day.used, Math.floor(day.limit * share) - left) };
}

/** The one with the least left. */
export function tightest(budgets: readonly BudgetState[]): BudgetState | undefined {
  return budgets.toSorted((a, b) => a.left - b.left)[0];
}
