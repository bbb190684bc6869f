import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ItemAnswer } from '../collector/answers.ts';
import { headersOf } from '../collector/query.ts';
import { givesProducts } from '../product/itemReference.ts';
import type { Product } from '../product/product.ts';
import { DEFAULT_DETAILS_MAX_AGE, type NormalRequest } from '../product/requestSchema.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { asHash } from '../redis/ownHash.ts';
import { clockOf } from '../redis/redisClock.ts';
import { pack, unpack } from './packing.ts';
import type { WantedItem } from './searchStore.ts';

/** eBay's licence: listings that are shown are at most six hours old, ms. */
const LICENCE_MS = 21_600_000;

/** For how long it is remembered who waits for a call, ms. They look by themselves before that. */
const WAITERS_MS = 600_000;

/** Answers that are read in one round trip. */
const BATCH = 200;

/** A job that wants an answer. */
interface WaitingJob {
  jobId: string;
  /** Of the job: the one that stores the answer gets it. */
  data: unknown;
}

/** What is kept of an answer, and the price of the listing that led to the call, see `priceShown`. */
interface Known {
  answer: ItemAnswer;
  shown?: string;
}

/**
 * Of each item that is to be called for there is a hash: `caller`, the job whose call is under way, and `until`, when others
 * may call if it never comes back (ms since the epoch); `first`, the job that waits for its turn in the queue, and its
 * `priority`; `w:JOB` = the data of each job that wants the answer.
 */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function under_way(caller, ends)
  return caller and tonumber(ends) and tonumber(ends) > now
