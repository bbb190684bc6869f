import type { Redis } from 'ioredis';
import type { ItemAnswer, PageAnswer } from '../collector/answers.ts';
import type { PageHead } from '../collector/assemble.ts';
import type { PageFacts } from '../collector/paging.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { pictureName } from '../product/picture.ts';
import type { NormalRequest, Priority } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { TrackVerdict } from '../product/track.ts';
import { LuaScript, pairs } from '../redis/luaScript.ts';
import { clockOf } from '../redis/redisClock.ts';
import { pack, packHead, packPage, readVerdict, unpack, unpackHead, unpackPage } from './packing.ts';

/**
 * Which search something belongs to. The job's timestamp is part of it, so that a job id that is used a second time does
 * not find the pages of the first one.
 */
export interface SearchRef {
  tenant: string;
  searchId: string;
  /** When the search job was added, ms since the epoch. */
  timestamp: number;
}

export function keyOf(
  prefix: string,
  kind: 'pages' | 'run' | 'announced',
  { tenant, searchId, timestamp }: SearchRef,
): string {
  return `${prefix}:${kind}:${tenant}:${searchId}:${timestamp}`;
}

/** A budget of calls a day. */
export type BudgetName = 'tenant' | `key:${string}` | `schedule:${string}`;

/** What the requester of a withdrawn search has got. It stays so while the search goes on for others. */
export interface WithdrawnEnd {
  summary: SearchSummary;
  /** Numbers of the pages that were there. */
  pages: number[];
  /** The items whose details were there, see `ItemReference`. */
  items: string[];
}

/** The present run of a search. */
export interface Run {
  /** 1, 2, …: rises when a search job starts after having ended. */
  number: number;
  /**
   * When this run started by Redis's clock, ms since the epoch. `SEARCH_DEADLINE` counts from it: the timestamp of the job is
   * from the clock of the program that added it.
   */
  startedAt: number;
  /**
   * What the search asks for, checked when its job started. Its `priority` is the present class of the search, which rises
   * when a search of a higher class waits for it. A picture has its name here (`pictureName`): the search's job has the
   * picture. Undefined where a worker of version 0.1 began the run.
   */
  request: NormalRequest | undefined;
  /** Whose affiliate links its products carry; empty: none. */
  campaignId: string;
  /** Who has a budget that its calls are charged to, beside the tenant: `key:ID`, `schedule:NAME`. */
  budgets: BudgetName[];
  /** The search was cancelled: no call is made any more. */
  cancelled: boolean;
  /** Its own requester cancelled it, but others wait for it, so it goes on. */
  withdrawn: boolean;
  /** Of a withdrawn search, see `endWithdrawn`. */
  withdrawnEnd: WithdrawnEnd | undefined;
  /** It has waited until its deadline: it ends with what it has. */
  overdue: boolean;
  /** Another search whose pages are this one's result, until it goes on by itself and they become its own (`keep`). */
  source: { searchId: string; timestamp: number } | undefined;
  /** The run was summed up. A page that comes later was retried by itself and starts the search again. */
  ended: boolean;
  /** Marketplaces, or `details`, for which no further call is added. */
  stopped: string[];
  /** The progress of the job says that the search waits. */
  waiting: boolean;
  /** Calls that gave no answer to keep: failed attempts and their quick retries. */
  failedCalls: number;
  /** In how many results it has stored answers: with a second one, the first has expired. */
  results: number;
  /** It began because the result of the run before had expired. */
  startedOver: boolean;
  /** Until when a run that started over may collect: half of its result's life, ms since the epoch by Redis's clock. */
  collectBy: number | undefined;
}

/** A field of the run that is either set or not. */
export type RunMark = 'cancelled' | 'withdrawn' | 'overdue' | 'ended' | 'waiting' | `broken:${string}`;

/** What is stored of a search. */
export interface StoredResult {
  /** In page order. */
  pages: Array<{ page: number; answer: PageAnswer }>;
  /** By what was asked for, see `ItemReference`. */
  details: Map<string, ItemAnswer>;
  /** Of a search with a track, once it was compared. */
  verdict: TrackVerdict | undefined;
}

