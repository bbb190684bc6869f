import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { idempotencyClash, idempotencyRecord } from '../../queue/idempotency.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { problem } from '../problem.ts';

/**
 * KEYS: the record of an idempotency key. ARGV: fingerprint of the body; how long this request may work; ttl (ms).
 * Returns 'answered' with the stored answer, 'other' (another body), 'busy' (a first request is under way) or 'go'.
 */
const CLAIM = new LuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('HMGET', KEYS[1], 'body', 'until', 'answer')
if record[1] and record[1] ~= ARGV[1] then return { 'other' } end
if record[3] then return { 'answered', record[3] } end
if record[1] and tonumber(record[2]) > now then return { 'busy' } end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'go' }`);

/** Longer than any request works. A request whose process died counts as under way for so long, ms. */
const UNDER_WAY_MS = 5000;

export interface IdempotencyOptions {
  redis: Redis;
  prefix: string;
  /** How long an answer is kept. */
  ttlMs: number;
}

/**
 * A request that comes twice with the same key is done once and answered the same.
 * @param act must be idempotent by the same key: a process may have died after it
 * @throws Failure `idempotency_key_reused` for the key with another body; Problem 409 while the first request is under
 * way; what `act` throws
 */
export async function answerOnce<Answer>(
  { redis, prefix, ttlMs }: IdempotencyOptions,
  { tenant, key, body }: { tenant: string; key: string; body: unknown },
  act: () => Promise<Answer>,
): Promise<{ answer: Answer; again: boolean }> {
  const record = idempotencyRecord(prefix, tenant, key);
  const claim = [hash('sha256', JSON.stringify(body)), UNDER_WAY_MS, ttlMs];
  const [verdict, before] = (await CLAIM.run(redis, record, claim)) as [string, string?];
  if (verdict === 'answered') return { answer: JSON.parse(before as string) as Answer, again: true };
  if (verdict === 'other') throw idempotencyClash(key);
  if (verdict === 'busy') {
    const message = 'the first request with this key is under way';
    throw problem(409, 'idempotency_key_in_use', message, { retryAfter: 1 });
  }
  try {
    const answer = await act();
    await redis.hset(record, 'answer', JSON.stringify(answer));
    return { answer, again: false };
  } catch (error) {
    // The body stays bound to the key: the searches may have been added all the same.
    await redis.hset(record, 'until', 0).catch(() => undefined);
    throw error;
  }
}

/** @throws Problem 400 */
export function checkedKey(header: string | undefined): string | undefined {
  if (header === undefined || /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  const message = 'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once';
  throw problem(400, 'invalid_idempotency_key', message);
}
