import type { ChainableCommander, Redis } from 'ioredis';
import type { ItemAnswer, PageAnswer } from '../collector/answers.ts';
import type { PageHead } from '../collector/assemble.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { TrackVerdict } from '../product/track.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { pack, packHead, packPage, readVerdict, unpack, unpackHead, unpackPage } from './packing.ts';
import { keyOf, type SearchRef } from './runState.ts';

export interface ResultStoreOptions {
  redis: Redis;
  prefix: string;
  /** How long a search's pages are kept, ms, counted from the first one's answer. */
  ttlMs: number;
}

/** All that is stored of a search. */
export interface StoredResult {
  /** In page order. */
  pages: Array<{ page: number; answer: PageAnswer }>;
  /** By item id. */
  details: Map<string, ItemAnswer>;
  /** Of a search with a track, once it was compared. */
  verdict: TrackVerdict | undefined;
}

/** A product whose details are wanted. */
export interface WantedItem {
  itemId: string;
  marketplace: MarketplaceId;
}

/** A page's field is its number. */
const PAGE = /^\d+$/;

/** Beside each page. */
const HEAD = 'h:';

const ITEM = 'i:';

/** The items whose details are wanted. */
const WANTED = 'items';

/** Where `Tracks` leaves what it decided. */
export const VERDICT = 'track';

/** ARGV: lifetime in ms, then fields and values. One command, for a page is written with every call. */
const KEEP_FIRST = new LuaScript(`
for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1], 'NX')
return redis.call('HKEYS', KEYS[1])`);

/**
 * What a search has found: one hash, a field per page and per item's details, written so that the first answer stands.
 * All of it ends with its earliest page, since a result without its first page would be no result: whoever wakes later
 * starts a new run.
 */
export class ResultStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;

  constructor({ redis, prefix, ttlMs }: ResultStoreOptions) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = Math.ceil(ttlMs);
  }

  /** Keeps a page's answer unless that page has one already. Returns the numbers of the pages that are there now. */
  store(ref: SearchRef, page: number, answer: PageAnswer, head: PageHead): Promise<number[]> {
    return this.#keepFirst(ref, { [page]: packPage(answer), [HEAD + page]: packHead(head) }).then(
      pageNumbers,
    );
  }

  /** Keeps an item's details like a page. */
  async storeItem(ref: SearchRef, itemId: string, answer: ItemAnswer): Promise<void> {
    await this.#keepFirst(ref, { [ITEM + itemId]: pack(answer) });
  }

  /** Notes whose details this search wants, in their order; another list takes the place of the one before. */
  async wantItems(ref: SearchRef, items: readonly WantedItem[]): Promise<void> {
    const key = this.#key(ref);
    await executed(this.#redis.multi().hset(key, WANTED, pack(items)).pexpire(key, this.#ttlMs, 'NX'));
  }

  async wantedItems(ref: SearchRef): Promise<WantedItem[]> {
    return (await this.#readField(ref, WANTED, unpack<WantedItem[]>)) ?? [];
  }

  /** The numbers of the pages that are there, ascending. */
  async stored(ref: SearchRef): Promise<number[]> {
    return pageNumbers(await this.#redis.hkeys(this.#key(ref)));
  }

  /** The ids of the items whose details are there. */
  async storedItems(ref: SearchRef): Promise<Set<string>> {
    const fields = await this.#redis.hkeys(this.#key(ref));
    return new Set(fields.flatMap((field) => (field.startsWith(ITEM) ? [field.slice(ITEM.length)] : [])));
  }

  /** The heads of those of these pages that are there, in page order. */
  async readHeads(
    ref: SearchRef,
    pages: readonly number[],
  ): Promise<Array<{ page: number; head: PageHead }>> {
    const ascending = pages.toSorted((a, b) => a - b);
    if (ascending.length === 0) return [];
    const packed = await this.#redis.hmgetBuffer(this.#key(ref), ...ascending.map((page) => HEAD + page));
    return ascending.flatMap((page, index) => {
      const value = packed[index];
      return value ? [{ page, head: unpackHead(value) }] : [];
    });
  }

  /** The details that are there, by item id. */
  async readDetails(ref: SearchRef): Promise<Map<string, ItemAnswer>> {
    return this.readItems(ref, [...(await this.storedItems(ref))]);
  }

  /** Of these items, the details that are there. */
  async readItems(ref: SearchRef, itemIds: readonly string[]): Promise<Map<string, ItemAnswer>> {
    if (itemIds.length === 0) return new Map();
    const packed = await this.#redis.hmgetBuffer(this.#key(ref), ...itemIds.map((id) => ITEM + id));
    const details = itemIds.flatMap((id, index) => {
      const value = packed[index];
      return value ? [[id, unpack<ItemAnswer>(value)] as const] : [];
    });
    return new Map(details);
  }

  async read(ref: SearchRef, page: number): Promise<PageAnswer | undefined> {
    return this.#readField(ref, String(page), unpackPage);
  }

  async readItem(ref: SearchRef, itemId: string): Promise<ItemAnswer | undefined> {
    return this.#readField(ref, ITEM + itemId, unpack<ItemAnswer>);
  }

  async readVerdict(ref: SearchRef): Promise<TrackVerdict | undefined> {
    const packed = await this.#redis.hgetBuffer(this.#key(ref), VERDICT);
    return packed === null ? undefined : readVerdict(packed);
  }

  async readAll(ref: SearchRef): Promise<StoredResult> {
    const packed = Object.entries(await this.#redis.hgetallBuffer(this.#key(ref)));
    const pages = packed.flatMap(([field, value]) =>
      PAGE.test(field) ? [{ page: Number(field), answer: unpackPage(value) }] : [],
    );
    const details = packed.flatMap(([field, value]) =>
      field.startsWith(ITEM) ? [[field.slice(ITEM.length), unpack<ItemAnswer>(value)] as const] : [],
    );
    const verdict = packed.find(([field]) => field === VERDICT)?.[1];
    return {
      pages: pages.sort((a, b) => a.page - b.page),
      details: new Map(details),
      verdict: verdict && readVerdict(verdict),
    };
  }

  /** When the pages will be deleted, ms since the epoch by this machine's clock; undefined when there are none. */
  async expiresAt(ref: SearchRef): Promise<number | undefined> {
    const left = await this.#redis.pttl(this.#key(ref));
    return left < 0 ? undefined : Date.now() + left;
  }

  async remove(ref: SearchRef): Promise<void> {
    await this.#redis.del(this.#key(ref));
  }

  /**
   * Answers with the names of all fields that are there then. Takes answers packed, to hold the answers no longer: large
   * objects that live through a wait cost the garbage collector more than packing them.
   */
  #keepFirst(ref: SearchRef, packed: Record<string, Buffer>): Promise<string[]> {
    const args = [this.#ttlMs, ...Object.entries(packed).flat()];
    return KEEP_FIRST.run(this.#redis, this.#key(ref), args) as Promise<string[]>;
  }

  async #readField<Value>(
    ref: SearchRef,
    field: string,
    read: (packed: Buffer) => Value,
  ): Promise<Value | undefined> {
    const packed = await this.#redis.hgetBuffer(this.#key(ref), field);
    return packed === null ? undefined : read(packed);
  }

  #key(ref: SearchRef): string {
    return keyOf(this.#prefix, 'pages', ref);
  }
}

function pageNumbers(fields: string[]): number[] {
  return fields
    .filter((field) => PAGE.test(field))
    .map(Number)
    .sort((a, b) => a - b);
}

async function executed(commands: ChainableCommander): Promise<unknown[]> {
  return ((await commands.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
