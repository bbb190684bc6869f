import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { ConfigError, type Content } from '../config/config.ts';
import { Failure } from '../failures.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { asHash } from '../redis/ownHash.ts';
import { clockOf, type RedisClock } from '../redis/redisClock.ts';
import { storedJson } from '../redis/storedJson.ts';
import type { Census } from './census.ts';
import type { Declarations } from './declaration.ts';
import { type DataState, type Loss, sinceOf } from './loss.ts';

/** The content of one source, and since when: a file's time of change, or the moment of a command; ms since the epoch. */
export interface Part<T> {
  at: number;
  value: T;
}

/** The content of files and of `dpf config apply`; each part changes by itself. */
export interface Parts {
  /** Reloadable settings. */
  settings?: Part<Content>;
  tenants?: Part<Declarations>;
  /** Of the default tenant. */
  schedules?: Part<unknown[]>;
}

/** The configuration that all processes of the fleet run, whatever files each of them has. It holds no secret. */
export interface FleetDocument extends Parts {
  /** Tenants that `dpf tenants add` declared. */
  added: Declarations;
}

export interface Versioned {
  /** 0: nothing was ever published. */
  version: number;
  document: FleetDocument;
}

export const NOTHING: Versioned = { version: 0, document: { added: {} } };

/** All tenants. A tenant of the file wins over an added one of the same name. */
export function declarationsOf({ tenants, added }: FleetDocument): Declarations {
  return { ...added, ...tenants?.value };
}

const PARTS = ['settings', 'tenants', 'schedules'] as const;

export interface Change {
  document: FleetDocument;
  changed: boolean;
  /** Parts that are older than those of the document, and so were left out: the file of a machine that was not updated. */
  stale: Array<keyof Parts>;
}

/** The document with those parts that differ and are not older. */
export function withNewer(document: FleetDocument, parts: Parts): Change {
  const differing = PARTS.filter(
    (name) => parts[name] !== undefined && !isDeepStrictEqual(parts[name].value, document[name]?.value),
  );
  const isStale = (name: keyof Parts) => (parts[name]?.at ?? 0) < (document[name]?.at ?? 0);
  const newer = differing.filter((name) => !isStale(name));
  return {
    document: { ...document, ...Object.fromEntries(newer.map((name) => [name, parts[name]])) },
    changed: newer.length > 0,
    stale: differing.filter(isStale),
  };
}

/** Clocks that differ by less are kept by NTP; the times of files stay as they are then, also where processes compare them. */
const CLOCKS_AGREE_MS = 5000;

/**
 * The parts with their times on Redis's clock: the file of a machine whose clock is ahead would stand against all changes until
 * that time, and those of one whose clock is behind would never count. @param now Redis's @param own this machine's
 */
export function onRedisClock(parts: Parts, now: number, own = Date.now()): Parts {
  const ahead = Math.abs(now - own) > CLOCKS_AGREE_MS ? now - own : 0;
  const timed = (at: number) => (at + ahead > now + CLOCKS_AGREE_MS ? now : at + ahead);
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [name, { ...part, at: timed(part.at) }]),
  );
}

/** What a process reports to the others. */
export interface ProcessReport {
  /** Names the process; a new one for each start. */
  id: string;
  role: string;
  host: string;
  pid: number;
  /** Of this package. Release 0.1 does not report it. */
  release?: string;
  /** The version of the configuration that it runs. */
  version: number;
  /** Tenants that it works for. */
  tenants: string[];
  /** Why it does not run the newest version, if it cannot. */
  refused?: string;
}

/** A process without a report for this long is gone, s. */
const GONE_AFTER_S = 10;

