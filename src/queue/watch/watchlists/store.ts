import type { Redis } from 'ioredis';
import { forgetFields } from '../../../redis/forgetFields.ts';
import { LuaScript } from '../../../redis/luaScript.ts';
import { asHash } from '../../../redis/ownHash.ts';
import { storedJson } from '../../../redis/storedJson.ts';
import { readWatched } from './compare.ts';
import type { WatchlistDefinition } from './definition.ts';
import type { Group } from './groups.ts';
import type { OwnColumns } from './import.ts';

/** A watchlist as it is kept, apart from its listings. */
export interface ListRecord {
  definition: WatchlistDefinition;
  paused: boolean;
  /** ms since the epoch. */
  createdAt: number;
  /** What the ids of its groups begin with: another list of the same name gets other ones. */
  born: string;
}

/** A group without its members. */
export interface GroupSummary {
  id: string;
  kind: Group['kind'];
  listings: number;
  /** Calls of a look, as estimated. */
  calls: number;
  /** Its looks so far say how many listings the search finds, and have shown all of them. */
  isMeasured: boolean;
}

/** The groups of a list as they were formed last. */
export interface ListPlan {
  /** The change that they were formed at, see `changed`. */
  change: number;
  /** Ids given so far. */
  sequence: number;
  groups: GroupSummary[];
}

export interface StoredList {
  record: ListRecord;
  plan: ListPlan;
  /** Rises with everything that groups follow from. */
  change: number;
}

/** A look at a group that is under way. */
export interface LookState {
  number: number;
  /** When it was decided on, ms since the epoch. */
  at: number;
  /** Number of its present job, from 1. */
  step: number;
  kind: Group['kind'];
  category: string | null;
  sellers: string[];
  total: number | null;
  /** Members that no answer has shown yet. */
  open: string[];
  /** Of these, what the present job asks for item by item; empty of a search. */
  asked: string[];
  calls: number;
  /** Members that could be compared, and those that changed. */
  compared: number;
  changes: number;
  /** When eBay was asked first, ms since the epoch; null before. */
  began: number | null;
  complete: boolean;
  /** Marketplace and destination that it began with; undefined: another release began it. */
  place?: string | undefined;
}

/** What answers about the listings of a list depend on. */
export function placeOf({ marketplace, shipTo }: WatchlistDefinition): string {
  return JSON.stringify([marketplace, shipTo?.country ?? null, shipTo?.postalCode ?? null]);
}

/** How many listings a seller has in a category, and when that was measured, ms since the epoch. */
export type StoredTotals = Map<
  string,
  { total: number; at: number /** Only one page of them was seen. */; isPartly: boolean }
>;

const NO_PLAN: ListPlan = { change: -1, sequence: 0, groups: [] };
const PARTS = ['entries', 'seen', 'sellers', 'totals', 'groups', 'looks'] as const;
const LOOKS_MS = 3 * 86_400_000;
const BATCH = 500;

/** KEYS: lists, entries. ARGV: name, born, entries removed, those, then entries and columns. Answers -1 without this list. */
const WRITE_ENTRIES = new LuaScript(`
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record or cjson.decode(record).born ~= ARGV[2] then return -1 end
local first = 4 + tonumber(ARGV[3])
for i = 4, first - 1 do redis.call('HDEL', KEYS[2], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('HINCRBY', KEYS[1], ARGV[1] .. ' change', 1)
return redis.call('HLEN', KEYS[2])`);

/** KEYS: lists, groups. ARGV: name, the change that they follow from, the plan, life (ms), then groups and values. */
const WRITE_GROUPS = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
if (redis.call('HGET', KEYS[1], ARGV[1] .. ' change') or '0') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
if #ARGV > 4 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
redis.call('HSET', KEYS[1], ARGV[1] .. ' plan', ARGV[3])
return 1`);

/** KEYS: looks, lists. ARGV: group, before (empty: none), after (empty: none), list, life (ms). */
const SET_LOOK = new LuaScript(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) return 1 end
if redis.call('HEXISTS', KEYS[2], ARGV[4]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`);

