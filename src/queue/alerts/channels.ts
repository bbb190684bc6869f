import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { EncryptionKey } from '../../config/checks.ts';
import { Failure } from '../../failures.ts';
import type { AlertMessage } from '../../product/alertMessage.ts';
import type { Channel, ChannelKind } from '../../product/channelSchema.ts';
import { cut } from '../../product/schemaErrors.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { isSealed, seal, unseal } from '../../redis/sealing.ts';
import { withinDeadline } from '../bullmq/queues.ts';
import { invalid } from '../search/jobData.ts';
import { hostOf, parseChannel, secretsOfChannel } from './channels/definition.ts';
import { DeliveryError, type OpenChannel } from './channels/sender.ts';
import { alertKeys, type CircuitFields, type TestRecord } from './keys.ts';
import { readFailed } from './outbox.ts';

/*
 * What callers use (HTTP, CLI, library):
 *
 *   new Channels({ redis, prefix, tenant, encryptionKeys, isAllowed, secretOverlapMs, deadlineMs, wake, learn })
 *   put(channel)                adds a channel, or replaces the one of that name
 *   get(name), list()           reports, without secrets
 *   rotate(name)                another secret of a webhook; the former one signs too for a while
 *   test(name, { timeoutMs })   sends a test message and waits until it is delivered
 *   tested(name, id)            how a test ended, for a minute
 *   failed(name, { limit }), retryFailed(name)   messages that could not be delivered; sends them again
 *   remove(name)                the channel and every message for it
 *   open(name)                  the channel with its secrets, for the process that sends
 *
 * Failures: `invalid_request` (detail.errors: path, code, message), `channel_not_found`, `redis-unavailable`.
 */

export interface ChannelsOptions {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** TOKEN_ENCRYPTION_KEYS: the first one seals, each of them opens; none: channels are kept as plain JSON. */
  encryptionKeys: readonly EncryptionKey[];
  /** Whether OUTBOUND_ALLOW names a host. */
  isAllowed: (host: string) => boolean;
  /** CHANNEL_SECRET_OVERLAP: how long the former secret of a webhook signs too, ms. */
  secretOverlapMs: number;
  /** Longest wait for Redis in any call, ms. */
  deadlineMs: number;
  /** Makes the channel's messages be sent now, also where it waits for its next try. */
  wake: (channel: string) => Promise<void>;
  /** Is given every secret that is read or written: the scrubber masks it. */
  learn?: ((secrets: string[]) => void) | undefined;
}

/** A channel without its secrets, and its state. Instants are ISO 8601 in UTC. */
export interface ChannelReport {
  name: string;
  kind: ChannelKind;
  /** Host of its address; of e-mail the domains of the addresses. */
  host: string;
  createdAt: string;
  /** `paused`: it failed several times in a row, or asked for a pause; the next try is at `pausedUntil`. */
  state: 'ok' | 'paused';
  pausedUntil: string | null;
  /** Why the last try failed; null: it did not. */
  lastError: string | null;
  lastDelivered: string | null;
  /** Messages that wait to be sent. */
  waiting: number;
  /** Messages that could not be delivered, see `failed`. */
  failed: number;
  /** Until when the former secret of a webhook signs too; null: it does not. */
  formerSecretUntil: string | null;
}

/** What `put` answers: of a webhook for which a secret was made, that secret; it is never shown again. */
export type PutChannel = ChannelReport & { secret?: string };

/** How a test ended. */
export interface ChannelTest {
  delivered: boolean;
  /** Why not; null: it was delivered. */
  error: string | null;
}

/** A message that could not be delivered. */
export interface FailedMessage {
  channel: string;
  id: string;
  kind: AlertMessage['kind'];
  alert: string;
  /** Item ids of its hits. */
  items: string[];
  /** When it was given up. */
  at: string;
  /** Why. */
  error: string;
  attempts: number;
}

/** A channel as it is stored. What stands beside `sealed` may be read without a key. */
interface StoredChannel {
  kind: ChannelKind;
  host: string;
  /** ms since the epoch. */
  createdAt: number;
  /** Of the former secret; absent: there is none. ms since the epoch. */
  formerUntil?: number | undefined;
  /** JSON of an OpenChannel, plain or as a JWE that is bound to the tenant and the channel's name. */
  sealed: string;
}

