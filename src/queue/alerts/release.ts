import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { AlertMessage, Hit } from '../../product/alertMessage.ts';
import type { AlertCondition } from '../../product/alertSchema.ts';
import type { ChannelKind } from '../../product/channelSchema.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { storedJson } from '../../redis/storedJson.ts';
import { MOST_HITS } from './channels/sender.ts';
import type { AlertDefinition } from './definition.ts';
import { type AlertDay, releaseNow } from './sendingTimes.ts';
import { AlertStore, type StoredAlert } from './store.ts';

/** What alerts are released with. */
export interface ReleaseContext {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** How long hits wait where no channel is there, ms. */
  waitMs: number;
  /** Makes a channel's messages be sent; one that is being sent already stays. */
  wake: (channel: string) => Promise<void>;
  /** Counts what the daily cap kept back. */
  withheld?: (condition: AlertCondition, hits: number) => void;
}

/** What is kept of an alert's days: the present one, and what does not end with it. */
export interface StoredDay extends AlertDay {
  /** When a condition was last met that is in a message, ms since the epoch; 0: never. */
  lastHit: number;
  /** Hits that were dropped because no channel was there, since there was none. */
  dropped: number;
  /** Messages were made of hits of which some were left: the digest is not whole yet. */
  isPartial: boolean;
}

/** In an alert's list of hits: its first look is over. */
export interface BaselineEntry {
  baseline: string;
  matching: number;
  hits: Hit[];
}

/**
 * Makes messages of hits, all or nothing. KEYS: alerts, hits, day, due, channels, outboxes. ARGV: name; the alert as it was
 * read; its day before (empty: none) and after; hits taken; when to look again where hits are left, and where none are
 * (empty: not at all); then of each outbox its channel, the number of messages, and those. Answers how many hits are left;
 * -1 where something is not as it was read.
 */
const RELEASE = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return -1 end
if (redis.call('HGET', KEYS[3], 'record') or '') ~= ARGV[3] then return -1 end
local taken = tonumber(ARGV[5])
if redis.call('LLEN', KEYS[2]) < taken then return -1 end
local at = 8
for i = 6, #KEYS do
  if redis.call('HEXISTS', KEYS[5], ARGV[at]) == 0 then return -1 end
  at = at + 2 + tonumber(ARGV[at + 1])
end
if taken > 0 then redis.call('LTRIM', KEYS[2], taken, -1) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], 'record', ARGV[4]) end
at = 8
for i = 6, #KEYS do
  local messages = tonumber(ARGV[at + 1])
  for j = at + 2, at + 1 + messages do redis.call('RPUSH', KEYS[i], ARGV[j]) end
  at = at + 2 + messages
