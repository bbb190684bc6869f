import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import { isObject } from '../product/parseRequest.ts';
import type { SearchRequest } from '../product/requestSchema.ts';

/**
 * The key of a hash: `requests` is the fingerprint of what the library was asked to add; HTTP keeps its answer in it. What
 * was refused for another reason keeps its idempotency key, since it may have been added.
 */
export function idempotencyRecord(prefix: string, tenant: string, key: string): string {
  return `${prefix}:idempotency:${tenant}:${hash('sha256', key)}`;
}

export function idempotencyClash(key: string): Failure {
  const message = `the idempotency key ${JSON.stringify(key.slice(0, 64))} was used for another request before`;
  return new Failure('idempotency_key_reused', `${message}: use a new key`);
}

/** Binds the key to the requests. @throws Failure `idempotency_key_reused` when it is bound to others */
export async function bindIdempotencyKey(
  redis: Redis,
  { prefix, tenant, runsTtlMs }: { prefix: string; tenant: string; runsTtlMs: number },
  key: string,
  requests: readonly SearchRequest[],
): Promise<void> {
  const record = idempotencyRecord(prefix, tenant, key);
  const fingerprint = hash('sha256', JSON.stringify(requests, withSortedKeys));
  const replies = await redis
    .multi()
    .hsetnx(record, 'requests', fingerprint)
    .hget(record, 'requests')
    .pexpire(record, Math.ceil(runsTtlMs))
    .exec();
  if (replies?.[1]?.[1] !== fingerprint) throw idempotencyClash(key);
}

function withSortedKeys(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
