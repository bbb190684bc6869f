import type { Redis } from 'ioredis';
import type { Hit } from '../../product/alertMessage.ts';
import { forgetFields } from '../../redis/forgetFields.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import { storedJson } from '../../redis/storedJson.ts';
import type { AlertDefinition } from './definition.ts';
import { type AlertKeys, alertKeys } from './keys.ts';
import { packShared, readShared, readState, readTwin, type SharedState } from './state.ts';

/** An alert as it is stored. */
export interface AlertRecord {
  definition: AlertDefinition;
  paused: boolean;
  /** ms since the epoch. */
  createdAt: number;
  /** Identifies what the alert is about: with another source or other conditions it is another one. Ids of hits follow from it. */
  born: string;
}

/** An alert, and its text by which a script sees whether it is still the same. */
export interface StoredAlert {
  record: AlertRecord;
  text: string;
}

/** What an alert knows apart from single listings. */
export interface AlertKnowledge {
  /** Rises with every change of what the alert knows: two processes that change it at once see each other by it. */
  version: number;
  /** The search or the list that it learned from at first, see `Look.baseline`. */
  baseline: string;
  /** When that began, ms since the epoch. */
  began: number;
  /** The first look is over: from now on there are hits. */
  isArmed: boolean;
  /** Of the first look: listings seen, those that meet a condition already, and the cheapest three of them. */
  seen: number;
  matching: number;
  cheapest: Hit[];
  shared: SharedState;
}

/** Field of an alert's state that is no listing; the id of a listing has no space. */
const KNOWLEDGE = 'the alert';

/**
 * Keeps what one batch of a look has taught an alert, with its hits and their texts, all or nothing. KEYS: alerts, state, hits,
 * due, then the texts. ARGV: name; the alert as it was read; its knowledge before (empty: none) and after; whether the
 * state begins again; life of state and hits (ms); numbers of fields and of hits; fields and values in turn; hits; texts and
 * their lives in turn. Answers -1 where the alert was changed or removed, 0 where another process has changed its state.
 */
const COMMIT = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return -1 end
if (redis.call('HGET', KEYS[2], '${KNOWLEDGE}') or '') ~= ARGV[3] then return 0 end
if ARGV[5] == '1' then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[2], '${KNOWLEDGE}', ARGV[4])
local fields, hits, at = tonumber(ARGV[7]), tonumber(ARGV[8]), 9
for i = at, at + 2 * fields - 1, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[6])
at = at + 2 * fields
for i = at, at + hits - 1 do redis.call('RPUSH', KEYS[3], ARGV[i]) end
at = at + hits
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], ARGV[at], 'PX', ARGV[at + 1])
  at = at + 2
end
if hits > 0 then
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', KEYS[4], 'LT', string.format('%.0f', now), ARGV[1])
end
return 1`);

/** KEYS: alerts, state, hits, due, day. ARGV: name, the alert as it was read (empty: none), as it is now, whether it is about something else, most alerts. */
const PUT = new LuaScript(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[2] == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] == '1' then redis.call('DEL', KEYS[2], KEYS[3]) end
if ARGV[2] == '' then redis.call('DEL', KEYS[5]) end
if redis.call('EXISTS', KEYS[3], KEYS[5]) > 0 then redis.call('ZADD', KEYS[4], 0, ARGV[1]) end
return 1`);

/** KEYS: alerts, state, hits, due, day. ARGV: name. */
const REMOVE = new LuaScript(`
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[5])
redis.call('ZREM', KEYS[4], ARGV[1])
return 1`);

/** What one batch of a look has taught an alert. */
export interface LearnedBatch {
  before: string;
  after: AlertKnowledge;
  /** Everything known before is of another track, or of the track before it started afresh. */
  isFresh: boolean;
  fields: ReadonlyArray<readonly [string, string]>;
  /** Hits, or what says that the first look is over; both are kept as JSON. */
  hits: readonly object[];
  /** By hit: its texts as JSON, and how long they are kept, ms. */
  texts: ReadonlyArray<readonly [hitId: string, text: string, ms: number]>;
}

