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

/**
 * For how long nobody else makes a call that one has begun, ms. It is longer than a call with its quick retries. When a
 * worker crashes, its job runs again before that, and goes on under its own claim.
 */
const CLAIM_MS = 30_000;

/** Answers that are read in one round trip. */
const BATCH = 200;

/** What is kept of an answer, and the price of the listing that led to the call, see `priceShown`. */
interface Known {
  answer: ItemAnswer;
  shown?: string;
}

/**
 * Stores an answer for as long as it may be reused, unless a later one is there, and ends the claim of the job that made
 * the call. KEYS: answer, claim. ARGV: when eBay answered (ms since the epoch), how long an answer is kept (ms), the packed
 * answer, the job.
 */
const PUT = new LuaScript(`
local time = redis.call('TIME')
local left = ARGV[1] + ARGV[2] - time[1] * 1000 - math.floor(time[2] / 1000)
local present = tonumber(redis.call('HGET', KEYS[1], 'at') or '') or 0
if left > 0 and present <= tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'at', ARGV[1], 'answer', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
end
if redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end`);

/** KEYS: claim. ARGV: the job that has it. */
const RELEASE = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`);

/** Lets a job that has the claim already go on. KEYS: claim. ARGV: job, life (ms). Answers 1 for the job that has it. */
const CLAIM = new LuaScript(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/**
 * Answers of item calls that all searches of a tenant share, and who is making such a call. A search takes an answer that is
 * younger than its `detailsMaxAge`. A copy keeps the time of the answer.
 */
export class ItemAnswers {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #lifeMs: number;
  readonly #campaignId: string;

  /**
   * @param options.resultTtlMs how long anything is kept that eBay answered
   * @param options.campaignId whose affiliate links the answers carry
   */
  constructor(options: { redis: Redis; prefix: string; resultTtlMs: number; campaignId: string }) {
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#lifeMs = Math.floor(Math.min(options.resultTtlMs, LICENCE_MS));
    this.#campaignId = options.campaignId;
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
        known.set(item.itemId, { ...found.answer, calls: 0 });
      }
    }
    return known;
  }

  /**
   * Before a call: `call` where this job is to make it, `wait` while another one does, or the answer that came meanwhile.
   * @param owner the job; the same one may ask again
   */
  async claim(
    request: NormalRequest,
    item: WantedItem,
    owner: string,
  ): Promise<'call' | 'wait' | { answer: ItemAnswer }> {
    if (maxAgeOf(request) === 0) return 'call';
    const claimed = await CLAIM.run(this.#redis, this.#key('item-claim', request, item), [owner, CLAIM_MS]);
    // An answer is stored before its claim ends, so one that is there is found after this.
    const answer = (await this.read(request, [item])).get(item.itemId);
    if (answer === undefined) return claimed === 1 ? 'call' : 'wait';
    if (claimed === 1) await this.release(request, item, owner);
    return { answer };
  }

  /** After a call that gave an answer. */
  async put(request: NormalRequest, item: WantedItem, owner: string, answer: ItemAnswer): Promise<void> {
    const keys = [this.#key('item', request, item), this.#key('item-claim', request, item)];
    const known: Known = { answer, ...(item.shown !== undefined && { shown: item.shown }) };
    const args = [answeredAt(answer), this.#lifeMs, pack(known), owner];
    await asHash(this.#redis, keys[0] as string, () => PUT.run(this.#redis, keys, args));
  }

  /** After a call that gave none. */
  async release(request: NormalRequest, item: WantedItem, owner: string): Promise<void> {
    await RELEASE.run(this.#redis, this.#key('item-claim', request, item), [owner]);
  }

  /** Everything is part of it that changes what eBay answers, and what is read from the answer. */
  #key(kind: 'item' | 'item-claim', request: NormalRequest, { itemId, marketplace }: WantedItem): string {
    const { tenant, variations } = request;
    const headers = headersOf(request, marketplace, this.#campaignId);
    const form = [headers, givesProducts(request, itemId) && (variations ?? 'none')];
    const print = createHash('sha256').update(JSON.stringify(form)).digest('hex').slice(0, 16);
    return `${this.#prefix}:${kind}:${tenant}:${marketplace}:${print}:${itemId}`;
  }
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
