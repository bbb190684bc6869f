import type { Redis } from 'ioredis';
import type { AlertMessage, Hit } from '../../product/alertMessage.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { type AlertKeys, alertKeys, type CircuitFields, type FailedRecord, type TestRecord } from './keys.ts';
import { parsed } from './store.ts';

/** What is known of a channel's failures. */
interface Circuit extends CircuitFields {
  /** Failures in a row. */
  failures?: string;
  /** Of the head: its id, how often it was tried, and how often the receiver refused it. */
  head?: string;
  tries?: string;
  attempts?: string;
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
 * Takes a message off, if it is still the head. KEYS: outbox, circuit, failed, test. ARGV: the message; when (ms); error
 * (empty: delivered); its record among the failed (empty: none); failures of the channel from now on; most failed; their life
 * (ms); result of a test (empty: it is none) and its life (ms).
 */
const TAKE = new LuaScript(`
if ARGV[8] ~= '' then redis.call('SET', KEYS[4], ARGV[8], 'PX', ARGV[9]) end
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return 0 end
redis.call('LPOP', KEYS[1])
redis.call('HDEL', KEYS[2], 'head', 'tries', 'attempts', 'until')
redis.call('HSET', KEYS[2], 'failures', ARGV[5])
if ARGV[3] == '' then
  redis.call('HSET', KEYS[2], 'delivered', ARGV[2])
  redis.call('HDEL', KEYS[2], 'error')
else
  redis.call('HSET', KEYS[2], 'error', ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('LPUSH', KEYS[3], ARGV[4])
  redis.call('LTRIM', KEYS[3], 0, ARGV[6] - 1)
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
return 1`);

/** KEYS: outbox, circuit. ARGV: the message, fields and values in turn. Nothing where it is no longer the head. */
const POSTPONE = new LuaScript(`
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1`);

/** The messages of each channel of a tenant, and what became of them. */
export class Outbox {
  readonly #redis: Redis;
  readonly #keys: AlertKeys;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#keys = alertKeys(prefix, tenant);
  }

  /** Undefined: nothing waits. */
  async head(channel: string): Promise<Head | undefined> {
    const outbox = this.#keys.outbox(channel);
    for (;;) {
      const [text, circuit] = await Promise.all([
        this.#redis.lindex(outbox, 0),
        this.#redis.hgetall(this.#keys.circuit(channel)) as Promise<Circuit>,
      ]);
      if (text === null) return undefined;
      const message = parsed<AlertMessage>(text);
      if (message !== undefined && Array.isArray(message.hits) && typeof message.id === 'string') {
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
      // Another program wrote it: nobody can send it.
      await this.#redis.lrem(outbox, 1, text);
    }
  }

  /** The message with the titles and pictures of its listings, where they are still kept. */
  async withTexts(message: AlertMessage): Promise<AlertMessage> {
    const { hits } = message;
    if (hits.length === 0) return message;
    // The users that we publish may not use MGET.
    const texts = await Promise.all(hits.map(({ id }) => this.#redis.get(this.#keys.texts(id))));
    const full = hits.map((hit, index): Hit => ({ ...hit, ...parsed<Partial<Hit>>(texts[index]) }));
    return { ...message, hits: full };
  }

  /** The receiver has it. False: it was no longer the head. */
  async delivered(channel: string, { text, message }: Head, now: number): Promise<boolean> {
    const test: TestRecord = { delivered: true, error: null };
    const keys = this.#keysOf(channel, message);
    const result = message.kind === 'test' ? JSON.stringify(test) : '';
    return (await TAKE.run(this.#redis, keys, [text, now, '', '', 0, 0, 0, result, TEST_MS])) === 1;
  }

  /** It is given up and kept among the failed ones; a test is only answered. @param lifeMs how long it is kept */
  async giveUp(
    channel: string,
    { text, message, attempts }: Head,
    { now, error, failures, lifeMs }: { now: number; error: string; failures: number; lifeMs: number },
  ): Promise<void> {
    const isTest = message.kind === 'test';
    const record: FailedRecord = { message, at: now, error, attempts: attempts + 1 };
    const test: TestRecord = { delivered: false, error };
    await TAKE.run(this.#redis, this.#keysOf(channel, message), [
      ...[text, now, error, isTest ? '' : JSON.stringify(record), failures, MOST_FAILED, Math.ceil(lifeMs)],
      ...[isTest ? JSON.stringify(test) : '', TEST_MS],
    ]);
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

  /** The messages of a channel that is no longer there. */
  async drop(channel: string): Promise<void> {
    await this.#redis.del(this.#keys.outbox(channel), this.#keys.circuit(channel));
  }

  async isEmpty(channel: string): Promise<boolean> {
    return (await this.#redis.llen(this.#keys.outbox(channel))) === 0;
  }

  /** Names of the channels that have messages. */
  async waiting(): Promise<string[]> {
    const names = await this.#redis.hkeys(this.#keys.channels);
    const lengths = await Promise.all(names.map((name) => this.#redis.llen(this.#keys.outbox(name))));
    return names.filter((_, index) => (lengths[index] as number) > 0);
  }

  #keysOf(channel: string, { id }: AlertMessage): string[] {
    const { outbox, circuit, failed, test } = this.#keys;
    return [outbox(channel), circuit(channel), failed(channel), test(id)];
  }
}