/** KEYS: 1 the versions. ARGV: 1 the version to replace, 2 the new one, 3 its document. */
const PUBLISH = new LuaScript(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
return 1`);

/** KEYS: 1 the fleet's hash. ARGV: 1 an id. A mark is the time at which it was set, ms, and an id. */
const MARK = new LuaScript(`
local now = redis.call('TIME')
local mark = string.format('%d-%s', now[1] * 1000 + math.floor(now[2] / 1000), ARGV[1])
redis.call('HSETNX', KEYS[1], 'mark', mark)
return redis.call('HGET', KEYS[1], 'mark')`);

/** KEYS: 1 the fleet's hash. ARGV: 1 mark and 2 version that it has, then the fields and values that follow them. */
const RESTORE = new LuaScript(`
local there = redis.call('HMGET', KEYS[1], 'mark', 'version')
if (there[1] or '') ~= ARGV[1] or (tonumber(there[2]) or 0) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 1`);

/** KEYS: 1 the fleet's hash. ARGV: 1 the mark that it has, 2 time of the census that it has at least, ms, 3 the new one. */
const TAKE_CENSUS = new LuaScript(`
local there = redis.call('HMGET', KEYS[1], 'mark', 'census')
local at = tonumber(string.match(there[2] or '', '^%d+')) or 0
if there[1] ~= ARGV[1] or at < tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'census', ARGV[3])
return 1`);

/** KEYS: 1 the fleet's hash. ARGV: 1 the report of a loss that it has. */
const CLEAR_LOSS = new LuaScript(`
if redis.call('HGET', KEYS[1], 'loss') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'loss')`);

/** KEYS: 1 the processes. ARGV: 1 id, 2 report, 3 gone after, s. A value is \`SECONDS REPORT\`. */
const REPORT = new LuaScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local seen = tonumber(string.match(all[n + 1], '^%d+')) or 0
  if now - seen > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[n]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1`);

/** Marks that a restored one replaces; more than processes could still know. */
const MARKS_KEPT = 20;

/** The fleet's newest document in Redis, the state of its data, and a report of each process. */
export class FleetStore {
  readonly #redis: Redis;
  readonly #versions: string;
  readonly #processes: string;
  readonly #clock: RedisClock;

