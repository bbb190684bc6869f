import type { Redis } from 'ioredis';
import type { AlertMessage, Hit } from '../../product/alertMessage.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import { storedJson } from '../../redis/storedJson.ts';
import type { AlertFigures } from '../../telemetry/metrics.ts';
import { type AlertKeys, alertKeys, type CircuitFields, type FailedRecord, type TestRecord } from './keys.ts';

/** What is known of a channel's failures. */
interface Circuit extends CircuitFields {
  /** Failures in a row. */
  failures?: string;
  /** Of the oldest message but tests: its id, how often it was tried, and how often the receiver refused it. */
  head?: string;
  tries?: string;
  attempts?: string;
  /** A message whose sending has begun and has not ended: its id, and how often that was so in a row. */
  begun?: string;
  begins?: string;
}

/** The oldest message of a channel. */
export interface Head {
  /** As it is stored. */
  text: string;
  message: AlertMessage;
  /** Until when nothing is sent, ms since the epoch; 0: at once. */
  until: number;
  failures: number;
  tries: number;
  attempts: number;
}

/** Dead letters of a channel. */
const MOST_FAILED = 10_000;
/** How long the result of a test can be read, ms. */
const TEST_MS = 60_000;

/**
 * Takes a message off, if it is still there: a process that was stopped meanwhile changes nothing. A test may have come before
 * it. KEYS: outbox, circuit, failed. ARGV: the message; when (ms); error (empty: none); its record among the failed (empty: it was
 * delivered, with an error to a part of its receivers); failures of the channel from now on; most failed; their life (ms).
 */
const TAKE = new LuaScript(`
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], 'head', 'tries', 'attempts', 'until', 'begun', 'begins')
redis.call('HSET', KEYS[2], 'failures', ARGV[5])
if ARGV[3] == '' then redis.call('HDEL', KEYS[2], 'error') else redis.call('HSET', KEYS[2], 'error', ARGV[3]) end
if ARGV[4] == '' then
  redis.call('HSET', KEYS[2], 'delivered', ARGV[2])
else
  redis.call('LPUSH', KEYS[3], ARGV[4])
  redis.call('LTRIM', KEYS[3], 0, ARGV[6] - 1)
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
return 1`);

/**
 * Takes a test off and says how it ended. What arrived ends the channel's pause; what did not says nothing of the messages that
 * wait. KEYS: outbox, circuit, test. ARGV: the message; when (ms); error (empty: none); the result and its life (ms); whether it
 * was delivered.
 */
const ANSWER = new LuaScript(`
redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5])
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], 'begun', 'begins')
if ARGV[6] == '1' then
  redis.call('HSET', KEYS[2], 'delivered', ARGV[2], 'failures', 0)
  redis.call('HDEL', KEYS[2], 'error', 'until')
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'error', ARGV[3]) end
return 1`);

/**
 * Notes that the sending of a message begins; answers how often it has begun without an end, this time included. KEYS: outbox,
 * circuit. ARGV: id of the message. Nothing is kept of a channel that was removed.
 */
const BEGIN = new LuaScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
if redis.call('HGET', KEYS[2], 'begun') ~= ARGV[1] then redis.call('HSET', KEYS[2], 'begun', ARGV[1], 'begins', 0) end
return redis.call('HINCRBY', KEYS[2], 'begins', 1)`);

/** KEYS: circuit. ARGV: id of a message whose sending was ended by this process. */
const TAKE_BACK = new LuaScript(`
if redis.call('HGET', KEYS[1], 'begun') ~= ARGV[1] then return 0 end
return redis.call('HINCRBY', KEYS[1], 'begins', -1)`);

/** KEYS: outbox, circuit. ARGV: the message, fields and values in turn. Nothing where it is no longer there. */
const POSTPONE = new LuaScript(`
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[2], 'begun', 'begins')
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1`);

/** KEYS: channels, outbox, circuit. ARGV: channel. Nothing where it is there, as one that was put meanwhile. */
const DROP = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('DEL', KEYS[2], KEYS[3])
return 1`);

