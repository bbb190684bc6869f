import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/luaScript.ts';
import { asHash } from '../redis/ownHash.ts';

/** A search job as one word: its id and when it was added. */
export type Requester = string;

/** What became of the search that a hash stood for last. */
export interface SharedEnd {
  /** The search whose pages are the result. */
  by: Requester;
  /** JSON that the leader left: its summary, or why it failed. */
  payload: string;
}

export type Claim =
  /** This search collects, for itself and all who come while it does. */
  | { role: 'leader' }
  /** Another one is collecting the same: wait for it. */
  | { role: 'follower'; leader: Requester }
  /** It has been collected. */
  | { role: 'answered'; end: SharedEnd };

/**
 * One hash a request: `leader`, `f:ASKER` = whom that asker waits for, and how the last one ended (`by`, `at`, `good`,
 * `payload`). An asker that waited for a leader takes its end whatever its own `maxAge`: it asked before that end.
 *
 * An end names listings, so it is kept for as long as a result. The next leader removes it, unless an asker that waited for
 * it has not come yet: that end stays until the last of them has come, and the hash lives no longer than the end may. Where
 * one of them never comes, a leader that takes longer than that is forgotten, and the next asker collects once more.
 * A search whose end this is has run before and ended in the middle of what follows from it: it leads again, since another's
 * answer has no comparison.
 * ARGV: asker, its `maxAge`, life of a hash, life of an end (all ms).
 */
const CLAIM = new LuaScript(`
local me, maxAge, ttl, endTtl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local leader, by, at, good, awaited = unpack(redis.call('HMGET', KEYS[1], 'leader', 'by', 'at', 'good', 'f:' .. me))
if awaited then redis.call('HDEL', KEYS[1], 'f:' .. me) end
local function prolong()
  local left = ttl
  if by then
    local endsIn, isAwaited = (tonumber(at) or 0) + endTtl - now, false
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
      isAwaited = isAwaited or (string.sub(all[i], 1, 2) == 'f:' and all[i + 1] == by)
    end
    if isAwaited and endsIn > 0 then
      left = math.min(left, endsIn)
    else
      redis.call('HDEL', KEYS[1], 'by', 'at', 'good', 'payload')
    end
  end
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
end
local recent = good == '1' and maxAge > 0 and now - tonumber(at) <= maxAge
if by and by ~= me and leader ~= me and (awaited == by or (not leader and recent)) then
  local payload = redis.call('HGET', KEYS[1], 'payload')
  if leader then prolong() end
  return { 'answered', by, payload }
end
if not leader or leader == me then
  redis.call('HSET', KEYS[1], 'leader', me)
  prolong()
  return { 'leader' }
end
redis.call('HSET', KEYS[1], 'f:' .. me, leader)
prolong()
return { 'follower', leader }`);

/** ARGV: leader, then optionally good and payload. Answers who waited for it. */
const RESIGN = new LuaScript(`
local me = ARGV[1]
if redis.call('HGET', KEYS[1], 'leader') == me then redis.call('HDEL', KEYS[1], 'leader') end
if ARGV[2] then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSET', KEYS[1], 'by', me, 'at', string.format('%.0f', now), 'good', ARGV[2], 'payload', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
local waiting = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'f:' and all[i + 1] == me then waiting[#waiting + 1] = string.sub(all[i], 3) end
end
return waiting`);

/** Who collects for whom: of searches that ask for the same, one calls eBay and the others take its result. */
export class CoalescedSearches {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #endTtlMs: number;

  /**
   * @param options.ttlMs how long a request is remembered that a search collects, without any sign of life
   * @param options.endTtlMs how long an end is remembered
   */
  constructor(options: { redis: Redis; prefix: string; ttlMs: number; endTtlMs: number }) {
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#ttlMs = Math.ceil(options.ttlMs);
    this.#endTtlMs = Math.ceil(options.endTtlMs);
  }

  /** @param hash see `requestHash` @param maxAgeMs an end this recent answers at once; 0 for none */
  async claim(hash: string, me: Requester, maxAgeMs: number): Promise<Claim> {
    const args = [me, maxAgeMs, this.#ttlMs, this.#endTtlMs];
    const reply = await CLAIM.run(this.#redis, this.#key(hash), args);
    const [role, whom, payload] = reply as [Claim['role'], string, string];
    if (role === 'answered') return { role, end: { by: whom, payload } };
    return role === 'follower' ? { role, leader: whom } : { role };
  }

  /** The leader is done: its end is everybody's. @param good whether it may answer later askers by their `maxAge` */
  async finish(hash: string, me: Requester, payload: string, good: boolean): Promise<Requester[]> {
    return this.#resign(hash, me, good ? '1' : '0', payload, this.#endTtlMs);
  }

  /** The leader gives up or is gone: the first of those who waited for it to come back will lead. */
  async resign(hash: string, leader: Requester): Promise<Requester[]> {
    return this.#resign(hash, leader);
  }

  /** An asker that no longer wants the result. */
  async leave(hash: string, me: Requester): Promise<void> {
    await this.#redis.hdel(this.#key(hash), `f:${me}`);
  }

  /**
   * Notes a search whose pages another one may take. Of those with about as many items the latest is noted: a search for a
   * few does not hide one for many.
   * @param listing the same for searches that go through the same listing, however far
   */
  async note(listing: string, me: Requester, { items, at }: { items: number; at: number }): Promise<void> {
    const key = this.#listingKey(listing);
    const size = Math.ceil(Math.log2(items + 1));
    await asHash(this.#redis, key, async () => {
      const noted = this.#redis.pipeline().hset(key, size, `${at} ${me}`).pexpire(key, this.#endTtlMs);
      for (const [error] of (await noted.exec()) ?? []) if (error !== null) throw error;
    });
  }

  /** Who has collected pages of this listing and ended since then (ms since the epoch), those with most items first. */
  async noted(listing: string, since: number): Promise<Requester[]> {
    const key = this.#listingKey(listing);
    const bySize = await asHash(this.#redis, key, () => this.#redis.hgetall(key));
    return Object.entries(bySize)
      .sort(([a], [b]) => Number(b) - Number(a))
      .map(([, text]) => text.split(' '))
      .flatMap(([at, requester]) => (requester !== undefined && Number(at) >= since ? [requester] : []));
  }

  /** Who collects this now, and who waits for it. */
  async read(hash: string): Promise<{ leader: Requester | undefined; followers: Requester[] }> {
    const { leader, ...fields } = await this.#redis.hgetall(this.#key(hash));
    const followers = Object.entries(fields).filter(
      ([field, whom]) => field.startsWith('f:') && whom === leader,
    );
    return { leader, followers: followers.map(([field]) => field.slice(2)) };
  }

  async #resign(hash: string, leader: Requester, ...end: Array<string | number>): Promise<Requester[]> {
    return (await RESIGN.run(this.#redis, this.#key(hash), [leader, ...end])) as Requester[];
  }

  #listingKey(listing: string): string {
    return `${this.#prefix}:listed:${listing}`;
  }

  #key(hash: string): string {
    return `${this.#prefix}:same:${hash}`;
  }
}
