import type { Redis } from 'ioredis';
import type { Config } from '../../config/config.ts';
import { digest } from './tokenData.ts';
import type { MintFault, MintTrouble } from './tokenRequest.ts';

/**
 * Redis's time as this process can tell it: its own clock, put right by what Redis said last. All processes of the fleet
 * so agree on a token's age, also one whose own clock is minutes off.
 */
export class FleetClock {
  readonly #clock: () => number;
  #offsetMs = 0;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** ms since the epoch. */
  now(): number {
    return this.#clock() + this.#offsetMs;
  }

  learn(redisNow: number): void {
    this.#offsetMs = redisNow - this.#clock();
  }
}

/** eBay counts its days in Pacific time. */
const pacificDate = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/Los_Angeles',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

const HOUR_MS = 3_600_000;

/** The day on which a mint counts, e.g. `2026-03-08`. */
export function mintDay(now: number): string {
  return pacificDate.format(now);
}

/** When the next such day begins, ms since the epoch; midnight there is always a full hour of UTC. */
export function nextMintDay(now: number): number {
  const today = mintDay(now);
  let hour = Math.floor(now / HOUR_MS) * HOUR_MS + HOUR_MS;
  while (mintDay(hour) === today) hour += HOUR_MS;
  return hour;
}

/** Redis did not answer in time, is away, or refused the command. Never leaves this folder. */
export class RedisUnavailable extends Error {
  constructor(cause: unknown) {
    super('Redis gives no answer', { cause });
  }
}

/** States of a connection on its way; one that was lost is `reconnecting`, and nobody waits for it. */
const CONNECTING = new Set(['wait', 'connecting', 'connect']);

/**
 * What Redis answers to `command`, or `RedisSilent` after `ms`, at once while the connection is lost.
 * An answer that has arrived while this process was too busy to look still counts: sockets are read once more before
 * giving up.
 */
export function answered<T>(redis: Redis, command: () => Promise<T>, ms: number): Promise<T> {
  const answer = CONNECTING.has(redis.status) ? connection(redis, ms).then(command) : command();
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new RedisUnavailable(`no answer within ${ms} ms`));
    const timer = setTimeout(() => setImmediate(giveUp), ms);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(new RedisUnavailable(error));
      },
    );
  });
}

function connection(redis: Redis, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      clearTimeout(timer);
      redis.off('ready', ready).off('close', lost).off('end', lost);
      done();
    };
    const ready = settle(resolve);
    const lost = settle(() => reject(new Error('no connection')));
    const timer = setTimeout(lost, ms);
    redis.on('ready', ready).on('close', lost).on('end', lost);
    if (redis.status === 'wait') redis.connect().catch(lost);
  });
}

/** Troubles that only a person ends, by another keyset or other scopes. */
const REFUSED: ReadonlySet<MintTrouble> = new Set(['invalid_client', 'invalid_scope', 'tokens-refused']);

export function isCredentialRefused(reason: MintTrouble): boolean {
  return REFUSED.has(reason);
}

/** Jitter only lengthens, so that a pause never ends before its configured time. */
const JITTER = 0.25;

/**
 * How long the fleet leaves the token endpoint alone after `fault`, ms.
 * A refused credential rests `refusedPause`; everything else grows from `failurePause` by doubling, honours `Retry-After`
 * where that asks for more, and ends at `maxFailurePause` whatever was asked.
 * @param failures how many requests in a row failed, this one included.
 */
export function pauseMs(
  fault: Pick<MintFault, 'reason' | 'retryAfterMs'>,
  failures: number,
  { failurePause, maxFailurePause, refusedPause }: Config['token'],
  random: () => number,
): number {
  const jitter = 1 + JITTER * random();
  if (isCredentialRefused(fault.reason)) return Math.ceil(refusedPause * 1000 * jitter);
  const grown = failurePause * 1000 * 2 ** (Math.min(failures, 30) - 1) * jitter;
  return Math.ceil(Math.min(Math.max(grown, fault.retryAfterMs ?? 0), maxFailurePause * 1000));
}

