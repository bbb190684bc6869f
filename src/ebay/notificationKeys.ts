import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { AxiosInstance } from 'axios';
import type { Redis } from 'ioredis';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { asFailure, Failure } from '../failures.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import { parseObject, readAnswer } from './answer.ts';
import type { TokenSource } from './http.ts';
import { pacificDay, pacificDayEnd } from './pacificDay.ts';
import { axiosClient, closeAxios, Deadline, networkFailure, plainGet } from './transport.ts';

export interface NotificationKeysOptions {
  redis: Redis;
  prefix: string;
  config: Pick<Config, 'ebay'>;
  tokens: Pick<TokenSource, 'getAccessToken'>;
  /** Why this process cannot ask eBay, if it cannot. */
  unavailableReason?: string | undefined;
  log?: Logger;
}

/** What the header `X-EBAY-SIGNATURE` holds. */
export interface NoticeSignature {
  /** Names the key that it was made with. */
  kid: string;
  signature: Buffer;
}

/** The longest header that is read; eBay's have about 250 characters. */
const LONGEST_HEADER = 2000;

/** @returns undefined for what is no signature of eBay's */
export function readSignature(header: string): NoticeSignature | undefined {
  if (header.length > LONGEST_HEADER || !BASE64.test(header)) return undefined;
  const fields = parseObject(Buffer.from(header, 'base64').toString('utf8'));
  const { alg, kid, signature } = fields ?? {};
  if (typeof alg !== 'string' || alg.toLowerCase() !== 'ecdsa') return undefined;
  // It becomes part of an address and of a key.
  if (typeof kid !== 'string' || !/^[\w-]{1,64}$/.test(kid)) return undefined;
  if (typeof signature !== 'string' || !BASE64.test(signature)) return undefined;
  return { kid, signature: Buffer.from(signature, 'base64') };
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** As eBay's answer names them. */
const DIGESTS: Readonly<Record<string, string>> = { SHA1: 'sha1', SHA256: 'sha256' };

/** A key as it is stored; `key` is null where eBay has none of this id. */
interface Kept {
  /** When eBay said so, ms since the epoch. */
  at: number;
  /** DER in Base64. */
  key: string | null;
  digest: string;
}

const PUBLIC_KEY = '/commerce/notification/v1/public_key';
/** eBay asks that keys are kept for an hour rather than asked for with each notice. */
const NEW_MS = 3_600_000;
/** An older one is used while eBay does not answer. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** How long it counts that eBay has no such key. */
const NONE_MS = 600_000;
/**
 * Anyone may send notices with made-up key ids, each of which costs a call. This API has 10,000 a day. Beyond these limits a
 * notice whose key is not known is put off; keys that are known go on to be used.
 */
const CALLS_A_MINUTE = 5;
const CALLS_A_DAY = 2000;

const NOT_FOUND = [400, 404];

/**
 * eBay's public keys for notices, from its Notification API, kept in Redis for all processes. Its calls are no Browse calls:
 * they do not pass the call gate, and have limits of their own.
 */
export class NotificationKeys {
  readonly #options: NotificationKeysOptions;
  readonly #log: Logger;
  readonly #asked = new Map<string, Promise<Kept>>();
  #axios: AxiosInstance | undefined;

  constructor(options: NotificationKeysOptions) {
    this.#options = options;
    this.#log = options.log ?? NOOP_LOGGER;
  }

  /**
   * Whether these bytes were signed by eBay. False also where eBay has no such key.
   * @throws Failure where the key is not known and eBay does not say it now
   */
  async hasSigned(body: Buffer, { kid, signature }: NoticeSignature): Promise<boolean> {
    const { key, digest } = await this.#key(kid);
    return key !== null && verify(digest, body, publicKey(key), signature);
  }

  close(): void {
    if (this.#axios !== undefined) closeAxios(this.#axios);
  }

  async #key(kid: string): Promise<Kept> {
    const kept = await this.#read(kid);
    if (kept !== undefined && this.#isNew(kept)) return kept;
    const asked = this.#asked.get(kid) ?? this.#ask(kid);
    this.#asked.set(kid, asked);
    try {
      return await asked;
    } catch (error) {
      if (kept !== undefined && kept.key !== null) return kept;
      throw error;
    } finally {
      this.#asked.delete(kid);
    }
  }

  async #ask(kid: string): Promise<Kept> {
    const { redis, unavailableReason } = this.#options;
    if (unavailableReason !== undefined)
      throw new Failure('credential-refused', `this process cannot ask eBay for a key: ${unavailableReason}`);
    await this.#count();
    const found = await this.#call(kid).catch((thrown) => {
      const failure = asFailure(thrown);
      const { status = 0, errorId } = failure.detail;
      // Without an error id, something on the way to eBay answered.
      if (NOT_FOUND.includes(status) && errorId !== undefined) return { key: null, digest: '' };
      this.#log.warn('key of notices not read', { code: failure.code, reason: failure.message });
      throw failure;
    });
    const kept: Kept = { at: await this.#now(), ...found };
    const lifeMs = kept.key === null ? NONE_MS : KEPT_MS;
    await redis.set(this.#name(kid), JSON.stringify(kept), 'PX', lifeMs);
    return kept;
  }

  async #call(kid: string): Promise<Omit<Kept, 'at'>> {
    const { config, tokens } = this.#options;
    const token = await tokens.getAccessToken();
    this.#axios ??= axiosClient(apiOrigin(config.ebay), config.ebay);
    const deadline = new Deadline(undefined);
    try {
      deadline.start(config.ebay.callTimeout * 1000);
      const answer = await plainGet(this.#axios, `${PUBLIC_KEY}/${kid}`, {
        token,
        template: `${PUBLIC_KEY}/{public_key_id}`,
        signal: deadline.signal,
      });
      const reading = readAnswer(answer, 'public-key');
      if (reading.is === 'body') return readKey(reading.body);
      if (reading.is === 'failure') throw reading.failure;
      const [code, what] =
        reading.is === 'throttled'
          ? (['ebay-throttled', 'throttles its Notification API'] as const)
          : (['token-refused', 'refused the token for its Notification API'] as const);
      throw new Failure(code, `eBay ${what}`);
    } catch (error) {
      throw networkFailure(error, deadline);
    } finally {
      deadline.close();
    }
  }

  /** @throws Failure where the calls of the minute or the day are made */
  async #count(): Promise<void> {
    const now = await this.#now();
    const minuteEnd = (Math.floor(now / 60_000) + 1) * 60_000;
    const dayEnd = pacificDayEnd(now);
    // Those that the minute refuses do not count towards the day.
    await this.#countIn(`minute:${minuteEnd}`, CALLS_A_MINUTE, minuteEnd);
    await this.#countIn(`day:${pacificDay(now)}`, CALLS_A_DAY, dayEnd);
  }

  async #countIn(span: string, most: number, until: number): Promise<void> {
    const key = this.#name(`calls:${span}`);
    const replies = await this.#options.redis
      .multi()
      .incr(key)
      .pexpireat(key, until + 60_000)
      .exec();
    const [error, made] = replies?.[0] ?? [];
    if (error) throw error;
    if (Number(made) <= most) return;
    throw new Failure('ebay-throttled', 'too many unknown keys were asked for: try again later', { until });
  }

  async #read(kid: string): Promise<Kept | undefined> {
    const json = await this.#options.redis.get(this.#name(kid));
    // Without the first reading, this process's own clock would say how old it is.
    if (json !== null) await this.#now();
    const { at, key, digest } = parseObject(json ?? '') ?? {};
    const isKept = typeof at === 'number' && (key === null || typeof key === 'string');
    return isKept && typeof digest === 'string' ? { at, key, digest } : undefined;
  }

  #isNew({ at, key }: Kept): boolean {
    const { redis, prefix } = this.#options;
    return clockOf(redis, prefix).now() - at < (key === null ? NONE_MS : NEW_MS);
  }

  #now(): Promise<number> {
    const { redis, prefix } = this.#options;
    return clockOf(redis, prefix).current();
  }

  #name(part: string): string {
    const { prefix, config } = this.#options;
    return `${prefix}:notification-keys:${config.ebay.environment}:${part}`;
  }
}

/** @throws Failure `ebay-bad-answer` */
function readKey({ key, algorithm, digest }: Record<string, unknown>): Omit<Kept, 'at'> {
  const name = DIGESTS[String(digest).toUpperCase()];
  // eBay writes PEM without line ends.
  const der = String(key).replace(/-----(BEGIN|END) PUBLIC KEY-----|\s/g, '');
  try {
    if (String(algorithm).toUpperCase() === 'ECDSA' && name !== undefined)
      if (publicKey(der).asymmetricKeyType === 'ec') return { key: der, digest: name };
  } catch {
    // It is no key.
  }
  throw new Failure('ebay-bad-answer', 'eBay’s answer holds no ECDSA key that is known here');
}

function publicKey(der: string): KeyObject {
  return createPublicKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'spki' });
}
