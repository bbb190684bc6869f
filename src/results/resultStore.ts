import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Redis } from 'ioredis';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import { keyOf, type SearchRef } from './searchRef.ts';

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** Level 1: a page of 200 products shrinks to about a sixth; higher levels cost several times the CPU for little more. */
const FAST = { level: 1 };

export interface ResultStoreOptions {
  redis: Redis;
  prefix: string;
  /** How long a search's pages are kept, ms, counted from the first one's answer. */
  ttlMs: number;
}

/**
 * The pages of a search: one hash, a field per page, written so that the first answer stands. All of it ends with its
 * earliest page, since a result without its first page would be no result: whoever wakes later starts a new run.
 */
export class ResultStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;

  constructor({ redis, prefix, ttlMs }: ResultStoreOptions) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = ttlMs;
  }

  /** Keeps a page's answer unless that page has one already. Returns whether this answer is the one that stands. */
  async store(ref: SearchRef, page: number, answer: PageAnswer): Promise<boolean> {
    const key = keyOf(this.#prefix, 'pages', ref);
    const packed = await compress(JSON.stringify(answer), FAST);
    const replies = await this.#redis
      .multi()
      .hsetnx(key, String(page), packed)
      .pexpire(key, this.#ttlMs, 'NX')
      .exec();
    for (const [error] of replies ?? []) if (error) throw error;
    return replies?.[0]?.[1] === 1;
  }

  /** The numbers of the pages that are there, ascending. */
  async stored(ref: SearchRef): Promise<number[]> {
    const fields = await this.#redis.hkeys(keyOf(this.#prefix, 'pages', ref));
    return fields.map(Number).sort((a, b) => a - b);
  }

  async read(ref: SearchRef, page: number): Promise<PageAnswer | undefined> {
    const packed = await this.#redis.hgetBuffer(keyOf(this.#prefix, 'pages', ref), String(page));
    return packed === null ? undefined : unpack(packed);
  }

  /** All pages that are there, in page order. */
  async readAll(ref: SearchRef): Promise<Array<{ page: number; answer: PageAnswer }>> {
    const fields = await this.#redis.hgetallBuffer(keyOf(this.#prefix, 'pages', ref));
    const pages = await Promise.all(
      Object.entries(fields).map(async ([page, packed]) => ({
        page: Number(page),
        answer: await unpack(packed),
      })),
    );
    return pages.sort((a, b) => a.page - b.page);
  }

  /** When the pages will be deleted, ms since the epoch by this machine's clock; undefined when there are none. */
  async expiresAt(ref: SearchRef): Promise<number | undefined> {
    const left = await this.#redis.pttl(keyOf(this.#prefix, 'pages', ref));
    return left < 0 ? undefined : Date.now() + left;
  }

  async remove(ref: SearchRef): Promise<void> {
    await this.#redis.del(keyOf(this.#prefix, 'pages', ref));
  }
}

async function unpack(packed: Buffer): Promise<PageAnswer> {
  return JSON.parse((await decompress(packed)).toString('utf8'));
}