/** Channels of one tenant. */
export const MAX_CHANNELS = 100;

/**
 * KEYS: channels, outbox, circuit, failed, due. ARGV: name, the channel as it was read (empty: none), and as it is now, most
 * channels. A new channel begins without what another one of its name left; a changed one without its failures. Alerts may
 * have waited for a new channel: the fleet's duty looks at them at once.
 */
const SET = new LuaScript(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[2] == '' then
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
  redis.call('DEL', KEYS[2], KEYS[4])
  for _, alert in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do redis.call('ZADD', KEYS[5], 0, alert) end
end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`);

/** KEYS: channels, outbox, circuit, failed. ARGV: name. */
const REMOVE = new LuaScript(`
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return 1`);

/** KEYS: channels, outbox. ARGV: name, message. */
const ADD = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('LPUSH', KEYS[2], ARGV[2])`);

/**
 * KEYS: channels, outbox, failed, circuit. ARGV: name, then of each message its record among the failed, and the message. The
 * channel's pause ends: what is sent again is tried at once.
 */
const RETRY = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local moved = 0
for i = 2, #ARGV, 2 do
  if redis.call('LREM', KEYS[3], -1, ARGV[i]) > 0 then
    redis.call('RPUSH', KEYS[2], ARGV[i + 1])
    moved = moved + 1
  end
