import type { Redis } from 'ioredis';
import { parseObject } from '../ebay/answer.ts';
import { isObject } from '../product/parseRequest.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { clockOf } from '../redis/redisClock.ts';

/** eBay's notice that an account was deleted, and all that refers to it has to be erased. */
export interface DeletionNotice {
  notificationId: string;
  /** When the account was deleted, ISO 8601 in UTC; empty where eBay does not say it. */
  eventDate: string;
  username: string;
  userId: string;
  eiasToken: string;
}

/** How many places of each kind named an account. */
export type Erased = Record<ErasedKind, number>;

export const ERASED_KINDS = [
  'searches',
  'schedulesChanged',
  'schedulesRemoved',
  'watchlists',
  'other',
] as const;
export type ErasedKind = (typeof ERASED_KINDS)[number];

export const NOTHING_ERASED: Readonly<Erased> = Object.freeze(
  Object.fromEntries(ERASED_KINDS.map((kind) => [kind, 0])) as Erased,
);

/** What stays of a notice: no name, and nothing that a name follows from. Instants are ISO 8601 in UTC. */
export interface DeletionRecord {
  notificationId: string;
  eventDate: string;
  receivedAt: string;
  /** Null: not yet. */
  erasedAt: string | null;
  erased: Erased;
}

/** A notice whose account is not erased completely yet. */
export interface PendingNotice extends DeletionNotice {
  /** ms since the epoch. */
  receivedAt: number;
  /** When the first search through Redis for it began, ms since the epoch; null: none has. */
  lookedAt: number | null;
  erased: Erased;
}

/** How long the record of a notice is kept that found nothing, ms. eBay sends up to 1,500 notices a day to every application. */
const RECORD_MS = 30 * 24 * 3_600_000;
/** Records of notices that found something are kept until there are more of them. */
const MOST_FOUND = 10_000;

/** KEYS: records of the day of the event, pending. ARGV: id, record, life (ms), pending notice. Returns 0 for a known one. */
const RECEIVE = new LuaScript(`
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
return 1`);

/**
 * KEYS: records of the day, pending, records of those that found something (newest first). ARGV: id, record, life (ms), whether
 * it found something, most of these.
 */
const FINISH = new LuaScript(`
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if ARGV[4] == '1' then
  redis.call('LPUSH', KEYS[3], ARGV[2])
  redis.call('LTRIM', KEYS[3], 0, ARGV[5] - 1)
end
return 1`);