/** An item call that a search needs. */
export interface WantedItem {
  /** What it asks for, see `ItemReference`. */
  itemId: string;
  marketplace: MarketplaceId;
  /** At which price the search's page shows it, see `priceShown`: an answer that is shared must not be older than a change. */
  shown?: string;
}

/** What one call of a search is to leave behind, and which calls may follow it. */
export interface Step {
  run: number;
  /** The marketplace whose pages it belongs to, or `details`. */
  chain: string;
  /** Fields of the result and their packed values; none where the answer was stored before. */
  answer: Record<string, Buffer>;
  /** What looking ahead needs to know of this page; undefined of an item. */
  facts?: PageFacts | undefined;
  /** In order. `field` is the answer's field in the result, `jobKey` the Redis key of the call's job. */
  followers: ReadonlyArray<{ field: string; jobKey: string }>;
  /** Most followers that may be under way. */
  concurrency: number;
}

/** How a search goes on after a step. */
export interface AfterStep {
  /** The run was summed up before this step, and not cancelled. */
  ended: boolean;
  /**
   * Followers without a stored answer, by their index, at most as many as may be under way, each with its job where it has
   * one. Empty where nothing may follow.
   */
  open: Array<{ index: number; job: StoredCall | undefined }>;
}

/** What BullMQ stores of a call's job. */
export interface StoredCall {
  data: string;
  /** The Redis key of the job's parent. */
  parentKey: string | null;
  /** The options that it was added with, JSON. */
  opts: string;
  /** When it was added, ms since the epoch. */
  timestamp: number;
}

const PAGE = /^\d+$/;
const HEAD = 'h:';
const ITEM = 'i:';
/** The last follower that a step has let go, see `STEP`. */
const LAST = 'last:';
/** The items whose details are wanted. */
const WANTED = 'items';
/** Set where the pages are those of an earlier search. */
const REUSED = 'reused';
/** Where `Tracks` leaves its verdict. */
export const VERDICT = 'track';

/**
 * BullMQ counts an attempt in the step that completes or fails a job. A search job that starts with another count than its
 * run began with has therefore ended in between, which stays true over any crash. Calls that failed in earlier runs stay
 * counted, as do those whose answers are stored. A run that begins because results have expired keeps the time of the first,
 * and is known as one that started over. Whose pages are the result stays known until they are its own (`keep`).
 *
 * KEYS: run. ARGV: attempts, lifetime (ms), request (JSON), class, affiliate campaign, budgets where they are known now. The
 * program that put the search in may have written its budgets before.
 */
const BEGIN = new LuaScript(`
local run = redis.call('HMGET', KEYS[1], 'number', 'attempt', 'failedCalls', 'cancelled', 'withdrawn', 'startedAt', 'budgets',
  'source', 'withdrawnEnd')
local isNew = not run[1] or run[2] ~= ARGV[1]
if isNew then
  if run[1] then redis.call('DEL', KEYS[1]) end
  local time = redis.call('TIME')
  local startedAt = run[2] == 'expired' and run[6] or string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', KEYS[1], 'number', (tonumber(run[1]) or 0) + 1, 'attempt', ARGV[1], 'startedAt', startedAt,
    'failedCalls', run[3] or 0)
  if run[2] == 'expired' then redis.call('HSET', KEYS[1], 'startedOver', '1') end
  if run[2] == 'expired' and run[4] then redis.call('HSET', KEYS[1], 'cancelled', '1') end
  if run[2] == 'expired' and run[5] then redis.call('HSET', KEYS[1], 'withdrawn', '1') end
  if run[2] == 'expired' and run[9] then redis.call('HSET', KEYS[1], 'withdrawnEnd', run[9]) end
  if run[7] then redis.call('HSET', KEYS[1], 'budgets', run[7]) end
  if run[8] then redis.call('HSET', KEYS[1], 'source', run[8]) end
end
redis.call('HSETNX', KEYS[1], 'request', ARGV[3])
redis.call('HSETNX', KEYS[1], 'class', ARGV[4])
redis.call('HSETNX', KEYS[1], 'campaign', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSETNX', KEYS[1], 'budgets', ARGV[6]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { isNew and 1 or 0, redis.call('HGETALL', KEYS[1]) }`);