end
if moved > 0 then redis.call('HDEL', KEYS[4], 'until') end
return moved`);

const TEST_TIMEOUT_MS = 15_000;
/** Looked for at the beginning of an outbox, where tests are. */
const MOST_TESTS = 20;
/** A person does not notice this interval. */
const POLL_MS = 100;
const RETRIED_AT_ONCE = 200;
/** A walk through the messages of all channels takes many commands. */
const LONG_DEADLINES = 15;

/** Where the alerts of one tenant are sent. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #keys: ReturnType<typeof alertKeys>;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#keys = alertKeys(options.prefix, options.tenant);
  }

  /**
   * Adds a channel or replaces the one of that name; its messages stay. A webhook without a secret keeps the one that it has;
   * a new one gets one of 32 random bytes, which the answer shows.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`)
   */
  put(channel: Channel): Promise<PutChannel> {
    return this.#call(async () => {
      const parsed = await parseChannel(channel, this.#options);
      if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
      const { name } = parsed.channel;
      const now = await clockOf(this.#options.redis).current();
      for (;;) {
        const text = await this.#text(name);
        const before = readStored(text);
        const known = before && (await this.#opened(name, before).catch(() => undefined));
        const { opened, secret } = withSecret(parsed.channel, known);
        const stored: StoredChannel = {
          kind: opened.kind,
          host: hostOf(opened),
          createdAt: before?.createdAt ?? now,
          ...('formerSecret' in opened ? { formerUntil: before?.formerUntil } : {}),
          sealed: await this.#sealed(opened),
        };
        if (!(await this.#write(name, text, stored))) continue;
        // The channel is stored, and a secret that was made is shown only here. The fleet's duty wakes channels too.
        await this.#options.wake(name).catch(() => undefined);
        return { ...(await this.#report(name, stored)), ...(secret === undefined ? {} : { secret }) };
      }
    });
  }

  /** @throws Failure `invalid_request` as `put` would throw for this channel */
  async check(channel: Channel): Promise<void> {
    const parsed = await parseChannel(channel, this.#options);
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
  }

  /** @throws Failure `channel_not_found` */
  get(name: string): Promise<ChannelReport> {
    return this.#call(async () => this.#report(name, (await this.#required(name)).stored));
  }

  /** All channels, by name. */
  list(): Promise<ChannelReport[]> {
    return this.#call(async () => {
      const all = await asHash(this.#options.redis, this.#keys.channels, () =>
        this.#options.redis.hgetall(this.#keys.channels),
      );
      const names = Object.keys(all).sort();
      const found = names.map((name) => ({ name, stored: readStored(all[name] as string) }));
      return Promise.all(
        found.flatMap(({ name, stored }) => (stored === undefined ? [] : [this.#report(name, stored)])),
      );
    });
  }

  /** The channel, messages that wait and messages that failed. A message that is being sent may still arrive. */
  remove(name: string): Promise<void> {
    return this.#call(async () => {
      if ((await REMOVE.run(this.#options.redis, this.#keysOf(name), [name])) === 0) throw notFound(name);
    });
  }

  /**
   * Gives a webhook another secret, which is shown only here. The former one signs too for CHANNEL_SECRET_OVERLAP.
   * @throws Failure `channel_not_found`; `invalid_request` for another kind of channel
   */
  rotate(name: string): Promise<{ secret: string; formerSecretUntil: string }> {
    return this.#call(async () => {
      const { redis, secretOverlapMs } = this.#options;
      for (;;) {
        const { text, stored } = await this.#required(name);
        const opened = await this.#opened(name, stored).catch(({ message }: Error) => {
          throw invalid('invalid_request', [{ path: 'name', code: 'sealed', message }]);
        });
        if (opened.kind !== 'webhook')
          throw invalid('invalid_request', [
            {
              path: 'name',
              code: 'no_secret',
              message: `${name} is no webhook: put the channel with its new secret`,
            },
          ]);
        const formerUntil = (await clockOf(redis).current()) + secretOverlapMs;
        const secret = newSecret();
        const changed: OpenChannel<'webhook'> = { ...opened, secret };
        if (opened.secret !== undefined) changed.formerSecret = opened.secret;
        const after = { ...stored, formerUntil, sealed: await this.#sealed(changed) };
        if (await this.#write(name, text, after))
          return { secret, formerSecretUntil: new Date(formerUntil).toISOString() };
      }
    });
  }

  /**
   * Sends a test message and waits until a worker has tried to deliver it. It goes before the messages that wait, also while
   * the channel pauses.
   * @param options.timeoutMs longest wait; default 15,000 @param options.signal ends the wait
   * @param options.id of the message, by which `tested` finds it
   */
  async test(
    name: string,
    {
      timeoutMs = TEST_TIMEOUT_MS,
      signal,
      id = newTestId(),
    }: { timeoutMs?: number | undefined; signal?: AbortSignal; id?: string } = {},
  ): Promise<ChannelTest> {
    const { redis, tenant, wake } = this.#options;
    await this.#call(async () => {
      const at = new Date(await clockOf(redis).current()).toISOString();
      const message: AlertMessage = {
        ...{ v: 1, id, kind: 'test', at, tenant, alert: '' },
        ...{ track: null, schedule: null, watchlist: null, hits: [], matching: 0, withheld: {} },
      };
      const { channels, outbox } = this.#keys;
      const added = await ADD.run(redis, [channels, outbox(name)], [name, JSON.stringify(message)]);
      if (added === 0) throw notFound(name);
      await wake(name);
    });
    const giveUpAt = performance.now() + timeoutMs;
    for (;;) {
      const ended = await this.#testEnd(id);
      if (ended !== undefined) return ended;
      if (performance.now() >= giveUpAt) break;
      if (signal?.aborted) return { delivered: false, error: 'nobody waits for its end any more' };
      await sleep(POLL_MS);
    }
    const why = await this.#whyNotYet(name);
    return { delivered: false, error: `not delivered within ${timeoutMs / 1000} s: ${why}` };
  }

  /**
   * How a test message ended, or that it still waits. Undefined: it ended more than a minute ago, or there was none.
   * @param id as it was given to `test`
   */
  async tested(name: string, id: string): Promise<ChannelTest | undefined> {
    const waiting = await this.#call(() =>
      this.#options.redis.lrange(this.#keys.outbox(name), 0, MOST_TESTS),
    );
    // Read after what waits: between the two it may end.
    const ended = await this.#testEnd(id);
    if (ended !== undefined || !waiting.some((text) => text.includes(id))) return ended;
    return { delivered: false, error: `not delivered yet: ${await this.#whyNotYet(name)}` };
  }

  async #testEnd(id: string): Promise<ChannelTest | undefined> {
    const text = await this.#call(() => this.#options.redis.get(this.#keys.test(id)));
    if (text === null) return undefined;
    const { delivered, error }: TestRecord = JSON.parse(text);
    return { delivered, error };
  }

  async #whyNotYet(name: string): Promise<string> {
    return (await this.get(name)).lastError ?? 'no worker has taken it: is one running?';
  }

  /**
   * Messages that could not be delivered, newest first of each channel.
   * @param name default: of every channel @param options.limit default 100
   */
  failed(name?: string, { limit = 100 }: { limit?: number | undefined } = {}): Promise<FailedMessage[]> {
    return this.#call(async () => {
      const found: FailedMessage[] = [];
      for (const channel of await this.#names(name)) {
        const texts = await this.#options.redis.lrange(this.#keys.failed(channel), 0, limit - 1);
        for (const { message, at, error, attempts } of texts.flatMap((text) => readFailed(text) ?? [])) {
          const items = message.hits.map(({ itemId }) => itemId);
          const { id, kind, alert } = message;
          found.push({ channel, id, kind, alert, items, at: new Date(at).toISOString(), error, attempts });
        }
      }
      return found.sort((a, b) => b.at.localeCompare(a.at)).slice(0, limit);
    }, LONG_DEADLINES);
  }

  /**
   * Sends messages that could not be delivered again, oldest first, behind what waits, and ends the pauses of their channels.
   * @param name default: of every channel @returns how many
   */
  retryFailed(name?: string): Promise<number> {
    return this.#call(async () => {
      const { redis, wake } = this.#options;
      const { channels, outbox, failed, circuit } = this.#keys;
      let total = 0;
      for (const channel of await this.#names(name)) {
        const keys = [channels, outbox(channel), failed(channel), circuit(channel)];
        for (;;) {
          // The oldest stand at the end.
          const texts = (await redis.lrange(failed(channel), -RETRIED_AT_ONCE, -1)).reverse();
          if (texts.length === 0) break;
          const [records, foreign] = [[] as string[], [] as string[]];
          for (const text of texts) {
            const record = readFailed(text);
            if (record === undefined) foreign.push(text);
            else records.push(text, JSON.stringify(record.message));
          }
          const moved = Number(await RETRY.run(redis, keys, [channel, ...records]));
          total += moved;
          // Otherwise they would keep those before them from being read.
          for (const text of foreign) await redis.lrem(failed(channel), -1, text);
          // Another process moves them too.
          if (moved < records.length / 2 || texts.length < RETRIED_AT_ONCE) break;
        }
        await wake(channel);
      }
      return total;
    }, LONG_DEADLINES);
  }

  /**
   * The channel with its secrets; the former secret only while it signs. Undefined: there is no such channel.
   * @throws DeliveryError where this process cannot open it
   */
  async open(name: string): Promise<OpenChannel | undefined> {
    const found = await this.#read(name);
    if (found === undefined) return undefined;
    const opened = await this.#opened(name, found.stored);
    if (opened.kind !== 'webhook' || opened.formerSecret === undefined) return opened;
    const { formerSecret: _, ...current } = opened;
    const now = await clockOf(this.#options.redis).current();
    return now < (found.stored.formerUntil ?? 0) ? opened : current;
  }

  async #opened(name: string, { sealed }: StoredChannel): Promise<OpenChannel> {
    const { encryptionKeys, learn } = this.#options;
    const refuse = (why: string) =>
      new DeliveryError(`the channel cannot be opened: ${why}`, { fault: 'channel' });
    const wasSealed = isSealed(sealed);
    // Any program that may write to Redis could have made it.
    if (!wasSealed && encryptionKeys.length > 0)
      throw refuse('it is in the clear, and TOKEN_ENCRYPTION_KEYS is set; put it again');
    if (wasSealed && encryptionKeys.length === 0)
      throw refuse('it is encrypted, and this process has no TOKEN_ENCRYPTION_KEYS');
    const text = wasSealed ? await unseal(sealed, encryptionKeys, this.#binding(name)) : sealed;
    if (text === undefined)
      throw refuse(
        'no key of TOKEN_ENCRYPTION_KEYS opens it; keep the former key in the list, or put it again',
      );
    const opened = JSON.parse(text) as OpenChannel;
    learn?.(secretsOfChannel(opened));
    return opened;
  }

  #sealed(opened: OpenChannel): Promise<string> {
    this.#options.learn?.(secretsOfChannel(opened));
    return seal(JSON.stringify(opened), this.#options.encryptionKeys[0], this.#binding(opened.name));
  }

  #binding(name: string) {
    return { tenant: this.#options.tenant, channel: name };
  }

  #keysOf(name: string): string[] {
    const { channels, outbox, circuit, failed } = this.#keys;
    return [channels, outbox(name), circuit(name), failed(name)];
  }

  /** False: another process has changed it meanwhile. */
  async #write(name: string, before: string, after: StoredChannel): Promise<boolean> {
    const args = [name, before, JSON.stringify(after), MAX_CHANNELS];
    const keys = [...this.#keysOf(name), this.#keys.due];
    const written = await SET.run(this.#options.redis, keys, args);
    if (written === -1)
      throw invalid('invalid_request', [
        { path: 'name', code: 'too_many', message: `there are ${MAX_CHANNELS} channels, which are the most` },
      ]);
    return written === 1;
  }

  /** Empty: there is none. */
  async #text(name: string): Promise<string> {
    const { redis } = this.#options;
    return (await asHash(redis, this.#keys.channels, () => redis.hget(this.#keys.channels, name))) ?? '';
  }

  async #read(name: string): Promise<{ text: string; stored: StoredChannel } | undefined> {
    const text = await this.#text(name);
    const stored = readStored(text);
    return stored && { text, stored };
  }

  async #required(name: string) {
    const found = await this.#read(name);
    if (found === undefined) throw notFound(name);
    return found;
  }

  async #report(name: string, { kind, host, createdAt, formerUntil }: StoredChannel): Promise<ChannelReport> {
    const { redis } = this.#options;
    const [now, circuit, waiting, failed] = await Promise.all([
      clockOf(redis).current(),
      redis.hgetall(this.#keys.circuit(name)) as Promise<CircuitFields>,
      redis.llen(this.#keys.outbox(name)),
      redis.llen(this.#keys.failed(name)),
    ]);
    const instant = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
    const until = Number(circuit.until ?? 0);
    return {
      name,
      kind,
      host,
      createdAt: new Date(createdAt).toISOString(),
      state: until > now ? 'paused' : 'ok',
      pausedUntil: until > now ? instant(until) : null,
      lastError: circuit.error ?? null,
      lastDelivered: circuit.delivered === undefined ? null : instant(Number(circuit.delivered)),
      waiting,
      failed,
      formerSecretUntil: instant(formerUntil !== undefined && formerUntil > now ? formerUntil : undefined),
    };
  }

  /** Of one channel, or of all. @throws Failure `channel_not_found` */
  async #names(name: string | undefined): Promise<string[]> {
    if (name === undefined) return (await this.#options.redis.hkeys(this.#keys.channels)).sort();
    await this.#required(name);
    return [name];
  }

  #call<T>(work: () => Promise<T>, deadlines = 1): Promise<T> {
    return withinDeadline(work(), deadlines * this.#options.deadlineMs);
  }
}

/** Undefined for nothing, and for what another program has put there. */
function readStored(text: string): StoredChannel | undefined {
  try {
    const stored: Partial<StoredChannel> | null = JSON.parse(text);
    return typeof stored?.sealed === 'string' ? (stored as StoredChannel) : undefined;
  } catch {
    return undefined;
  }
}

function notFound(name: string): Failure {
  return new Failure('channel_not_found', `there is no channel ${cut(name, 60)}`);
}

const SECRET_BYTES = 32;

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** A webhook that names no secret keeps its present ones, so that putting the same channel twice changes nothing. */
function withSecret(
  channel: Channel,
  known: OpenChannel | undefined,
): { opened: OpenChannel; secret?: string } {
  if (channel.kind !== 'webhook' || channel.secret !== undefined) return { opened: channel };
  if (known?.kind !== 'webhook' || known.secret === undefined) {
    const secret = newSecret();
    return { opened: { ...channel, secret }, secret };
  }
  const { secret, formerSecret } = known;
  return { opened: { ...channel, secret, ...(formerSecret === undefined ? {} : { formerSecret }) } };
}

/** An id for a test message. */
export function newTestId(): string {
  return randomBytes(16).toString('hex');
}