/** KEYS: lists. ARGV: name, the record as it was read (empty: none), and as it is now. */
const SET_RECORD = new LuaScript(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HINCRBY', KEYS[1], ARGV[1] .. ' change', 1)
return 1`);

/** KEYS: lists. ARGV: name. */
const CHANGED = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], ARGV[1] .. ' change', 1)`);

/** KEYS: lists, totals. ARGV: name, life (ms), then sellers and totals. */
const WRITE_TOTALS = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1`);

/**
 * KEYS: sellers, entries, lists, seen. ARGV: name, life (ms), then listings and their sellers. Of listings that the list has
 * not no name is kept. Groups follow from names, so another name of a listing that was seen is a change.
 */
const NOTE_SELLERS = new LuaScript(`
local noted, changed = false, false
for i = 3, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    noted = true
    if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
      changed = changed or redis.call('HEXISTS', KEYS[4], ARGV[i]) == 1
    end
  end
end
if noted then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if changed and redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[3], ARGV[1] .. ' change', 1)
end
return 1`);

/** What is kept of the watchlists of a tenant: one hash of the lists, and for each list some with a field for each listing. */
export class WatchStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #tenant: string;
  readonly #lists: string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#tenant = tenant;
    this.#lists = `${prefix}:watchlists:${tenant}`;
  }

  /**
   * `entries`: own columns; `seen`: what was last seen; `sellers`: their user names, which stay here; `totals`: how many
   * listings a seller has in a category; `groups`; `looks` that are under way. All but `entries` end
   * TRACK_TTL after the last look.
   */
  key(list: string, part: (typeof PARTS)[number]): string {
    return `${this.#prefix}:watch-${part}:${this.#tenant}:${list}`;
  }

  /** By name. */
  async all(): Promise<StoredList[]> {
    const fields = await asHash(this.#redis, this.#lists, () => this.#redis.hgetall(this.#lists));
    return Object.keys(fields)
      .filter((field) => !field.includes(' '))
      .sort()
      .flatMap((name) => {
        const list = storedList(fields[name], fields[`${name} plan`], fields[`${name} change`]);
        return list === undefined ? [] : [list];
      });
  }

  async get(name: string): Promise<(StoredList & { text: string }) | undefined> {
    const fields = [name, `${name} plan`, `${name} change`];
    const read = () => this.#redis.hmget(this.#lists, ...fields);
    const [text, plan, change] = await asHash(this.#redis, this.#lists, read);
    const list = storedList(text, plan, change);
    return list && { ...list, text: text as string };
  }

  /** @param before as it was read; undefined: there was none @returns false where it is another one by now */
  async put(record: ListRecord, before: string | undefined): Promise<boolean> {
    const args = [record.definition.name, before ?? '', JSON.stringify(record)];
    return (await SET_RECORD.run(this.#redis, this.#lists, args)) === 1;
  }

  async delete(name: string): Promise<void> {
    const parts = PARTS.map((part) => this.key(name, part));
    await this.#redis
      .multi()
      .hdel(this.#lists, name, `${name} plan`, `${name} change`)
      .unlink(...parts)
      .exec();
  }

  /** What was seen is forgotten; the next look is the first one. */
  async forgetSeen(name: string): Promise<void> {
    const parts = (['seen', 'sellers', 'totals', 'groups'] as const).map((part) => this.key(name, part));
    await this.#redis.unlink(...parts);
    await this.changed(name);
  }

  /** Something changed that groups follow from. Of a list that was removed nothing is kept. */
  async changed(name: string): Promise<void> {
    await CHANGED.run(this.#redis, this.#lists, [name]);
  }

  async entryIds(name: string): Promise<string[]> {
    const key = this.key(name, 'entries');
    return asHash(this.#redis, key, () => this.#redis.hkeys(key));
  }

  async count(name: string): Promise<number> {
    return this.#redis.hlen(this.key(name, 'entries'));
  }

  /** Own columns of these entries; undefined where the list has it not. */
  async columns(name: string, entries: readonly string[]): Promise<Array<OwnColumns | undefined>> {
    const values = await this.#read(this.key(name, 'entries'), entries);
    return values.map((value) => (value === null ? undefined : readColumns(value)));
  }

  /** What is remembered of these entries, as it is stored. */
  async seen(name: string, entries: readonly string[]): Promise<Array<string | null>> {
    return this.#read(this.key(name, 'seen'), entries);
  }

  async allSeen(name: string): Promise<Record<string, string>> {
    return asHash(this.#redis, this.key(name, 'seen'), () => this.#redis.hgetall(this.key(name, 'seen')));
  }

  async allSellers(name: string): Promise<Record<string, string>> {
    const key = this.key(name, 'sellers');
    return asHash(this.#redis, key, () => this.#redis.hgetall(key));
  }

  async #read(key: string, fields: readonly string[]): Promise<Array<string | null>> {
    const values: Array<string | null> = [];
    for (let from = 0; from < fields.length; from += BATCH) {
      const batch = fields.slice(from, from + BATCH);
      values.push(...(await asHash(this.#redis, key, () => this.#redis.hmget(key, ...batch))));
    }
    return values;
  }

  /** @returns how many there are then; undefined where the list was removed meanwhile */
  async writeEntries(
    { definition: { name }, born }: ListRecord,
    put: ReadonlyMap<string, OwnColumns>,
    removed: readonly string[],
  ): Promise<number | undefined> {
    const keys = [this.#lists, this.key(name, 'entries')];
    let left: number | undefined = await this.count(name);
    const write = async (gone: readonly string[], fields: readonly string[]) => {
      const args = [name, born, gone.length, ...gone, ...fields];
      const reply = (await WRITE_ENTRIES.run(this.#redis, keys, args)) as number;
      left = reply < 0 ? undefined : reply;
    };
    const entries = [...put];
    // What is new comes first: a process that dies between two steps leaves too much rather than too little.
    for (let from = 0; from < entries.length && left !== undefined; from += BATCH) {
      const fields = entries.slice(from, from + BATCH);
      await write(
        [],
        fields.flatMap(([id, own]) => [id, Object.keys(own).length === 0 ? '' : JSON.stringify(own)]),
      );
    }
    for (let from = 0; from < removed.length && left !== undefined; from += BATCH) {
      const gone = removed.slice(from, from + BATCH);
      await write(gone, []);
      await this.#redis.hdel(this.key(name, 'seen'), ...gone);
      await this.#redis.hdel(this.key(name, 'sellers'), ...gone);
    }
    return left;
  }

  async groups(name: string): Promise<Group[]> {
    const key = this.key(name, 'groups');
    const fields = await asHash(this.#redis, key, () => this.#redis.hgetall(key));
    return Object.values(fields).flatMap((text) => storedJson<Group>(text) ?? []);
  }

  /** @param atoms which of them; default: all */
  async totals(name: string, atoms?: readonly string[]): Promise<StoredTotals> {
    const key = this.key(name, 'totals');
    const fields =
      atoms === undefined
        ? Object.entries(await asHash(this.#redis, key, () => this.#redis.hgetall(key)))
        : (await this.#read(key, atoms)).map(
            (value, index) => [atoms[index] as string, value ?? ''] as const,
          );
    const totals: StoredTotals = new Map();
    for (const [atom, value] of fields) {
      const [total = Number.NaN, at = 0, partly = 0] = value.split(' ').map(Number);
      if (value !== '' && Number.isFinite(total)) totals.set(atom, { total, at, isPartly: partly === 1 });
    }
    return totals;
  }

  /** A group that is to be looked at. @param ttlMs how long all of them are kept from now on */
  async group(name: string, id: string, ttlMs: number): Promise<Group | undefined> {
    const key = this.key(name, 'groups');
    const text = await asHash(this.#redis, key, () => this.#redis.hget(key, id));
    if (text !== null) await this.#redis.pexpire(key, Math.ceil(ttlMs));
    return storedJson<Group>(text);
  }

  /** @returns false where something changed since that they follow from: nothing is written */
  async writeGroups(name: string, plan: ListPlan, groups: readonly Group[], ttlMs: number): Promise<boolean> {
    const fields = groups.flatMap((group) => [group.id, JSON.stringify(group)]);
    const args = [name, String(plan.change), JSON.stringify(plan), Math.ceil(ttlMs), ...fields];
    return (await WRITE_GROUPS.run(this.#redis, [this.#lists, this.key(name, 'groups')], args)) === 1;
  }

  async writeTotals(name: string, totals: StoredTotals, ttlMs: number): Promise<void> {
    const fields = [...totals].flatMap(([atom, { total, at, isPartly }]) => [
      atom,
      `${total} ${at}${isPartly ? ' 1' : ''}`,
    ]);
    const args = [name, Math.ceil(ttlMs), ...fields];
    await WRITE_TOTALS.run(this.#redis, [this.#lists, this.key(name, 'totals')], args);
  }

  /** @param entries listings whose sellers' names are of no use any more @param atoms the same of sellers in a category */
  async forgetSellers(name: string, entries: readonly string[], atoms: readonly string[]): Promise<void> {
    if (entries.length > 0) await this.#redis.hdel(this.key(name, 'sellers'), ...entries);
    if (atoms.length > 0) await this.#redis.hdel(this.key(name, 'totals'), ...atoms);
  }

  async look(name: string, group: string): Promise<{ text: string; look: LookState } | undefined> {
    const key = this.key(name, 'looks');
    const text = await asHash(this.#redis, key, () => this.#redis.hget(key, group));
    const look = storedJson<LookState>(text);
    return look === undefined ? undefined : { text: text as string, look };
  }

  /** @returns false where the look is another one than `before` by now, or the list was removed */
  async setLook(
    name: string,
    group: string,
    before: string | undefined,
    after: LookState | undefined,
  ): Promise<boolean> {
    const text = after === undefined ? '' : JSON.stringify(after);
    const args = [group, before ?? '', text, name, LOOKS_MS];
    return (await SET_LOOK.run(this.#redis, [this.key(name, 'looks'), this.#lists], args)) === 1;
  }

  /** Keeps the sellers' names of listings of the list. @param ttlMs how long after the last time */
  async noteSellers(name: string, sellers: ReadonlyMap<string, string>, ttlMs: number): Promise<void> {
    const keys = [
      ...[this.key(name, 'sellers'), this.key(name, 'entries')],
      ...[this.#lists, this.key(name, 'seen')],
    ];
    const fields = [...sellers].flat();
    for (let from = 0; from < fields.length; from += 2 * BATCH)
      await NOTE_SELLERS.run(this.#redis, keys, [
        ...[name, Math.ceil(ttlMs)],
        ...fields.slice(from, from + 2 * BATCH),
      ]);
  }
}

/** Forgets listings that were seen last before this, ms since the epoch. A look counts them as unknown already. */
export async function forgetUnseen(
  redis: Redis,
  key: string,
  before: number,
  signal: AbortSignal,
): Promise<void> {
  const isOutlived = (_: string, text: string) => (readWatched(text)?.seen ?? 0) < before;
  await forgetFields(redis, key, isOutlived, signal);
}

function storedList(
  text: string | null | undefined,
  plan: string | null | undefined,
  change: string | null | undefined,
): StoredList | undefined {
  const record = storedJson<ListRecord>(text);
  if (record?.definition === undefined) return undefined;
  return { record, plan: storedJson<ListPlan>(plan) ?? NO_PLAN, change: Number(change ?? 0) };
}

function readColumns(text: string): OwnColumns {
  return text === '' ? {} : (storedJson<OwnColumns>(text) ?? {});
}