/**
 * Stores an answer and looks at what may follow, in one step. The first answer of a call stands, and the result ends with
 * its earliest answer: `timed` says that its end is set, and when that answer was stored, ms since the epoch. Version 0.1
 * left it empty.
 *
 * Where another worker has stored the answer meanwhile, that one does what follows: it has taken the job over.
 *
 * The run counts the results that it has stored answers in. Where it started over, the first one says until when it may
 * collect.
 *
 * `last:CHAIN` names the last follower that a step of this run has let go: a step that stores an answer need not look at
 * the jobs up to it. A job that let them go and died runs again, and a step without a new answer looks at all.
 *
 * KEYS: result, run, then the job of each follower. ARGV: lifetime (ms), run number, chain, concurrency, the answer's entry
 * in the chain's facts, how many fields the answer has, those fields, the field of each follower, then the answer's values.
 */
const STEP = new LuaScript(`
local result, run, chain, concurrency, answer = KEYS[1], KEYS[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6])
local followers = #KEYS - 2
local there = redis.call('HMGET', result, 'timed', 'last:' .. chain, 'facts:' .. chain,
  unpack(ARGV, 7, 6 + answer + followers))
local fields = {}
for i = 1, answer do
  if not there[3 + i] then
    fields[#fields + 1] = ARGV[6 + i]
    fields[#fields + 1] = ARGV[6 + answer + followers + i]
  end
end
local isNew = #fields > 0
if answer > 0 and not isNew then return { 0, {} } end
local number, cancelled, ended, stopped, results, startedOver =
  unpack(redis.call('HMGET', run, 'number', 'cancelled', 'ended', 'broken:' .. chain, 'results', 'startedOver'))
local open = {}
if number == ARGV[2] and not (cancelled or ended or stopped) then
  local passed, waiting, last = 0, 0, nil
  for i = 1, followers do
    if isNew and there[2] == number .. ' ' .. ARGV[6 + answer + i] then passed = i end
  end
  for i = 1, followers do
    if waiting >= concurrency then break end
    if not there[3 + answer + i] then
      waiting = waiting + 1
      if i > passed then
        open[#open + 1] = { i - 1, redis.call('HMGET', KEYS[2 + i], 'data', 'parentKey', 'opts', 'timestamp') }
        last = number .. ' ' .. ARGV[6 + answer + i]
      end
    end
  end
  if isNew and last then
    fields[#fields + 1] = 'last:' .. chain
    fields[#fields + 1] = last
  end
end
if isNew then
  if ARGV[5] ~= '' then
    fields[#fields + 1] = 'facts:' .. chain
    fields[#fields + 1] = (there[3] or '') .. ARGV[5]
  end
  local from = tonumber(there[1] or '')
  if not there[1] then
    local time = redis.call('TIME')
    from = time[1] * 1000 + math.floor(time[2] / 1000)
    fields[#fields + 1] = 'timed'
    fields[#fields + 1] = string.format('%.0f', from)
  end
  if number == ARGV[2] and not (there[1] and results) then
    redis.call('HINCRBY', run, 'results', 1)
    if startedOver and from then
      redis.call('HSETNX', run, 'collectBy', string.format('%.0f', from + ARGV[1] / 2))
    end
  end
  redis.call('HSET', result, unpack(fields))
end
if answer > 0 and not there[1] then redis.call('PEXPIRE', result, ARGV[1]) end
return { number and ended and not cancelled and 1 or 0, open }`);

/**
 * Adds answers that are older than the result, which then ends with the earliest of them. KEYS: result. ARGV: when eBay gave
 * that one, and when it must be gone (ms since the epoch), then fields and values in turn.
 */