  /** @param redis a connection of the `caller` profile */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#versions = `${prefix}:config`;
    this.#processes = `${prefix}:processes`;
    this.#clock = clockOf(redis, prefix);
  }

  /** Redis's time, ms since the epoch. */
  now(): Promise<number> {
    return this.#clock.current();
  }

  /** One command: every process asks again and again. */
  async look(): Promise<DataState> {
    const fields = ['mark', 'version', 'census', 'loss', 'replaced'];
    const [mark, version, census, loss, replaced] = await this.#fields(fields);
    return {
      mark: mark ?? '',
      version: Number(version) || 0,
      census: census ? storedJson<Census>(census.slice(census.indexOf(' '))) : undefined,
      loss: loss ? storedJson<Loss>(loss) : undefined,
      replaced: replaced ? replaced.split(' ') : [],
    };
  }

  /** Marks the data of Redis, unless it has a mark, and returns its mark. */
  async mark(): Promise<string> {
    return (await MARK.run(this.#redis, this.#versions, [newId()])) as string;
  }

  /**
   * Gives a Redis that lost its data the fleet's document, a mark in place of the present one, and the report of the loss.
   * @param found the state that it is in; undefined is returned when another process has changed it since
   * @param lost the state that was lost
   */
  async restore(
    found: DataState,
    lost: DataState,
    { version, document }: Versioned,
    { census, loss }: { census: Census; loss: Loss },
  ): Promise<DataState | undefined> {
    const mark = `${sinceOf(lost.mark)}-${newId()}`;
    // Those of both: a process may have missed more than one loss.
    const marks = [lost.mark, found.mark, ...lost.replaced, ...found.replaced].filter((each) => each !== '');
    const replaced = [...new Set(marks)].slice(0, MARKS_KEPT);
    const fields = {
      mark,
      replaced: replaced.join(' '),
      census: censusText(census),
      loss: JSON.stringify(loss),
      ...(version === 0 ? {} : { version, document: JSON.stringify(document) }),
    };
    const args = [found.mark, String(found.version), ...Object.entries(fields).flat()];
    if ((await RESTORE.run(this.#redis, this.#versions, args)) !== 1) return undefined;
    return { mark, version, census, loss, replaced };
  }

  /** False when the data is not that of this mark, or older than a census that is known. */
  async storeCensus(mark: string, known: Census | undefined, census: Census): Promise<boolean> {
    const args = [mark, known?.at ?? 0, censusText(census)];
    return (await TAKE_CENSUS.run(this.#redis, this.#versions, args)) === 1;
  }

  /**
   * Acknowledges a loss. @param seen only this one, and not one that was reported since; default: whatever is reported
   * @returns whether there was such a report
   */
  async clearLoss(seen?: Loss): Promise<boolean> {
    if (seen === undefined) return (await this.#redis.hdel(this.#versions, 'loss')) === 1;
    return (await CLEAR_LOSS.run(this.#redis, this.#versions, [JSON.stringify(seen)])) === 1;
  }

  async read(): Promise<Versioned> {
    const [version, text] = await this.#fields(['version', 'document']);
    if (!version || !text) return NOTHING;
    const document = storedJson<FleetDocument>(text);
    if (document?.added !== undefined) return { version: Number(version), document };
    const message =
      'holds no configuration, so another program has written it: delete this key; running processes put theirs back, ' +
      'and dpf restore that of a backup';
    throw new ConfigError([{ name: `the key ${this.#versions}`, message }]);
  }

  #fields(names: string[]): Promise<Array<string | null>> {
    return asHash(this.#redis, this.#versions, () => this.#redis.hmget(this.#versions, ...names));
  }

  /** False when Redis holds another version than `current`; then nothing has changed. */
  async publish(current: number, { version, document }: Versioned): Promise<boolean> {
    const args = [String(current), String(version), JSON.stringify(document)];
    return (await PUBLISH.run(this.#redis, this.#versions, args)) === 1;
  }

  async report({ id, ...report }: ProcessReport): Promise<void> {
    const args = [id, JSON.stringify(report), GONE_AFTER_S];
    await asHash(this.#redis, this.#processes, () => REPORT.run(this.#redis, this.#processes, args));
  }

  async leave(id: string): Promise<void> {
    await this.#redis.hdel(this.#processes, id);
  }

  /** Every process that reported lately. */
  async processes(): Promise<ProcessReport[]> {
    const [now, all] = await Promise.all([this.#redis.time(), this.#redis.hgetall(this.#processes)]);
    return Object.entries(all).flatMap(([id, value]) => {
      const at = value.indexOf(' ');
      if (Number(now[0]) - Number(value.slice(0, at)) > GONE_AFTER_S) return [];
      return [{ id, ...(JSON.parse(value.slice(at + 1)) as Omit<ProcessReport, 'id'>) }];
    });
  }
}

function newId(): string {
  return randomUUID().slice(0, 13);
}

/** Its time comes first, for the script that compares it. */
function censusText(census: Census): string {
  return `${census.at} ${JSON.stringify(census)}`;
}

/** How often another process may publish at the same moment. */
const MAX_TRIES = 20;

/**
 * Publishes the next version, atomically: of two changes at once the later one builds on the earlier.
 * @param known a version that was seen before: a Redis that lost its data must not start again from 1
 * @param change of the current document
 * @param check throws when the new document is wrong; then nothing has changed
 * @returns `current`: the version that Redis holds now
 * @throws what `check` throws; Failure `redis-unavailable` when others publish all the time
 */
export async function publishNext(
  store: FleetStore,
  known: Versioned,
  change: (document: FleetDocument) => Change,
  check: (next: Versioned) => void,
): Promise<Omit<Change, 'document'> & { current: Versioned }> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const current = await store.read();
    const base = current.version < known.version ? known : current;
    const { document, changed, stale } = change(base.document);
    if (!changed && base === current) return { current, changed: false, stale };
    const next = changed ? { version: base.version + 1, document } : base;
    check(next);
    if (await store.publish(current.version, next)) return { current: next, changed: true, stale };
  }
  throw new Failure(
    'redis-unavailable',
    'the configuration was not published: other processes change it all the time',
  );
}