end
local left = redis.call('LLEN', KEYS[2])
local due = left > 0 and ARGV[6] or ARGV[7]
if due == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], due, ARGV[1]) end
return left`);

/** Hits of a message at most, see `AlertMessageSchema`. */
const MOST_OF_DIGEST = 500;
/** Messages of one script at most, so that it blocks Redis for a moment only. */
const MESSAGES_AT_ONCE = 500;
/** Hits that wait at most where no channel is there. */
const MOST_WAITING = 1000;
/** How often an alert without a channel is looked at again, ms. */
const LOOK_FOR_CHANNEL_MS = 30_000;
/** Alerts that one round of the duty releases. */
const DUE_AT_ONCE = 500;

/** Releases every alert that is due; one that fails keeps no other from being released. */
export async function releaseDue(context: ReleaseContext, signal: AbortSignal): Promise<void> {
  const { redis, prefix, tenant } = context;
  const { due } = new AlertStore(redis, prefix, tenant).keys;
  const now = await clockOf(redis, prefix).current();
  let failure: unknown;
  for (const name of await redis.zrangebyscore(due, 0, now, 'LIMIT', 0, DUE_AT_ONCE)) {
    if (signal.aborted) return;
    await release(context, name).catch((error) => {
      failure ??= error;
    });
  }
  if (failure !== undefined) throw failure;
}

/**
 * Makes messages of the hits of an alert and puts them in the outboxes of its channels, as quiet hours, digest and
 * daily cap allow it now; says in `due` when to look again. May run in several processes at once.
 * @param at what time it is, ms since the epoch; default: Redis's clock
 */
export async function release(context: ReleaseContext, name: string, at?: number): Promise<void> {
  const store = new AlertStore(context.redis, context.prefix, context.tenant);
  for (;;) {
    const now = at ?? (await clockOf(context.redis, context.prefix).current());
    const alert = await store.get(name);
    if (alert === undefined || alert.record.paused) {
      // `put` and `resume` set it again.
      await context.redis.zrem(store.keys.due, name);
      return;
    }
    const { left, goesOn } = await releaseBatch(context, store, alert, now);
    if (left >= 0 && !(left > 0 && goesOn)) return;
  }
}

async function releaseBatch(context: ReleaseContext, store: AlertStore, alert: StoredAlert, now: number) {
  const { redis } = context;
  const { definition } = alert.record;
  const { keys } = store;
  const { name } = definition;
  const channels = await channelsOf(redis, keys.channels, definition);
  const most = Math.max(20, Math.floor(MESSAGES_AT_ONCE / Math.max(1, channels.length)));
  const [dayText, texts, length] = await Promise.all([
    asHash(redis, keys.day(name), () => redis.hget(keys.day(name), 'record')),
    redis.lrange(keys.hits(name), 0, (channels.length === 0 ? MOST_WAITING : most) - 1),
    redis.llen(keys.hits(name)),
  ]);
  const stored = storedDay(dayText);
  const plan = releaseNow(definition, stored, now);
  const rest = stored ?? NO_DAY;
  const run = async (change: Change) => {
    const { taken, day, whenLeft, whenNone, messages = new Map<string, AlertMessage[]>() } = change;
    const outboxes = [...messages];
    const own = [keys.alerts, keys.hits(name), keys.day(name), keys.due, keys.channels];
    const args = [
      ...[name, alert.text, dayText ?? '', day === undefined ? '' : JSON.stringify(day), taken],
      ...[whenLeft, whenNone ?? ''],
      ...outboxes.flatMap(([channel, all]) => [
        channel,
        all.length,
        ...all.map((each) => JSON.stringify(each)),
      ]),
    ];
    return (await RELEASE.run(
      redis,
      [...own, ...outboxes.map(([channel]) => keys.outbox(channel))],
      args,
    )) as number;
  };
  if (channels.length === 0) {
    const oldest = texts.findIndex((text) => Date.parse(atOf(text)) >= now - context.waitMs);
    const taken = Math.max(length - MOST_WAITING, oldest === -1 ? texts.length : oldest);
    // A day that is over stays: a message says what its cap kept back as soon as a channel is there.
    const day = {
      ...(stored ?? { ...NO_DAY, ...plan.day }),
      dropped: rest.dropped + Math.min(taken, length),
    };
    const again = now + Math.min(LOOK_FOR_CHANNEL_MS, context.waitMs);
    // A new channel makes alerts due that are in `due` at all.
    const whenNone = countOf(rest.withheld) > 0 ? now + context.waitMs : null;
    const change = { taken: Math.min(taken, length), whenLeft: again, whenNone };
    return { left: await run(taken === 0 ? change : { ...change, day }), goesOn: false };
  }
  if (!plan.mayRelease) {
    const due = plan.nextDue ?? now;
    const isOpen = Object.keys(plan.day.withheld).length > 0;
    return { left: await run({ taken: 0, whenLeft: due, whenNone: isOpen ? due : null }), goesOn: false };
  }
  const entries = texts.map((text) => storedJson<Hit | BaselineEntry>(text));
  const baselines = entries.flatMap((each) => (each !== undefined && 'baseline' in each ? [each] : []));
  const hits = entries.flatMap((each) => (each !== undefined && 'on' in each ? [each] : []));
  const sent = hits.slice(0, plan.left);
  const kept = hits.slice(plan.left);
  const base = messageOf(context.tenant, alert, now);
  const messages = new Map(
    channels.map(({ channel, kind }) => [
      channel,
      [
        ...(plan.withheld === null ? [] : [base.withheld(rest.date, plan.withheld)]),
        ...baselines.map((each) => base.baseline(each)),
        ...chunks(sent, mostOf(kind, definition)).map((each) => base.alert(each)),
      ],
    ]),
  );
  const isLast = length <= texts.length;
  const isMade = sent.length + baselines.length > 0 || plan.withheld !== null;
  const isBegun = isMade || rest.isPartial;
  const withheld = { ...plan.day.withheld };
  for (const { on } of kept) withheld[on] = (withheld[on] ?? 0) + 1;
  const day: StoredDay = {
    ...plan.day,
    sent: plan.day.sent + sent.length,
    withheld,
    // A digest is whole before the next one waits.
    lastMessage: isBegun && isLast ? now : plan.day.lastMessage,
    isPartial: isBegun && !isLast,
    lastHit: Math.max(rest.lastHit, ...sent.map((hit) => Date.parse(hit.at))),
    dropped: sent.length > 0 ? 0 : rest.dropped,
  };
  const changes = texts.length > 0 || plan.withheld !== null;
  const following = releaseNow(definition, day, now).nextDue;
  const left = await run({
    taken: texts.length,
    ...(changes && { day }),
    whenLeft: now,
    whenNone: following,
    messages: isMade ? messages : new Map(),
  });
  if (left >= 0) {
    for (const [on, count] of Object.entries(countBy(kept))) context.withheld?.(on as AlertCondition, count);
    if (isMade) await Promise.all(channels.map(({ channel }) => context.wake(channel)));
  }
  return { left, goesOn: true };
}

interface Change {
  /** Hits taken off the list. */
  taken: number;
  /** Undefined: as it was. */
  day?: StoredDay;
  /** When to look again where hits are left, and where none are; null: not at all. ms since the epoch */
  whenLeft: number;
  whenNone: number | null;
  messages?: Map<string, AlertMessage[]>;
}

/** The channels of an alert that are there. */
async function channelsOf(redis: Redis, key: string, { channels }: AlertDefinition) {
  const all = await asHash(redis, key, () => redis.hgetall(key));
  return (channels ?? Object.keys(all).sort()).flatMap((channel) => {
    const kind = storedJson<{ kind: ChannelKind }>(all[channel])?.kind;
    return kind !== undefined && Object.hasOwn(MOST_HITS, kind) ? [{ channel, kind }] : [];
  });
}

function mostOf(kind: ChannelKind, { digest }: AlertDefinition): number {
  return kind === 'webhook' && digest !== undefined ? MOST_OF_DIGEST : MOST_HITS[kind];
}

function messageOf(tenant: string, { record }: StoredAlert, now: number) {
  const { born, definition } = record;
  const { name, track = null, schedule = null, watchlist = null } = definition;
  const common = {
    ...{ v: 1 as const, at: new Date(now).toISOString(), tenant, alert: name },
    ...{ track, schedule, watchlist, hits: [], matching: 0, withheld: {} },
  };
  return {
    alert: (hits: Hit[]): AlertMessage => {
      const [first] = hits;
      const id = hits.length === 1 && first !== undefined ? first.id : idOf(hits.map((hit) => hit.id));
      return { ...common, id, kind: 'alert', hits };
    },
    baseline: ({ baseline, matching, hits }: BaselineEntry): AlertMessage => ({
      ...common,
      ...{ id: idOf([born, 'baseline', baseline]), kind: 'baseline', matching, hits },
    }),
    withheld: (date: string, withheld: AlertDay['withheld']): AlertMessage => ({
      ...common,
      ...{
        id: idOf([born, 'withheld', date]),
        kind: 'withheld',
        withheld: withheld as Record<string, number>,
      },
    }),
  };
}

function idOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < list.length; from += size) parts.push(list.slice(from, from + size));
  return parts;
}

function countOf(withheld: AlertDay['withheld']): number {
  return Object.values(withheld).reduce((total, count) => total + count, 0);
}

function countBy(hits: readonly Hit[]): Partial<Record<AlertCondition, number>> {
  const counts: Partial<Record<AlertCondition, number>> = {};
  for (const { on } of hits) counts[on] = (counts[on] ?? 0) + 1;
  return counts;
}

/** Of a baseline the first of its listings says when it was seen. */
function atOf(text: string): string {
  const entry = storedJson<Hit | BaselineEntry>(text);
  if (entry === undefined) return '';
  return 'at' in entry ? entry.at : (entry.hits[0]?.at ?? '');
}

const NO_DAY: StoredDay = {
  ...{ date: '', sent: 0, withheld: {}, lastMessage: null },
  ...{ lastHit: 0, dropped: 0, isPartial: false },
};

function storedDay(text: string | null | undefined): StoredDay | undefined {
  const day = storedJson<StoredDay>(text);
  return typeof day?.date === 'string' && day.date !== '' ? { ...NO_DAY, ...day } : undefined;
}

/** What was sent and withheld on the present day of an alert. @param fields of its hash */
export function readDay(fields: Record<string, string>, definition: AlertDefinition, now: number): StoredDay {
  const stored = storedDay(fields.record) ?? NO_DAY;
  if (stored.date === '') return stored;
  // In quiet hours a day that is over stays until its message is sent.
  return {
    ...stored,
    ...releaseNow({ ...definition, quiet: undefined, digest: undefined }, stored, now).day,
  };
}