/** Alerts of one tenant in Redis. */
export class AlertStore {
  readonly keys: AlertKeys;
  readonly #redis: Redis;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.keys = alertKeys(prefix, tenant);
  }

  /** All alerts by name. What another program has written is none. */
  async all(): Promise<StoredAlert[]> {
    const { alerts } = this.keys;
    const fields = await asHash(this.#redis, alerts, () => this.#redis.hgetall(alerts));
    return Object.keys(fields)
      .sort()
      .flatMap((name) => stored(fields[name]) ?? []);
  }

  async get(name: string): Promise<StoredAlert | undefined> {
    const { alerts } = this.keys;
    return stored(await asHash(this.#redis, alerts, () => this.#redis.hget(alerts, name)));
  }

  /**
   * @param before as it was read; undefined: there was none @param options.isOther what it is about has changed: what it knows
   * and its waiting hits go
   */
  async put(
    record: AlertRecord,
    before: string | undefined,
    { isOther, most }: { isOther: boolean; most: number },
  ): Promise<'written' | 'changed' | 'too-many'> {
    const { name } = record.definition;
    const args = [name, before ?? '', JSON.stringify(record), isOther ? 1 : 0, most];
    const reply = await PUT.run(this.#redis, this.#keysOf(name), args);
    return reply === 1 ? 'written' : reply === 0 ? 'changed' : 'too-many';
  }

  /** With all that it knows and all that waits. False: there was none. */
  async remove(name: string): Promise<boolean> {
    return (await REMOVE.run(this.#redis, this.#keysOf(name), [name])) === 1;
  }

  /** What an alert knows apart from listings, as it is stored, and these fields of its state. */
  async look(
    name: string,
    fields: readonly string[],
  ): Promise<{ text: string; values: Array<string | null> }> {
    const key = this.keys.state(name);
    const read = () => this.#redis.hmget(key, KNOWLEDGE, ...fields);
    const [text, ...values] = await asHash(this.#redis, key, read);
    return { text: text ?? '', values };
  }

  /** Keeps a batch. `removed`: the alert was changed, paused or removed; `changed`: its state is another one by now. */
  async learn(
    { record, text }: StoredAlert,
    { before, after, isFresh, fields, hits, texts }: LearnedBatch,
    ttlMs: number,
  ): Promise<'kept' | 'changed' | 'removed'> {
    const { name } = record.definition;
    const { alerts, state, hits: hitsOf, due, texts: textsOf } = this.keys;
    const keys = [alerts, state(name), hitsOf(name), due, ...texts.map(([id]) => textsOf(id))];
    const reply = await COMMIT.run(this.#redis, keys, [
      ...[name, text, before, packKnowledge(after), isFresh ? 1 : 0, Math.ceil(ttlMs)],
      ...[fields.length, hits.length],
      ...fields.flat(),
      ...hits.map((hit) => JSON.stringify(hit)),
      ...texts.flatMap(([, own, ms]) => [own, Math.ceil(ms)]),
    ]);
    return reply === 1 ? 'kept' : reply === 0 ? 'changed' : 'removed';
  }

  #keysOf(name: string): string[] {
    const { alerts, state, hits, due, day } = this.keys;
    return [alerts, state(name), hits(name), due, day(name)];
  }
}

function stored(text: string | null | undefined): StoredAlert | undefined {
  const record = storedJson<AlertRecord>(text);
  if (record?.definition?.name === undefined || typeof record.born !== 'string') return undefined;
  return { record, text: text as string };
}

function packKnowledge({ shared, ...rest }: AlertKnowledge): string {
  return JSON.stringify({ ...rest, shared: packShared(shared) });
}

/** Undefined where the alert has seen nothing yet. */
export function readKnowledge(text: string, definition: AlertDefinition): AlertKnowledge | undefined {
  const read = storedJson<Omit<AlertKnowledge, 'shared'> & { shared: string }>(text);
  if (read === undefined || !Number.isInteger(read.version)) return undefined;
  return { ...read, shared: readShared(read.shared, definition) };
}

/** Forgets listings of an alert's state that were seen last before this, ms since the epoch. */
export async function forgetAlertState(
  redis: Redis,
  key: string,
  before: number,
  signal: AbortSignal,
): Promise<void> {
  const isOutlived = (field: string, text: string) =>
    field !== KNOWLEDGE && (readState(text, 0)?.at ?? readTwin(text, 0)?.at ?? 0) < before;
  await forgetFields(redis, key, isOutlived, signal);
}