/**
 * - `missing`: there is no usable token
 * - `refused`: the API refused the cached one
 * - `forced`: somebody asked for a new one
 * - `ahead`: the cached one ends soon
 */
export type MintReason = 'missing' | 'refused' | 'forced' | 'ahead';

export interface PermitRequest {
  reason: MintReason;
  /** Names this asker; a lock that it holds already is no obstacle, as a command may be sent twice. */
  requester: string;
  /** The cached value that the asker holds for useless, as it read it; empty for none. */
  stale: string;
  /** Digest of the refused token, where `stale` holds it. */
  refusedId: string;
}

/** Leave to make one token request. */
export interface Granted {
  kind: 'granted';
  /** Rises with every permit; a token of an earlier one never replaces that of a later one. */
  generation: number;
  mintsToday: number;
  /** Token requests that failed in a row before. */
  failures: number;
}

export type Permit =
  | Granted
  /** The cache holds another value than the stale one: use that. */
  | { kind: 'replaced'; value: string }
  /** Somebody else is making the request. */
  | { kind: 'busy' }
  /** The next token request may leave in `ms`. */
  | { kind: 'wait'; ms: number }
  | { kind: 'paused'; ms: number; reason: MintTrouble }
  /** The day's budget is used up. */
  | { kind: 'spent'; mintsToday: number };

export interface Pause {
  ms: number;
  reason: MintTrouble;
}

export interface LedgerState {
  mintsToday: number;
  /** New tokens in a row that the API refused. */
  refusedInARow: number;
  pause: Pause | undefined;
}

/** Tokens minted one after another and refused before any was accepted that make the credential a refused one. */
export const REFUSALS_UNTIL_STOP = 3;

/** Who may ask for a token, and when: the fleet's book in Redis, and its twin in memory for when there is no Redis. */
export interface MintLedger {
  permit(request: PermitRequest): Promise<Permit>;
  /** The request failed: gives the permit back and begins the pause in one step. */
  failed(requester: string, pause: Pause): Promise<void>;
  /** The API accepted this token. */
  accepted(tokenId: string): Promise<void>;
  /** ms until the next token request may leave. */
  untilNext(): Promise<number>;
  state(): Promise<LedgerState>;
  /** Forgets pause and refusals, not the day's count. */
  clear(): Promise<void>;
}

/** The keys of one tenant's token: the value, and beside it in the same Cluster slot what belongs to it. */
export function tokenKeys(tenant: string, { ebay }: Pick<Config, 'ebay'>) {
  const value = tenant === 'default' ? 'ebay:access_token' : `ebay:access_token:${tenant}`;
  // A keyset that was put right starts without the pauses of the wrong one.
  const keyset = digest([ebay.environment, ebay.clientId, ebay.clientSecret, ebay.scopes].join('\n'));
  return {
    value,
    lock: `{${value}}:lock`,
    fence: `{${value}}:fence`,
    interval: `{${value}}:interval`,
    pause: `{${value}}:pause:${keyset}`,
    refused: `{${value}}:refused:${keyset}`,
    mints: (day: string) => `{${value}}:mints:${digest(ebay.clientId)}:${day}`,
  };
}

export type TokenKeys = ReturnType<typeof tokenKeys>;

/** Larger than any key's rest of life: a value counts as ending whatever its life. */
const ANY_LIFE_MS = 1e15;

/** The fleet's book. Every method throws `RedisSilent` where Redis does not answer in time or refuses the command. */
export class RedisLedger implements MintLedger {
  readonly #redis: Redis;
  readonly #keys: TokenKeys;
  readonly #config: Config;
  readonly #clock: FleetClock;

  constructor(redis: Redis, keys: TokenKeys, config: Config, clock: FleetClock) {
    this.#redis = redis;
    this.#keys = keys;
    this.#config = config;
    this.#clock = clock;
  }