const ADD_KNOWN = new LuaScript(`
for i = 3, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
local timed = tonumber(redis.call('HGET', KEYS[1], 'timed') or '')
if not timed or timed > tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'timed', ARGV[1]) end
redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'LT')`);

/**
 * Copies pages of one result to another that has none, with their age and their end. KEYS: result, the earlier result. ARGV:
 * for each page its number, the one of the earlier result, and its head. Answers 0 where that is not possible.
 */
const REUSE = new LuaScript(`
local left = redis.call('PTTL', KEYS[2])
if left <= 0 or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fields = { '${REUSED}', '1', 'timed', redis.call('HGET', KEYS[2], 'timed') or '' }
for i = 1, #ARGV, 3 do
  local page = redis.call('HGET', KEYS[2], ARGV[i + 1])
  if not page then return 0 end
  for _, each in ipairs({ ARGV[i], page, '${HEAD}' .. ARGV[i], ARGV[i + 2] }) do fields[#fields + 1] = each end
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], left)
return 1`);

/**
 * Gives a result that has no answer yet a page that was made from one of another result, with the age and the end of that one.
 * KEYS: result, the other result. ARGV: number of the page, its content, its head. Answers 0 where that is not possible.
 */
const GIVE = new LuaScript(`
local left = redis.call('PTTL', KEYS[2])
if left <= 0 or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], '${REUSED}', '1', 'timed', redis.call('HGET', KEYS[2], 'timed') or '',
  ARGV[1], ARGV[2], '${HEAD}' .. ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], left)
return 1`);

/**
 * Makes what another search has collected the result of this one, with its age and its end, once. Of events that followed from
 * it this search has published those that the other one has. Nothing is left of a result that has expired.
 * KEYS: run, result, ids of events that this search has published, those of the other one, the other result. ARGV: the source
 * that the run names, then fields and values in turn.
 */
const KEEP = new LuaScript(`
if redis.call('HGET', KEYS[1], 'source') ~= ARGV[1] then return end
local left = redis.call('PTTL', KEYS[5])
if #ARGV > 1 and left > 0 then
  redis.call('DEL', KEYS[2])
  for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
  redis.call('PEXPIRE', KEYS[2], left)
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[4])) do redis.call('SADD', KEYS[3], id) end
  local remembered = redis.call('PTTL', KEYS[4])
  if remembered > 0 then redis.call('PEXPIRE', KEYS[3], remembered) end
end
redis.call('HDEL', KEYS[1], 'source')`);

/**
 * What Redis holds of each search, in two hashes because they end at different times: its run, and its result with a field
 * for each page, each page's head and each item's details. A result without its first page is no result, so all of it ends
 * together, and a search that goes on later starts a new run.
 */