/** What waits for a channel, and why. */
export interface ChannelCensus {
  channel: string;
  waiting: number;
  failed: number;
  /** When the oldest message that waits was made, ms since the epoch; undefined: none waits. */
  oldestAt: number | undefined;
  /** Until when nothing is sent, ms since the epoch; 0: it is sent. */
  until: number;
  /** Why the last try failed; undefined: it did not. */
  error: string | undefined;
}

/** What is counted of channels. @param now ms since the epoch */
export function figuresOf(channels: readonly ChannelCensus[], now: number): AlertFigures {
  const sum = (count: (each: ChannelCensus) => number) =>
    channels.reduce((total, each) => total + count(each), 0);
  const paused = sum(({ until }) => (until > now ? 1 : 0));
  return {
    waiting: sum(({ waiting }) => waiting),
    failed: sum(({ failed }) => failed),
    oldestMs: Math.max(0, ...channels.map(({ oldestAt = now }) => now - oldestAt)),
    channels: { ok: channels.length - paused, paused },
  };
}

/** The messages of each channel of a tenant, and what became of them. */
export class Outbox {
  readonly #redis: Redis;
  readonly #keys: AlertKeys;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#keys = alertKeys(prefix, tenant);
  }

  /** Undefined: nothing waits. A test comes before all other messages. @param refused called for what is no message */
  async head(channel: string, refused: (text: string) => void): Promise<Head | undefined> {
    const outbox = this.#keys.outbox(channel);
    for (;;) {
      const [text, circuit] = await Promise.all([
        this.#redis.lindex(outbox, 0),
        this.#redis.hgetall(this.#keys.circuit(channel)) as Promise<Circuit>,
      ]);
      if (text === null) return undefined;
      const message = storedJson<AlertMessage>(text);
      if (isMessage(message)) {
        const isKnown = circuit.head === message.id;
        return {
          text,
          message,
          until: Number(circuit.until ?? 0),
          failures: Number(circuit.failures ?? 0),
          tries: isKnown ? Number(circuit.tries ?? 0) : 0,
          attempts: isKnown ? Number(circuit.attempts ?? 0) : 0,
        };
      }
      refused(text);
      await this.#redis.lrem(outbox, 1, text);
    }
  }

  /** The message with the titles and pictures of its listings, where they are still kept. */
  async withTexts(message: AlertMessage): Promise<AlertMessage> {
    const { hits } = message;
    if (hits.length === 0) return message;
    // The users that we publish may not use MGET.
    const texts = await Promise.all(hits.map(({ id }) => this.#redis.get(this.#keys.texts(id))));
    const full = hits.map((hit, index): Hit => ({ ...hit, ...storedJson<Partial<Hit>>(texts[index]) }));
    return { ...message, hits: full };
  }

  /** Before a message is sent. @returns how often that has begun in a row without an end, this time included */
  async begin(channel: string, { message }: Pick<Head, 'message'>): Promise<number> {
    const keys = [this.#keys.outbox(channel), this.#keys.circuit(channel)];
    return (await BEGIN.run(this.#redis, keys, [message.id])) as number;
  }

  /** It was not sent, and neither its receiver nor its content is the cause. */
  async takeBack(channel: string, { message }: Pick<Head, 'message'>): Promise<void> {
    await TAKE_BACK.run(this.#redis, this.#keys.circuit(channel), [message.id]);
  }

  /** The receiver has it. @param partly what it did not take; empty: it took all */
  async delivered(channel: string, { text, message }: Head, now: number, partly = ''): Promise<void> {
    if (message.kind === 'test')
      await this.#answer(channel, { text, message }, now, { delivered: true, error: partly || null });
    else await TAKE.run(this.#redis, this.#keysOf(channel), [text, now, partly, '', 0, 0, 0]);
  }

  /** It is given up and kept among the failed ones; a test is only answered. @param lifeMs how long it is kept */
  async giveUp(
    channel: string,
    { text, message }: Pick<Head, 'text' | 'message'>,
    change: { now: number; error: string; failures: number; attempts: number; lifeMs: number },
  ): Promise<void> {
    const { now, error, failures, attempts, lifeMs } = change;
    if (message.kind === 'test')
      return this.#answer(channel, { text, message }, now, { delivered: false, error });
    const record: FailedRecord = { message, at: now, error, attempts };
    const args = [text, now, error, JSON.stringify(record), failures, MOST_FAILED, Math.ceil(lifeMs)];
    await TAKE.run(this.#redis, this.#keysOf(channel), args);
  }

  /** Nothing is sent by the channel before `until`, ms since the epoch. */
  async postpone(
    channel: string,
    { text, message }: Head,
    change: { until: number; error: string; failures: number; tries: number; attempts: number },
  ): Promise<void> {
    const fields = Object.entries({ ...change, head: message.id }).flat();
    const keys = [this.#keys.outbox(channel), this.#keys.circuit(channel)];
    await POSTPONE.run(this.#redis, keys, [text, ...fields]);
  }

  /** Drops the messages of a channel that is no longer there; false where it is. */
  async drop(channel: string): Promise<boolean> {
    const { channels, outbox, circuit } = this.#keys;
    return (await DROP.run(this.#redis, [channels, outbox(channel), circuit(channel)], [channel])) === 1;
  }

  async isEmpty(channel: string): Promise<boolean> {
    return (await this.#redis.llen(this.#keys.outbox(channel))) === 0;
  }

  /** Names of the channels that have messages. */
  async waiting(): Promise<string[]> {
    const names = await this.#names();
    const lengths = await Promise.all(names.map((name) => this.#redis.llen(this.#keys.outbox(name))));
    return names.filter((_, index) => (lengths[index] as number) > 0);
  }

  /** All channels, by name. */
  async census(): Promise<ChannelCensus[]> {
    const { outbox, failed, circuit } = this.#keys;
    return Promise.all(
      (await this.#names()).sort().map(async (channel) => {
        const [waiting, head, lost, [until, error]] = await Promise.all([
          this.#redis.llen(outbox(channel)),
          this.#redis.lindex(outbox(channel), 0),
          this.#redis.llen(failed(channel)),
          this.#redis.hmget(circuit(channel), 'until', 'error'),
        ]);
        const at = Date.parse(storedJson<AlertMessage>(head)?.at ?? '');
        return {
          ...{ channel, waiting, failed: lost, until: Number(until ?? 0), error: error ?? undefined },
          oldestAt: Number.isNaN(at) ? undefined : at,
        };
      }),
    );
  }

  #names(): Promise<string[]> {
    return asHash(this.#redis, this.#keys.channels, () => this.#redis.hkeys(this.#keys.channels));
  }

  async #answer(
    channel: string,
    { text, message }: Pick<Head, 'text' | 'message'>,
    now: number,
    result: TestRecord,
  ): Promise<void> {
    const { outbox, circuit, test } = this.#keys;
    const keys = [outbox(channel), circuit(channel), test(message.id)];
    const { delivered, error } = result;
    const own = [JSON.stringify(result), TEST_MS, delivered ? 1 : 0];
    await ANSWER.run(this.#redis, keys, [text, now, error ?? '', ...own]);
  }

  #keysOf(channel: string): string[] {
    const { outbox, circuit, failed } = this.#keys;
    return [outbox(channel), circuit(channel), failed(channel)];
  }
}

/** Any program that may write to Redis could have made it; nobody can send anything else. */
function isMessage(message: AlertMessage | undefined): message is AlertMessage {
  return (
    typeof message?.id === 'string' &&
    typeof message.at === 'string' &&
    Array.isArray(message.hits) &&
    message.hits.every((hit) => typeof hit?.id === 'string')
  );
}

/** A message that could not be delivered; undefined for what another program has put among them. */
export function readFailed(text: string): FailedRecord | undefined {
  const record = storedJson<FailedRecord>(text);
  return record && isMessage(record.message) && isInstant(record.at) ? record : undefined;
}

function isInstant(ms: number): boolean {
  return typeof ms === 'number' && !Number.isNaN(new Date(ms).getTime());
}
