import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/luaScript.ts';
import { problem } from '../problem.ts';

/**
 * KEYS: the record. ARGV: fingerprint of the body, now, until when this one may work, ttl. Answers the answer that was
 * given before, or 'other', or 'busy', or nothing: this one may go.
 */
const CLAIM = new LuaScript(`
local record = redis.call('HMGET', KEYS[1], 'body', 'until', 'answer')
if record[1] and record[1] ~= ARGV[1] then return { 'other' } end
if record[3] then return { 'answered', record[3] } end
if record[1] and tonumber(record[2]) > tonumber(ARGV[2]) then return { 'busy' } end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'until', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'go' }`);

/** Longer than any request works; one whose process died counts as under way for so long, ms. */
const UNDER_WAY_MS = 5000;

export interface IdempotencyOptions {
  redis: Redis;
  prefix: string;
  /** How long an answer is given again, ms. */
  ttlMs: number;
}

export interface Work<Answer> {
  tenant: string;
  /** The caller's word for this request. */
  key: string;
  body: unknown;
  /** Safe to do again with the same key: what a process that died has done is found and not doubled. */
  act: () => Promise<Answer>;
}

/** The same request twice is done once and answered the same. */
export class Idempotency {
  readonly #options: IdempotencyOptions;

  constructor(options: IdempotencyOptions) {
    this.#options = options;
  }

  /** @throws Problem 422 for the key with another body, 409 while the first one is under way; and what `act` throws */
  async once<Answer>({ tenant, key, body, act }: Work<Answer>): Promise<{ answer: Answer; again: boolean }> {
    const { redis, prefix, ttlMs } = this.#options;
    const record = `${prefix}:idempotency:${tenant}:${hash(key)}`;
    const now = Date.now();
    const claim = [hash(JSON.stringify(body)), now, now + UNDER_WAY_MS, ttlMs];
    const [verdict, before] = (await CLAIM.run(redis, record, claim)) as [string, string?];
    if (verdict === 'answered') return { answer: JSON.parse(before as string) as Answer, again: true };
    if (verdict === 'other')
      throw problem(422, 'idempotency_key_reused', 'this Idempotency-Key was sent with another body before');
    if (verdict === 'busy')
      throw problem(409, 'idempotency_key_in_use', 'the first request with this key is under way', {
        retryAfter: 1,
      });
    try {
      const answer = await act();
      await redis.hset(record, 'answer', JSON.stringify(answer));
      return { answer, again: false };
    } catch (error) {
      // The body stays bound to the key, since an unsure attempt may have put it in.
      await redis.hset(record, 'until', 0).catch(() => undefined);
      throw error;
    }
  }
}

/** @throws Problem 400 */
export function checkedKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw problem(
    400,
    'invalid_idempotency_key',
    'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once',
  );
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
