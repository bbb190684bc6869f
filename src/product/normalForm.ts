import { createHash } from 'node:crypto';
import type { NormalRequest } from './requestSchema.ts';

/** Fields that say how a search is run, not what it finds. */
const ABOUT_THE_RUN = new Set(['v', 'priority', 'onFailure', 'maxAge']);

/** Lists whose order matters: marketplaces come out in theirs, and the first ones take what a division leaves over. */
const ORDERED = new Set(['marketplaces']);

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * The part of a request that decides its result, in one form for all ways to write it: keys and set-like lists sorted,
 * switches that are off and empty groups left out, title words in lower case.
 */
export function normalForm(request: NormalRequest): { [key: string]: Json } {
  const { title, ...rest } = request;
  const lower = (words: string[] = []) => [...new Set(words.map((word) => word.toLowerCase()))];
  const same = { ...rest, title: { include: lower(title?.include), exclude: lower(title?.exclude) } };
  const entries = Object.entries(same).filter(([key]) => !ABOUT_THE_RUN.has(key));
  return (normal(Object.fromEntries(entries)) ?? {}) as { [key: string]: Json };
}

/** SHA-256 (hex) of the normal form: the same for requests of one tenant that ask for the same. */
export function requestHash(request: NormalRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(normalForm(request)))
    .digest('hex');
}

function normal(value: unknown, name = ''): Json | undefined {
  if (value === undefined || value === false) return undefined;
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    return ORDERED.has(name) ? value : value.toSorted();
  }
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries = Object.entries(value)
    .map(([key, field]) => [key, normal(field, key)] as const)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as { [key: string]: Json });
}