/** KEYS: pending. ARGV: id, notice. One that was finished meanwhile stays so. */
const UPDATE = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`);

/**
 * Notices of deleted accounts. `{ebay}:deletions:pending` holds those whose accounts are to be erased, with their names;
 * `{ebay}:deletions:DAY`, by the day of the event, the records of all others for 30 days, and `{ebay}:deletions:found` the records
 * of those that found something.
 */
export class DeletionNotices {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = `${prefix}:deletions:`;
  }

  /** Takes a notice. @returns false for one that was taken before: nothing more is done */
  async receive(notice: DeletionNotice): Promise<boolean> {
    const receivedAt = await this.#now();
    const pending: PendingNotice = { ...notice, receivedAt, lookedAt: null, erased: { ...NOTHING_ERASED } };
    const args = [
      notice.notificationId,
      JSON.stringify(recordOf(pending, null)),
      RECORD_MS,
      JSON.stringify(pending),
    ];
    return (await RECEIVE.run(this.#redis, [this.#dayKey(notice), this.#pendingKey], args)) === 1;
  }

  async pending(): Promise<PendingNotice[]> {
    return Object.values(await this.#redis.hgetall(this.#pendingKey)).flatMap(readPending);
  }

  async countPending(): Promise<number> {
    return this.#redis.hlen(this.#pendingKey);
  }

  /** Notes what was erased so far. */
  async looked(notice: PendingNotice): Promise<void> {
    await UPDATE.run(this.#redis, this.#pendingKey, [notice.notificationId, JSON.stringify(notice)]);
  }

  /** The account is erased: its names go too. */
  async finish(notice: PendingNotice): Promise<void> {
    const record = recordOf(notice, await this.#now());
    const hasFound = Object.values(notice.erased).some((count) => count > 0);
    const keys = [this.#dayKey(notice), this.#pendingKey, this.#foundKey];
    const args = [notice.notificationId, JSON.stringify(record), RECORD_MS, hasFound ? 1 : 0, MOST_FOUND];
    await FINISH.run(this.#redis, keys, args);
  }

  /** Records of notices that found something, newest first. */
  async found(most: number): Promise<DeletionRecord[]> {
    const texts = await this.#redis.lrange(this.#foundKey, 0, most - 1);
    return texts.map((text) => JSON.parse(text) as DeletionRecord);
  }

  /** How many notices of the last 30 days are known, by the day of the event; those not erased yet included. */
  async countRecent(): Promise<number> {
    const today = await this.#now();
    const days = Array.from({ length: RECORD_MS / DAY_MS + 1 }, (_, back) => dayOf(today - back * DAY_MS));
    const reads = this.#redis.pipeline();
    for (const day of days) reads.hlen(this.#prefix + day);
    const replies = (await reads.exec()) ?? [];
    return replies.reduce((sum, [, count]) => sum + (Number(count) || 0), 0);
  }

  #now(): Promise<number> {
    return clockOf(this.#redis, this.#prefix.slice(0, -':deletions:'.length)).current();
  }

  /** Of two notices of the same id the event is the same, so a repeat finds the record. */
  #dayKey({ eventDate }: Pick<DeletionNotice, 'eventDate'>): string {
    const at = Date.parse(eventDate);
    return this.#prefix + (Number.isNaN(at) ? 'undated' : dayOf(at));
  }

  get #pendingKey(): string {
    return `${this.#prefix}pending`;
  }

  get #foundKey(): string {
    return `${this.#prefix}found`;
  }
}

const DAY_MS = 24 * 3_600_000;

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function recordOf(notice: PendingNotice, erasedAt: number | null): DeletionRecord {
  const { notificationId, eventDate, receivedAt, erased } = notice;
  return {
    ...{ notificationId, eventDate, receivedAt: new Date(receivedAt).toISOString() },
    erasedAt: erasedAt === null ? null : new Date(erasedAt).toISOString(),
    erased,
  };
}

function readPending(text: string): PendingNotice[] {
  const notice = parseObject(text);
  return typeof notice?.notificationId === 'string' ? [notice as unknown as PendingNotice] : [];
}

/** The settings that the address of notices needs and that are not set. */
export function missingSettings({
  deletionToken,
  deletionUrl,
}: {
  deletionToken: string;
  deletionUrl: string;
}): string[] {
  return [
    ...(deletionToken === '' ? ['EBAY_DELETION_TOKEN'] : []),
    ...(deletionUrl === '' ? ['EBAY_DELETION_URL'] : []),
  ];
}

/** The topic of these notices; an address may be subscribed to others too. */
export const DELETION_TOPIC = 'MARKETPLACE_ACCOUNT_DELETION';

const LONGEST = 200;

/**
 * A notice from the JSON of a body that eBay has signed.
 * @returns `other`: of another topic; undefined: it is none, or names no account
 */
export function readNotice(body: unknown): DeletionNotice | 'other' | undefined {
  if (!isObject(body) || !isObject(body.metadata)) return undefined;
  if (body.metadata.topic !== DELETION_TOPIC)
    return typeof body.metadata.topic === 'string' ? 'other' : undefined;
  if (!isObject(body.notification) || !isObject(body.notification.data)) return undefined;
  const { notificationId, eventDate, data } = body.notification;
  if (typeof notificationId !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(notificationId)) return undefined;
  const names = [data.username, data.userId, data.eiasToken].map((name) =>
    typeof name === 'string' && name.length <= LONGEST ? name.trim() : '',
  );
  const [username = '', userId = '', eiasToken = ''] = names;
  if (names.join('') === '') return undefined;
  const at = typeof eventDate === 'string' ? Date.parse(eventDate) : Number.NaN;
  return {
    ...{ notificationId, username, userId, eiasToken },
    eventDate: Number.isNaN(at) ? '' : new Date(at).toISOString(),
  };
}