  async permit({ reason, requester, stale, refusedId }: PermitRequest): Promise<Permit> {
    const { value, lock, fence, interval, pause, refused } = this.#keys;
    const { lockTime, requestInterval, dailyMintLimit, refreshAhead, refusedPause } = this.#config.token;
    const [kind, now, first, second, third] = (await this.#run(
      PERMIT,
      [value, lock, fence, interval, this.#mints(), pause, refused],
      [
        stale,
        requester,
        ms(lockTime),
        ms(requestInterval),
        dailyMintLimit,
        reason === 'ahead' ? ms(refreshAhead) : ANY_LIFE_MS,
        refusedId,
        ms(refusedPause),
        REFUSALS_UNTIL_STOP,
        this.#refusalsKeptMs(),
      ],
    )) as [Permit['kind'], number, never, never, never];
    this.#clock.learn(now);
    switch (kind) {
      case 'replaced':
        return { kind, value: first };
      case 'busy':
        return { kind };
      case 'wait':
        return { kind, ms: first };
      case 'paused':
        return { kind, ms: first, reason: second };
      case 'spent':
        return { kind, mintsToday: first };
      case 'granted':
        return { kind, generation: first, mintsToday: second, failures: third };
    }
  }

  async failed(requester: string, { ms: pauseMs, reason }: Pause): Promise<void> {
    const { lock, pause } = this.#keys;
    const remembered = ms(2 * this.#config.token.maxFailurePause);
    await this.#run(FAIL, [lock, pause], [requester, pauseMs, reason, remembered]);
  }

  async accepted(tokenId: string): Promise<void> {
    await this.#run(ACCEPT, [this.#keys.refused], [tokenId, this.#refusalsKeptMs()]);
  }

  async untilNext(): Promise<number> {
    return Math.max(0, await this.#ask(() => this.#redis.pttl(this.#keys.interval)));
  }

  async state(): Promise<LedgerState> {
    const { pause, refused } = this.#keys;
    const [now, until, reason, refusedInARow, mintsToday] = (await this.#run(
      STATE,
      [pause, refused, this.#mints()],
      [],
    )) as [number, number, MintTrouble, number, number];
    this.#clock.learn(now);
    return {
      mintsToday,
      refusedInARow,
      pause: until > now ? { ms: until - now, reason } : undefined,
    };
  }

  async clear(): Promise<void> {
    await this.#ask(() => this.#redis.del(this.#keys.pause, this.#keys.refused));
  }

  #mints(): string {
    return this.#keys.mints(mintDay(this.#clock.now()));
  }

  /** Longer than a refused credential rests: the next token refused after the rest stops the fleet at once. */
  #refusalsKeptMs(): number {
    return ms(2 * Math.max(this.#config.token.refusedPause, this.#config.token.cacheTime));
  }

  #run(script: string, keys: string[], args: Array<string | number>): Promise<unknown> {
    return this.#ask(() => this.#redis.eval(script, keys.length, ...keys, ...args));
  }

  #ask<T>(command: () => Promise<T>): Promise<T> {
    return answered(this.#redis, command, ms(this.#config.redis.commandTimeout));
  }
}

function ms(seconds: number): number {
  return Math.ceil(seconds * 1000);
}

/** Shared beginning: Redis's own time in ms. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/**
 * May the asker make a token request? One step, so that between looking and locking nothing happens.
 * KEYS  value lock fence interval mints pause refused
 * ARGV  stale, asker, lock ms, interval ms, mints a day, ms of life below which a value counts as ending,
 *       refused token's digest, refused pause ms, refusals until stop, ms that counts of refusals are kept
 * Gives {kind, now, …}.
 */
export const PERMIT = `${NOW}
local value = redis.call('GET', KEYS[1])
if value and (value ~= ARGV[1] or redis.call('PTTL', KEYS[1]) > tonumber(ARGV[6])) then
  return {'replaced', now, value}
end
if value and ARGV[7] ~= '' then
  redis.call('DEL', KEYS[1])
  local known = redis.call('HMGET', KEYS[7], 'proven', 'last')
  if known[1] == ARGV[7] then
    redis.call('HSET', KEYS[7], 'streak', 0)
  elseif known[2] ~= ARGV[7] and redis.call('HINCRBY', KEYS[7], 'streak', 1) >= tonumber(ARGV[9]) then
    redis.call('HSET', KEYS[6], 'until', text(now + ARGV[8]), 'reason', 'tokens-refused')
    redis.call('PEXPIRE', KEYS[6], ARGV[8])
  end
  redis.call('HSET', KEYS[7], 'last', ARGV[7])
  redis.call('PEXPIRE', KEYS[7], ARGV[10])
end
local pause = redis.call('HMGET', KEYS[6], 'until', 'reason', 'failures')
if pause[1] and tonumber(pause[1]) > now then
  return {'paused', now, pause[1] - now, pause[2]}
end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then return {'busy', now} end
local rest = redis.call('PTTL', KEYS[4])
if not holder and rest > 0 then return {'wait', now, rest} end
local mints = tonumber(redis.call('GET', KEYS[5]) or '0')
if mints >= tonumber(ARGV[5]) then return {'spent', now, mints} end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if tonumber(ARGV[4]) > 0 then redis.call('SET', KEYS[4], '1', 'PX', ARGV[4]) end
redis.call('INCR', KEYS[5])
redis.call('EXPIRE', KEYS[5], 172800)
local generation = redis.call('HINCRBY', KEYS[3], 'issued', 1)
redis.call('EXPIRE', KEYS[3], 172800)
return {'granted', now, generation, mints + 1, tonumber(pause[3] or '0')}
`;

/**
 * Puts a token into the cache and ends lock and pause in the same step, so that whoever waited finds it at once.
 * KEYS  value lock fence pause
 * ARGV  value, life in ms, asker, generation: of a permit; 0 for a token minted without Redis, which takes an empty place
 *       only; -1 for one given by hand, which always does
 * Gives nothing, or the value that stands instead; empty where that is gone already.
 */
export const STORE = `
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
local generation = tonumber(ARGV[4])
local value = redis.call('GET', KEYS[1])
local stored = tonumber(redis.call('HGET', KEYS[3], 'stored') or '0')
if (generation == 0 and value) or (generation > 0 and stored > generation) then return value or '' end
if generation < 0 then generation = redis.call('HINCRBY', KEYS[3], 'issued', 1) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[3], 'stored', math.max(generation, stored))
redis.call('EXPIRE', KEYS[3], 172800)
redis.call('DEL', KEYS[4])
return nil
`;

/**
 * Ends the asker's lock and begins the fleet's pause. An asker whose lock ran out is late: somebody else is at it.
 * KEYS  lock pause
 * ARGV  asker, pause in ms, reason, ms that the count of failures outlives the pause
 */
export const FAIL = `${NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HINCRBY', KEYS[2], 'failures', 1)
redis.call('HSET', KEYS[2], 'until', text(now + ARGV[2]), 'reason', ARGV[3])
redis.call('PEXPIRE', KEYS[2], text(ARGV[2] + ARGV[4]))
return 1
`;

/** KEYS pause refused mints; gives {now, until, reason, streak, mints}. Changes nothing. */
export const STATE = `${NOW}
local pause = redis.call('HMGET', KEYS[1], 'until', 'reason')
return {now, tonumber(pause[1] or '0'), pause[2] or '',
  tonumber(redis.call('HGET', KEYS[2], 'streak') or '0'), tonumber(redis.call('GET', KEYS[3]) or '0')}
`;

/** KEYS refused; ARGV accepted token's digest, ms that counts of refusals are kept. */
export const ACCEPT = `
redis.call('HSET', KEYS[1], 'proven', ARGV[1], 'streak', 0)
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;