end`;

/**
 * Stores an answer for as long as it may be reused, unless it or a later one is there, and forgets who wants it. KEYS: answer, who
 * wants it. ARGV: when eBay answered (ms since the epoch), how long an answer is kept (ms), the packed answer, the job.
 * Answers the data of the other jobs.
 */
const PUT = new LuaScript(`${NOW}
local left = ARGV[1] + ARGV[2] - now
local present = tonumber(redis.call('HGET', KEYS[1], 'at') or '') or 0
if left > 0 and present < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'at', ARGV[1], 'answer', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
end
if redis.call('TYPE', KEYS[2]).ok ~= 'hash' then return {} end
local caller, ends = unpack(redis.call('HMGET', KEYS[2], 'caller', 'until'))
local waiting, all = {}, redis.call('HGETALL', KEYS[2])
redis.call('DEL', KEYS[2])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'w:' and all[i] ~= 'w:' .. ARGV[4] then waiting[#waiting + 1] = all[i + 1] end
end
if under_way(caller, ends) and caller ~= ARGV[4] then
  redis.call('HSET', KEYS[2], 'caller', caller, 'until', ends)
  redis.call('PEXPIREAT', KEYS[2], ends)
end
return waiting`);

/** Ends the turn of a job. KEYS: who wants an answer. ARGV: the job. Answers the data of the others, where it had the turn. */
const RELEASE = new LuaScript(`
local caller, first = unpack(redis.call('HMGET', KEYS[1], 'caller', 'first'))
if first == ARGV[1] then redis.call('HDEL', KEYS[1], 'first', 'priority') end
if caller ~= ARGV[1] then return {} end
redis.call('HDEL', KEYS[1], 'caller', 'until')
local waiting, all = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'w:' and all[i] ~= 'w:' .. ARGV[1] then waiting[#waiting + 1] = all[i + 1] end
end
return waiting`);

/**
 * Lets a job that has the turn already go on. The one that is first in the queue may never come, as its search may have been
 * cancelled: a call that begins stands for it. KEYS: who wants an answer. ARGV: job, its data, for how long nobody else calls
 * (ms), life (ms). Answers 0 for the job that may call, or for how long another one may (ms).
 */
const CLAIM = new LuaScript(`${NOW}
local caller, ends = unpack(redis.call('HMGET', KEYS[1], 'caller', 'until'))
redis.call('HSET', KEYS[1], 'w:' .. ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if under_way(caller, ends) and caller ~= ARGV[1] then return ends - now end
redis.call('HSET', KEYS[1], 'caller', ARGV[1], 'until', string.format('%.0f', now + ARGV[3]))
redis.call('HDEL', KEYS[1], 'first', 'priority')
return 0`);

/**
 * KEYS: who wants an answer. ARGV: job, its data, its priority, life (ms). Answers 1 where another job has the turn, which
 * comes no later than this one would.
 */
const EXPECT = new LuaScript(`${NOW}
local caller, ends, first, priority = unpack(redis.call('HMGET', KEYS[1], 'caller', 'until', 'first', 'priority'))
redis.call('HSET', KEYS[1], 'w:' .. ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if under_way(caller, ends) and caller ~= ARGV[1] then return 1 end
if first and first ~= ARGV[1] and (tonumber(priority) or 0) <= tonumber(ARGV[3]) then return 1 end
redis.call('HSET', KEYS[1], 'first', ARGV[1], 'priority', ARGV[3])
return 0`);

/**
 * Answers of item calls that all searches of a tenant share, and who is making such a call. A search takes an answer that is
 * younger than its `detailsMaxAge`. A copy keeps the time of the answer.
 */
export class ItemAnswers {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #lifeMs: number;
  readonly #callMs: number;
  /** Whose affiliate links the answers carry. */
  readonly campaignId: string;

  /**
   * @param options.resultTtlMs how long anything is kept that eBay answered
   * @param options.callMs for how long nobody else makes a call that one has begun: at least as long as a call may take. When a
   * worker crashes, its job runs again before that, and goes on under its own claim
   */
  constructor(options: {
    redis: Redis;
    prefix: string;
    resultTtlMs: number;
    callMs: number;
    campaignId: string;
  }) {
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#lifeMs = Math.floor(Math.min(options.resultTtlMs, LICENCE_MS));
    this.#callMs = Math.ceil(options.callMs);
    this.campaignId = options.campaignId;
  }

  /** Of these items, the answers that the request may take, by item id. They cost it no call. */
  async read(request: NormalRequest, items: readonly WantedItem[]): Promise<Map<string, ItemAnswer>> {
    const maxAgeMs = maxAgeOf(request);
    const known = new Map<string, ItemAnswer>();
    if (maxAgeMs === 0 || items.length === 0) return known;
    const earliest = (await clockOf(this.#redis, this.#prefix).current()) - maxAgeMs;
    for (let from = 0; from < items.length; from += BATCH) {
      const batch = items.slice(from, from + BATCH);
      const reads = this.#redis.pipeline();
      for (const item of batch) reads.hmgetBuffer(this.#key('item', request, item), 'at', 'answer');
      for (const [index, [error, reply]] of ((await reads.exec()) ?? []).entries()) {
        // Another program has put something else there.
        if (error?.message.startsWith('WRONGTYPE')) continue;
        if (error) throw error;
        const [at, packed] = reply as Array<Buffer | null>;
        const item = batch[index] as WantedItem;
        const found = packed && Number(at) >= earliest ? readKnown(packed) : undefined;
        if (found === undefined || !isOfToday(item, found.answer, found.shown)) continue;
        // To others eBay says so itself, and which one to name.
        if (found.answer.hasVariations && request.variations !== 'all') continue;
        known.set(item.itemId, { ...found.answer, calls: 0 });
      }
    }
    return known;
  }

  /**
   * Before a job is added: whether another one that comes no later is to make its call, so that this one only waits. What is
   * never taken from others is not waited for either.
   * @param data of the job; who stores the answer gets it
   */
  async expect(
    request: NormalRequest,
    item: WantedItem,
    waiting: WaitingJob,
    priority: number,
  ): Promise<boolean> {
    if (maxAgeOf(request) === 0) return false;
    const args = [waiting.jobId, JSON.stringify(waiting.data), priority, this.#waitersMs];
    return (await this.#inTurn(request, item, (key) => EXPECT.run(this.#redis, key, args))) === 1;
  }

  /** Whether another job still has the turn, and the one that stores the answer knows that this one waits. */
  async isExpected(request: NormalRequest, item: WantedItem, jobId: string): Promise<boolean> {
    const fields = ['caller', 'first', `w:${jobId}`];
    const reply = this.#inTurn(request, item, (key) => this.#redis.hmget(key, ...fields));
    const [caller, first, noted] = (await reply) as Array<string | null>;
    return noted != null && [caller, first].some((job) => job != null && job !== jobId);
  }

  /**
   * Before a call: `call` where this job is to make it, for how long another one may make it, or the answer that came
   * meanwhile.
   * @param waiting the job; the same one may ask again
   */
  async claim(
    request: NormalRequest,
    item: WantedItem,
    waiting: WaitingJob,
  ): Promise<'call' | { waitMs: number } | { answer: ItemAnswer }> {
    if (maxAgeOf(request) === 0) return 'call';
    const args = [waiting.jobId, JSON.stringify(waiting.data), this.#callMs, this.#waitersMs];
    const waitMs = await this.#inTurn(request, item, (key) => CLAIM.run(this.#redis, key, args));
    // An answer is stored before its claim ends, so one that is there is found after this.
    const answer = (await this.read(request, [item])).get(item.itemId);
    if (answer !== undefined) return { answer };
    return waitMs === 0 ? 'call' : { waitMs: waitMs as number };
  }

  /** After a call that gave an answer. @returns the data of the other jobs that want it, which are forgotten here */
  async put(request: NormalRequest, item: WantedItem, jobId: string, answer: ItemAnswer): Promise<unknown[]> {
    const keys = [this.#key('item', request, item), this.#key('item-claim', request, item)];
    const known: Known = { answer, ...(item.shown !== undefined && { shown: item.shown }) };
    const args = [answeredAt(answer), this.#lifeMs, pack(known), jobId];
    return parsed(await asHash(this.#redis, keys[0] as string, () => PUT.run(this.#redis, keys, args)));
  }

  /** After a call that gave none. @returns the data of the other jobs that want the answer, one of which is to call now */
  async release(request: NormalRequest, item: WantedItem, jobId: string): Promise<unknown[]> {
    return parsed(await this.#inTurn(request, item, (key) => RELEASE.run(this.#redis, key, [jobId])));
  }

  /** Jobs that no longer want an answer. */
  async forget(request: NormalRequest, item: WantedItem, jobIds: readonly string[]): Promise<void> {
    const fields = jobIds.map((jobId) => `w:${jobId}`);
    if (fields.length > 0) await this.#inTurn(request, item, (key) => this.#redis.hdel(key, ...fields));
  }

  get #waitersMs(): number {
    return Math.max(WAITERS_MS, 2 * this.#callMs);
  }

  #inTurn<Reply>(
    request: NormalRequest,
    item: WantedItem,
    use: (key: string) => Promise<Reply>,
  ): Promise<Reply> {
    const key = this.#key('item-claim', request, item);
    return asHash(this.#redis, key, () => use(key));
  }

  /** Everything is part of it that changes what eBay answers, and what is read from the answer. */
  #key(kind: 'item' | 'item-claim', request: NormalRequest, { itemId, marketplace }: WantedItem): string {
    const { tenant } = request;
    const headers = headersOf(request, marketplace, this.campaignId);
    const form = [headers, givesProducts(request, itemId)];
    const print = createHash('sha256').update(JSON.stringify(form)).digest('hex').slice(0, 16);
    return `${this.#prefix}:${kind}:${tenant}:${marketplace}:${print}:${itemId}`;
  }
}

/** Data of jobs, without what another program has put there. */
function parsed(entries: unknown): unknown[] {
  return (entries as string[]).flatMap((entry) => {
    try {
      return [JSON.parse(entry) as unknown];
    } catch {
      return [];
    }
  });
}

/** Undefined for what another program has written. */
function readKnown(packed: Buffer): Known | undefined {
  try {
    const known = unpack<Partial<Known> | null>(packed);
    return typeof known?.answer?.details === 'object' ? (known as Known) : undefined;
  } catch {
    return undefined;
  }
}

function maxAgeOf({ detailsMaxAge = DEFAULT_DETAILS_MAX_AGE }: NormalRequest): number {
  return Math.min(detailsMaxAge * 1000, LICENCE_MS);
}

/** When eBay gave an answer, ms since the epoch; 0 where release 0.1 stored it. */
export function answeredAt({ details }: ItemAnswer): number {
  return Date.parse(details.observedAt) || 0;
}

/**
 * The price at which a page shows a listing, in the currency that it is sold in: exchange rates do not change it. A page may
 * show another price than the item's own answer, of another variation for example.
 */
export function priceShown({ price, converted }: Pick<Product, 'price' | 'converted'>): string | undefined {
  const own = converted ?? price;
  return own === null ? undefined : `${own.value} ${own.currency}`;
}

/** Whether the page that leads to an item now shows no other price than the answer has, or than the page before it did. */
function isOfToday({ shown }: WantedItem, { listing }: ItemAnswer, before: string | undefined): boolean {
  return shown === undefined || shown === before || (listing !== undefined && shown === priceShown(listing));
}