export class SearchStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #resultTtlMs: number;
  readonly #runTtlMs: number;

  /**
   * @param options.resultTtlMs how long a result is kept, counted from its first answer
   * @param options.runTtlMs how long a run is remembered after it was last begun; at least as long as a search may wait
   */
  constructor(options: { redis: Redis; prefix: string; resultTtlMs: number; runTtlMs: number }) {
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#resultTtlMs = Math.ceil(options.resultTtlMs);
    this.#runTtlMs = Math.ceil(options.runTtlMs);
  }

  /** The run that a starting search job belongs to. @param attemptsMade how often the job has ended before */
  async begin(
    ref: SearchRef,
    attemptsMade: number,
    request: NormalRequest,
    campaignId = '',
    budgets: readonly BudgetName[] = [],
  ): Promise<Run & { isNew: boolean; request: NormalRequest }> {
    const asked = [requestText(request), request.priority, campaignId, budgets.join(' ')];
    const args = [attemptsMade, this.#runTtlMs, ...asked];
    const [isNew, fields] = (await BEGIN.run(this.#redis, this.#runKey(ref), args)) as [number, string[]];
    const run = runFrom(pairs(fields)) as Run & { request: NormalRequest };
    return { ...run, isNew: isNew === 1 };
  }

  /** Begins the next run at once: the result of the present one has expired. Who has cancelled the search stays known. */
  async restart(ref: SearchRef, attemptsMade: number, request: NormalRequest, campaignId = '') {
    await this.#redis.hset(this.#runKey(ref), 'attempt', 'expired');
    return this.begin(ref, attemptsMade, request, campaignId);
  }

  /** Gives a run that a worker of version 0.1 began its request. */
  async adopt(ref: SearchRef, request: NormalRequest): Promise<void> {
    const key = this.#runKey(ref);
    const { priority } = request;
    await answersOf(
      this.#redis.multi().hsetnx(key, 'request', requestText(request)).hsetnx(key, 'class', priority),
    );
  }

  async readRun(ref: SearchRef): Promise<Run | undefined> {
    return runFrom(await this.#redis.hgetall(this.#runKey(ref)));
  }

  /** The run, whether this field of the result is there, and the facts of the pages of this chain that are. */
  async look(
    ref: SearchRef,
    field: string,
    chain = '',
  ): Promise<{ run: Run | undefined; isStored: boolean; facts: PageFacts[] }> {
    const reads = this.#redis
      .pipeline()
      .hgetall(this.#runKey(ref))
      .hmget(this.#resultKey(ref), PAGE.test(field) ? HEAD + field : field, `facts:${chain}`);
    const [fields, result] = await answersOf(reads);
    const [stored, facts] = result as [string | null, string | null];
    return {
      run: runFrom(fields as Record<string, string>),
      isStored: stored !== null,
      facts: facts === null ? [] : readFacts(facts),
    };
  }

  async mark(ref: SearchRef, mark: RunMark): Promise<void> {
    await this.#set(ref, { [mark]: '1' });
  }

  async unmark(ref: SearchRef, mark: RunMark): Promise<void> {
    await this.#redis.hdel(this.#runKey(ref), mark);
  }

  /** For the requester of a withdrawn search it has ended so, whatever becomes of it. The first end stands: it is returned. */
  async endWithdrawn(ref: SearchRef, end: WithdrawnEnd): Promise<WithdrawnEnd> {
    const key = this.#runKey(ref);
    const [, first] = await answersOf(
      this.#redis
        .multi()
        .hsetnx(key, 'withdrawnEnd', JSON.stringify(end))
        .hget(key, 'withdrawnEnd')
        .pexpire(key, this.#runTtlMs, 'NX'),
    );
    return JSON.parse(first as string);
  }

  async raiseClass(ref: SearchRef, to: Priority): Promise<void> {
    await this.#set(ref, { class: to });
  }

  /** Whose budgets the next calls of this search are charged to, beside its tenant's. */
  async setBudgets(ref: SearchRef, budgets: readonly BudgetName[]): Promise<void> {
    if (budgets.length > 0) await this.#set(ref, { budgets: budgets.join(' ') });
    else await this.#redis.hdel(this.#runKey(ref), 'budgets');
  }

  /** The result of this search is what another one has collected. */
  async takeFrom(ref: SearchRef, { searchId, timestamp }: SearchRef): Promise<void> {
    await this.#set(ref, { source: sourceText({ searchId, timestamp }) });
  }

  /**
   * A search that goes on calls only for what the one lacks whose result it has taken: the pages and items that are there
   * become its own, and cost it no call. Done again, it changes nothing.
   */
  async keep(ref: SearchRef, source: NonNullable<Run['source']>): Promise<void> {
    const other = { ...ref, ...source };
    const all = await this.#redis.hgetallBuffer(this.#resultKey(other));
    // What the other search has let go are jobs of its own.
    const taken = Object.entries(all).filter(([field]) => !field.startsWith(LAST));
    const fields = taken.flatMap(([field, value]) => [field, free(field, value)]);
    const marked = fields.length === 0 ? [] : [...fields, REUSED, '1'];
    const announced = [ref, other].map((each) => keyOf(this.#prefix, 'announced', each));
    const keys = [this.#runKey(ref), this.#resultKey(ref), ...announced, this.#resultKey(other)];
    await KEEP.run(this.#redis, keys, [sourceText(source), ...marked]);
  }

  async countFailedCalls(ref: SearchRef, calls: number): Promise<void> {
    if (calls === 0) return;
    const key = this.#runKey(ref);
    await answersOf(
      this.#redis.multi().hincrby(key, 'failedCalls', calls).pexpire(key, this.#runTtlMs, 'NX'),
    );
  }

  /** Stores an answer unless there is one already, and answers how the search goes on. */
  async step(
    ref: SearchRef,
    { run, chain, answer, facts, followers, concurrency }: Step,
  ): Promise<AfterStep> {
    const keys = [this.#resultKey(ref), this.#runKey(ref), ...followers.map(({ jobKey }) => jobKey)];
    const fields = Object.keys(answer);
    const reply = await STEP.run(this.#redis, keys, [
      ...[this.#resultTtlMs, run, chain, concurrency, facts === undefined ? '' : factsText(facts)],
      fields.length,
      ...[...fields, ...followers.map(({ field }) => field)],
      ...Object.values(answer),
    ]);
    const [ended, open] = reply as [number, Array<[index: number, job: Array<string | null>]>];
    return { ended: ended === 1, open: open.map(([index, job]) => ({ index, job: storedCall(job) })) };
  }

  /**
   * Stores which item calls this search needs, in their order; another list replaces the one before. Before the first answer
   * it may have to wait as long as its run.
   */
  async wantItems(ref: SearchRef, items: readonly WantedItem[]): Promise<void> {
    const key = this.#resultKey(ref);
    await answersOf(this.#redis.multi().hset(key, WANTED, pack(items)).pexpire(key, this.#runTtlMs, 'NX'));
  }

  /** Stores answers that other searches got. @param from when eBay gave the earliest of them, ms since the epoch */
  async addKnown(ref: SearchRef, answers: ReadonlyMap<string, ItemAnswer>, from: number): Promise<void> {
    const fields = [...answers].flatMap(([itemId, answer]) => [itemField(itemId), pack(answer)]);
    await ADD_KNOWN.run(this.#redis, this.#resultKey(ref), [from, from + this.#resultTtlMs, ...fields]);
  }

  async wantedItems(ref: SearchRef): Promise<WantedItem[]> {
    return (await this.#readField(ref, WANTED, unpack<WantedItem[]>)) ?? [];
  }

  /**
   * Gives a search without pages those of an earlier one: they cost it no call, and end with the earlier result. False where
   * it has some, or the earlier result has expired.
   */
  async reuse(
    ref: SearchRef,
    earlier: SearchRef,
    pages: ReadonlyArray<{ page: number; from: number; head: PageHead }>,
  ): Promise<boolean> {
    const args = pages.flatMap(({ page, from, head }) => [page, from, packHead({ ...head, calls: 0 })]);
    return (await REUSE.run(this.#redis, [this.#resultKey(ref), this.#resultKey(earlier)], args)) === 1;
  }

  /**
   * Gives a search without pages one that was made from the answer of another search, and ends with its result. False where
   * the search has some, or the result of the other one has expired.
   */
  async give(
    ref: SearchRef,
    from: SearchRef,
    { page, answer, head }: { page: number; answer: PageAnswer; head: PageHead },
  ): Promise<boolean> {
    const keys = [this.#resultKey(ref), this.#resultKey(from)];
    return (await GIVE.run(this.#redis, keys, [page, packPage(answer), packHead(head)])) === 1;
  }

  async isReused(ref: SearchRef): Promise<boolean> {
    return (await this.#redis.hexists(this.#resultKey(ref), REUSED)) === 1;
  }

  /** The numbers of the pages that are there, ascending. */
  async storedPages(ref: SearchRef): Promise<number[]> {
    return pageNumbers(await this.#redis.hkeys(this.#resultKey(ref)));
  }

  /** The heads of the pages that are there; once details are wanted, how many of them are there. */
  async progress(ref: SearchRef): Promise<{ heads: PageHead[]; details?: { there: number; of: number } }> {
    const fields = await this.#redis.hkeys(this.#resultKey(ref));
    const [heads, wanted] = await Promise.all([
      this.readHeads(ref, pageNumbers(fields)),
      fields.includes(WANTED) ? this.wantedItems(ref) : undefined,
    ]);
    const there = fields.filter(isItem).length;
    const details = wanted === undefined ? {} : { details: { there, of: wanted.length } };
    return { heads: heads.map(({ head }) => head), ...details };
  }

  /** The heads of those of these pages that are there, in page order. */
  async readHeads(
    ref: SearchRef,
    pages: readonly number[],
  ): Promise<Array<{ page: number; head: PageHead }>> {
    const ascending = pages.toSorted((a, b) => a - b);
    const heads = await this.#readFields(ref, ascending, (page) => HEAD + page, unpackHead);
    return [...heads].map(([page, head]) => ({ page, head }));
  }

  /** The heads of all pages that are there. */
  async readAllHeads(ref: SearchRef): Promise<PageHead[]> {
    return (await this.readHeads(ref, await this.storedPages(ref))).map(({ head }) => head);
  }

  async readPage(ref: SearchRef, page: number): Promise<PageAnswer | undefined> {
    return this.#readField(ref, String(page), unpackPage);
  }

  /** The item answers that are there, by what was asked for (`ItemReference`). */
  async readDetails(ref: SearchRef): Promise<Map<string, ItemAnswer>> {
    return this.readItems(ref, [...(await this.storedItems(ref))]);
  }

  /** Which item answers are there, by what was asked for. */
  async storedItems(ref: SearchRef): Promise<Set<string>> {
    const fields = await this.#redis.hkeys(this.#resultKey(ref));
    return new Set(fields.filter(isItem).map((field) => field.slice(ITEM.length)));
  }

  /** Of these items, the answers that are there, by item id. */
  async readItems(ref: SearchRef, itemIds: readonly string[]): Promise<Map<string, ItemAnswer>> {
    return this.#readFields(ref, itemIds, itemField, unpack<ItemAnswer>);
  }

  async readVerdict(ref: SearchRef): Promise<TrackVerdict | undefined> {
    return this.#readField(ref, VERDICT, readVerdict);
  }

  async readAll(ref: SearchRef): Promise<StoredResult> {
    const result: StoredResult = { pages: [], details: new Map(), verdict: undefined };
    for (const [field, value] of Object.entries(await this.#redis.hgetallBuffer(this.#resultKey(ref))))
      if (PAGE.test(field)) result.pages.push({ page: Number(field), answer: unpackPage(value) });
      else if (isItem(field)) result.details.set(field.slice(ITEM.length), unpack<ItemAnswer>(value));
      else if (field === VERDICT) result.verdict = readVerdict(value);
    result.pages.sort((a, b) => a.page - b.page);
    return result;
  }

  /** When the result will be deleted, ms since the epoch by Redis's clock; undefined when there is none. */
  async expiresAt(ref: SearchRef): Promise<number | undefined> {
    const left = await this.#redis.pttl(this.#resultKey(ref));
    return left < 0 ? undefined : (await clockOf(this.#redis, this.#prefix).current()) + left;
  }

  /** A mark may come before the run begins or after it is forgotten, and must not stay for ever then. */
  async #set(ref: SearchRef, fields: Record<string, string>): Promise<void> {
    const key = this.#runKey(ref);
    await answersOf(this.#redis.multi().hset(key, fields).pexpire(key, this.#runTtlMs, 'NX'));
  }

  async #readField<Value>(
    ref: SearchRef,
    field: string,
    read: (packed: Buffer) => Value,
  ): Promise<Value | undefined> {
    return (await this.#readFields(ref, [field], String, read)).get(field);
  }

  /** Of these ids, those whose field is there, in this order. */
  async #readFields<Id, Value>(
    ref: SearchRef,
    ids: readonly Id[],
    fieldOf: (id: Id) => string,
    read: (packed: Buffer) => Value,
  ): Promise<Map<Id, Value>> {
    if (ids.length === 0) return new Map();
    const packed = await this.#redis.hmgetBuffer(this.#resultKey(ref), ...ids.map(fieldOf));
    return new Map(ids.flatMap((id, index) => (packed[index] ? [[id, read(packed[index])] as const] : [])));
  }

  #resultKey(ref: SearchRef): string {
    return keyOf(this.#prefix, 'pages', ref);
  }

  #runKey(ref: SearchRef): string {
    return keyOf(this.#prefix, 'run', ref);
  }
}

function storedCall([data, parentKey, opts, timestamp]: Array<string | null>): StoredCall | undefined {
  if (data === null || data === undefined) return undefined;
  return { data, parentKey: parentKey ?? null, opts: opts ?? '{}', timestamp: Number(timestamp) };
}

function sourceText({ searchId, timestamp }: NonNullable<Run['source']>): string {
  return JSON.stringify({ searchId, timestamp });
}

/** A field of a result as that of a search that made no call for it. */
function free(field: string, value: Buffer): Buffer {
  if (field.startsWith(HEAD)) return packHead({ ...unpackHead(value), calls: 0 });
  return isItem(field) ? pack({ ...unpack<ItemAnswer>(value), calls: 0 }) : value;
}

/** `OFFSET:NEXT:FITTING:PRINT;`, NEXT empty where the listing ends. */
function factsText({ offset, next, fitting, print }: PageFacts): string {
  return `${offset}:${next ?? ''}:${fitting}:${print};`;
}

function readFacts(text: string): PageFacts[] {
  return text
    .split(';')
    .slice(0, -1)
    .map((entry) => {
      const [offset, next, fitting, print = ''] = entry.split(':');
      return {
        offset: Number(offset),
        next: next === '' ? null : Number(next),
        fitting: Number(fitting),
        print,
      };
    });
}

/** The fields of a page's answer. */
export function pageFields(page: number, answer: PageAnswer, head: PageHead): Record<string, Buffer> {
  return { [pageField(page)]: packPage(answer), [HEAD + page]: packHead(head) };
}

export function pageField(page: number): string {
  return String(page);
}

/** The field of an item's answer. */
export function itemFields(itemId: string, answer: ItemAnswer): Record<string, Buffer> {
  return { [itemField(itemId)]: pack(answer) };
}

export function itemField(itemId: string): string {
  return ITEM + itemId;
}

function isItem(field: string): boolean {
  return field.startsWith(ITEM);
}

/** Each call and each look at a search reads its run. */
function requestText({ image, ...request }: NormalRequest): string {
  return JSON.stringify({ ...request, ...(image !== undefined && { image: pictureName(image) }) });
}

function runFrom(fields: Record<string, string>): Run | undefined {
  if (fields.number === undefined) return undefined;
  const request = fields.request === undefined ? undefined : (JSON.parse(fields.request) as NormalRequest);
  return {
    number: Number(fields.number),
    startedAt: Number(fields.startedAt),
    request: request && { ...request, priority: fields.class as Priority },
    campaignId: fields.campaign ?? '',
    budgets: (fields.budgets?.split(' ') ?? []) as BudgetName[],
    cancelled: fields.cancelled === '1',
    withdrawn: fields.withdrawn === '1',
    withdrawnEnd: fields.withdrawnEnd === undefined ? undefined : JSON.parse(fields.withdrawnEnd),
    source: fields.source === undefined ? undefined : JSON.parse(fields.source),
    overdue: fields.overdue === '1',
    ended: fields.ended === '1',
    stopped: Object.keys(fields).flatMap((field) => (field.startsWith('broken:') ? [field.slice(7)] : [])),
    waiting: fields.waiting === '1',
    failedCalls: Number(fields.failedCalls ?? 0),
    results: Number(fields.results ?? 0),
    startedOver: fields.startedOver === '1',
    collectBy: fields.collectBy === undefined ? undefined : Number(fields.collectBy),
  };
}

function pageNumbers(fields: string[]): number[] {
  return fields
    .filter((field) => PAGE.test(field))
    .map(Number)
    .sort((a, b) => a - b);
}

export async function answersOf(commands: { exec(): Promise<Array<[Error | null, unknown]> | null> }) {
  return ((await commands.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
