import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Config } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { pacificDay, pacificDayEnd } from '../pacificDay.ts';
import { isCredentialRefused, type MintTrouble, REFUSALS_UNTIL_STOP, tokenPauseMs } from '../retryPolicy.ts';
import {
  answered,
  type CachedToken,
  digest,
  type FleetClock,
  type TokenCache,
  type TokenContext,
  tokenKeys,
} from './cache.ts';
import { MintFault, requestToken } from './tokenRequest.ts';

/** What a caller lacks. */
export interface Need {
  /**
   * - `missing`: there is no usable token
   * - `refused`: the API refused the cached one
   * - `forced`: a person asked for a new one
   * - `ahead`: the cached one ends soon
   */
  reason: 'missing' | 'refused' | 'forced' | 'ahead';
  /** The cache key's useless value as the caller read it; empty for none. */
  stale: string;
  /** The token that another one is wanted for. */
  unwanted?: string | undefined;
}

/** Between two looks of a process that waits for another's token; jittered, so that a fleet does not look in step. */
const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 100;

/** Gets the fleet a new token: one process asks eBay, all others wait for the cache. */
export class Minter {
  readonly #context: TokenContext;
  readonly #cache: TokenCache;
  readonly #permits: Permits;
  #flight: Promise<CachedToken> | undefined;
  #alarmed = '';
  /** The last token request failed, or Redis did not take the token: callers that have a copy do not wait for the next one. */
  failing = false;

  constructor(context: TokenContext, cache: TokenCache, permits: Permits) {
    this.#context = context;
    this.#cache = cache;
    this.#permits = permits;
  }

  /**
   * One token for all callers of this process that need one at the same time.
   * @throws Failure `token-unavailable`, `credential-refused`, `mint-budget-spent`, `redis-unavailable`.
   */
  obtain(need: Need): Promise<CachedToken> {
    this.#flight ??= this.acquire(need).finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  /** As `obtain`, for one caller; `ahead` does not wait for another process. */
  async acquire(need: Need): Promise<CachedToken> {
    const { config, metrics, random } = this.#context;
    const requester = randomUUID();
    const longestMs = (config.token.lockTime + config.token.requestTimeout) * 1000;
    const giveUpAt = performance.now() + longestMs;
    let { stale } = need;
    for (let look = 0; performance.now() < giveUpAt; look += 1) {
      const permit = await this.#permits.permit({ ...need, stale }, requester);
      if (permit.kind === 'granted') return this.#mint(permit, need.reason, requester);
      if (permit.kind === 'paused') throw this.#paused(permit);
      if (permit.kind === 'spent') throw this.#spent(permit.mintsToday);
      if (permit.kind === 'replaced') {
        const { token } = await this.#cache.open(permit.value);
        if (token !== undefined && token.data.access_token !== need.unwanted) {
          this.recovered();
          return token;
        }
        // A caller that needs a token now replaces what cannot be used; `ahead` would be answered the same again.
        if (need.reason === 'ahead') break;
        stale = permit.value;
      } else if (need.reason === 'ahead') break;
      else if (permit.kind === 'wait') await sleep(permit.ms);
      else {
        if (look === 0) metrics?.waited();
        await sleep(Math.min(FIRST_LOOK_MS * 2 ** look, LAST_LOOK_MS) * (0.75 + 0.5 * random()));
      }
    }
    const until = Date.now() + longestMs;
    const message = 'another process is fetching the token and does not finish';
    throw new Failure('token-unavailable', message, { until, reason: 'busy' });
  }

  /** There is a token again. */
  recovered(): void {
    if (!this.failing) return;
    this.failing = false;
    this.#context.metrics?.credentialRefused(false);
  }

  async #mint(permit: Granted, reason: Need['reason'], requester: string): Promise<CachedToken> {
    const { config, clock, log, metrics, tenant } = this.#context;
    const began = performance.now();
    const ended = (result: string) => metrics?.minted(reason, result, performance.now() - began);
    try {
      const { warnings, ...grant } = await requestToken(config);
      ended('ok');
      this.recovered();
      const { mintsToday } = permit;
      log.info('token minted', { tenant, reason, mintsToday, expiresIn: grant.expires_in });
      for (const warning of warnings) log.warn('unusual token answer', { tenant, warning });
      const token = await this.#cache.seal({ ...grant, stored_at: new Date(clock.now()).toISOString() });
      return await this.publish(token, requester, permit.generation);
    } catch (error) {
      if (!(error instanceof MintFault)) throw error;
      ended(error.reason);
      throw await this.#failed(permit, requester, error);
    }
  }

  /** The token for everybody; where a later one stands already, that one. Where Redis takes none, memory alone has it. */
  async publish(token: CachedToken, requester: string, generation: number): Promise<CachedToken> {
    const { log, tenant } = this.#context;
    const newer = await this.#permits.store(token, requester, generation).catch(() => {
      log.warn('Redis does not take the token: it is kept in memory', { tenant });
      // The lock stays until it runs out.
      this.failing = true;
      return '';
    });
    this.#cache.changed();
    return (await this.#cache.open(newer)).token ?? token;
  }

  async #failed(permit: Granted, requester: string, fault: MintFault): Promise<Failure> {
    const { config, log, tenant, random } = this.#context;
    const { reason, status } = fault;
    const pause = { reason, ms: tokenPauseMs(fault, permit.failures + 1, config.token, random) };
    const write = isCredentialRefused(reason) ? log.error : log.warn;
    write('token request failed', { tenant, reason, status, cause: fault.message, pauseMs: pause.ms });
    // Without Redis there is no pause to begin.
    await this.#permits.failed(requester, pause).catch(() => undefined);
    return this.#paused(pause, `${reason}: ${fault.message}`);
  }

  /** @param cause what this process knows of it; of another process's request the reason alone is known */
  #paused({ reason, ms }: Pause, cause: string = reason): Failure {
    this.failing = true;
    const { clock } = this.#context;
    const until = clock.now() + ms;
    const isRefused = isCredentialRefused(reason);
    if (isRefused) this.#context.metrics?.credentialRefused(true);
    const what = isRefused ? REMEDIES[reason] : `eBay's token endpoint fails (${cause})`;
    const message = `${what}; next request at ${new Date(until).toISOString()}`;
    const detail = { until: here(until, clock), reason };
    return new Failure(isRefused ? 'credential-refused' : 'token-unavailable', message, detail);
  }

  #spent(mintsToday: number): Failure {
    const { clock, config, log, tenant } = this.#context;
    const until = pacificDayEnd(clock.now());
    const message = `${mintsToday} token requests today, DAILY_MINT_LIMIT is ${config.token.dailyMintLimit}: something asks for tokens in a loop; more from ${new Date(until).toISOString()}`;
    const today = pacificDay(clock.now());
    if (this.#alarmed !== today) log.error(message, { tenant, mintsToday });
    this.#alarmed = today;
    this.failing = true;
    return new Failure('mint-budget-spent', message, { until: here(until, clock), reason: 'mint-budget' });
  }
}

/** An instant of the fleet's clock on this process's. */
function here(at: number, clock: FleetClock): number {
  return at - clock.now() + Date.now();
}

const REMEDIES: Partial<Record<MintTrouble, string>> = {
  invalid_client:
    'eBay does not know this keyset (invalid_client): check EBAY_CLIENT_ID, EBAY_CLIENT_SECRET and EBAY_ENVIRONMENT',
  unauthorized_client:
    'eBay knows this keyset and gives it no application tokens (unauthorized_client): check at developer.ebay.com whether it is enabled',
  // The form is the same for every keyset: it was changed on the way, or went to another address.
  unsupported_grant_type:
    'the token endpoint does not take this kind of request (unsupported_grant_type): check EBAY_TOKEN_URL and proxies between here and eBay; the keyset was not looked at',
  invalid_scope:
    'eBay does not grant these scopes (invalid_scope): check EBAY_SCOPES, searching needs the base scope only',
  'tokens-refused':
    'eBay refused three new tokens one after another (tokens-refused): check the keyset and EBAY_ENVIRONMENT at developer.ebay.com',
};

/** Leave to make one token request. */
interface Granted {
  kind: 'granted';
  /** Rises with every permit; a token of an earlier one never replaces that of a later one. */
  generation: number;
  mintsToday: number;
  /** Token requests that failed in a row before. */
  failures: number;
}

type Permit =
  | Granted
  /** The cache holds another value than the stale one: use that. */
  | { kind: 'replaced'; value: string }
  /** Another process is making the request. */
  | { kind: 'busy' }
  /** The next token request may leave in `ms`. */
  | { kind: 'wait'; ms: number }
  | ({ kind: 'paused' } & Pause)
  /** The day's budget is used up. */
  | { kind: 'spent'; mintsToday: number };

interface Pause {
  ms: number;
  reason: MintTrouble;
}

interface PermitState {
  mintsToday: number;
  /** New tokens in a row that the API refused. */
  refusedInARow: number;
  pause?: Pause | undefined;
}

/** Larger than any key's rest of life: a value counts as ending whatever its life. */
const ANY_LIFE_MS = 1e15;

/**
 * Who may ask eBay for a token, and when: the fleet's state in Redis. Every method throws Failure `redis-unavailable` where
 * Redis does not answer in time.
 */
export class FleetPermits {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof tokenKeys>;
  readonly #config: Config;
  readonly #clock: FleetClock;
  /** The day's token requests as of this process's last one: Redis may lose its count. */
  #known = { day: '', mints: 0 };

  constructor(redis: Redis, { tenant, config, clock }: TokenContext) {
    this.#redis = redis;
    this.#keys = tokenKeys(tenant, config);
    this.#config = config;
    this.#clock = clock;
  }

  async permit({ reason, stale, unwanted }: Need, requester: string): Promise<Permit> {
    const day = pacificDay(this.#clock.now());
    const { lockTime, requestInterval, dailyMintLimit, refreshAhead, refusedPause } = this.#config.token;
    const permit = await this.#run<Permit>(PERMIT, {
      stale,
      requester,
      lockMs: ms(lockTime),
      intervalMs: ms(requestInterval),
      mintsADay: dailyMintLimit,
      knownMints: day === this.#known.day ? this.#known.mints : 0,
      endingMs: reason === 'ahead' ? ms(refreshAhead) : ANY_LIFE_MS,
      refused: reason === 'refused' && unwanted !== undefined ? digest(unwanted) : '',
      refusedPauseMs: ms(refusedPause),
      refusalsUntilStop: REFUSALS_UNTIL_STOP,
      refusalsKeptMs: this.#refusalsKeptMs(),
    });
    if ('mintsToday' in permit) this.#known = { day, mints: permit.mintsToday };
    return permit;
  }

  /** Publishes a token and ends permit and pause. @param generation -1: in any case. @returns a newer one's value instead. */
  async store(token: CachedToken, requester: string, generation: number): Promise<string> {
    const lifeMs = Math.max(1, Math.floor(token.cachedUntil - this.#clock.now()));
    const args = { value: token.value, lifeMs, requester, generation };
    return (await this.#run<{ newer: string }>(STORE, args)).newer;
  }

  /** Puts a token in the place of a useless value, unless another one stands there by now. */
  async replace(token: CachedToken, stale: string): Promise<void> {
    const lifeMs = Math.max(1, Math.floor(token.cachedUntil - this.#clock.now()));
    await this.#run(REPLACE, { stale, value: token.value, lifeMs });
  }

  /** The request failed: gives the permit back and begins the pause. */
  async failed(requester: string, { ms: pauseMs, reason }: Pause): Promise<void> {
    const keptMs = pauseMs + ms(2 * this.#config.token.maxFailurePause);
    await this.#run(FAIL, { requester, pauseMs, reason, keptMs });
  }

  /** The API accepted this token. */
  async accepted(token: string): Promise<void> {
    await this.#run(ACCEPT, { token: digest(token), keptMs: this.#refusalsKeptMs() });
  }

  /** ms until the next token request may leave. */
  async untilNext(): Promise<number> {
    return Math.max(0, await this.#ask(() => this.#redis.pttl(this.#keys.interval)));
  }

  state(): Promise<PermitState> {
    return this.#run(STATE, {});
  }

  /** Forgets token, pause and refusals, not the day's count. */
  async clear(): Promise<void> {
    const { value, pause, refused } = this.#keys;
    await this.#ask(() => this.#redis.del(value, pause, refused));
  }

  /** Longer than the pause of a refused credential: the next token refused after it stops the fleet at once. */
  #refusalsKeptMs(): number {
    return ms(2 * Math.max(this.#config.token.refusedPause, this.#config.token.cacheTime));
  }

  async #run<Answer>(script: LuaScript, args: object): Promise<Answer> {
    const { value, lock, fence, interval, pause, refused, mints } = this.#keys;
    // The request counts for the day that it is by Redis's clock.
    if (!this.#clock.isSet) await this.#clock.set(this.#redis, this.#config.redis.commandTimeout);
    const keys = [value, lock, fence, interval, mints(pacificDay(this.#clock.now())), pause, refused];
    const json = await this.#ask(() => script.run(this.#redis, keys, [JSON.stringify(args)]));
    const { now, ...answer } = JSON.parse(json as string) as { now: number };
    this.#clock.learn(now);
    return answer as Answer;
  }

  #ask<T>(command: () => Promise<T>): Promise<T> {
    return answered(this.#redis, command, this.#config.redis.commandTimeout);
  }
}

export type Permits = Pick<FleetPermits, keyof FleetPermits>;

/** One process without any Redis: it is alone with its credential. Tokens that the API refuses are only bounded by the budget. */
export class LocalPermits implements Permits {
  readonly #settings: Config['token'];
  readonly #clock: FleetClock;
  #pause: (Pause & { until: number }) | undefined;
  #failures = 0;
  #nextAt = 0;
  #day = '';
  #mints = 0;

  constructor({ config, clock }: Pick<TokenContext, 'config' | 'clock'>) {
    this.#settings = config.token;
    this.#clock = clock;
  }

  async permit(): Promise<Permit> {
    const now = this.#clock.now();
    const { mintsToday, pause } = await this.state();
    if (pause !== undefined) return { kind: 'paused', ...pause };
    if (this.#nextAt > now) return { kind: 'wait', ms: this.#nextAt - now };
    if (mintsToday >= this.#settings.dailyMintLimit) return { kind: 'spent', mintsToday };
    this.#mints += 1;
    this.#nextAt = now + this.#settings.requestInterval * 1000;
    return { kind: 'granted', generation: 0, mintsToday: this.#mints, failures: this.#failures };
  }

  async store(): Promise<string> {
    await this.clear();
    return '';
  }

  async replace(): Promise<void> {}

  async failed(_requester: string, pause: Pause): Promise<void> {
    this.#failures += 1;
    this.#pause = { ...pause, until: this.#clock.now() + pause.ms };
  }

  async accepted(): Promise<void> {}

  async untilNext(): Promise<number> {
    return Math.max(0, this.#nextAt - this.#clock.now());
  }

  async state(): Promise<PermitState> {
    const now = this.#clock.now();
    if (this.#day !== pacificDay(now)) [this.#day, this.#mints] = [pacificDay(now), 0];
    const pause =
      this.#pause && this.#pause.until > now ? { ...this.#pause, ms: this.#pause.until - now } : undefined;
    return { mintsToday: this.#mints, refusedInARow: 0, pause };
  }

  async clear(): Promise<void> {
    this.#pause = undefined;
    this.#failures = 0;
  }
}

function ms(seconds: number): number {
  return Math.ceil(seconds * 1000);
}

/**
 * The beginning of every script: its arguments `a` and its answer are JSON objects; the answer has Redis's time in ms. What
 * another program wrote under these names counts as absent: it would stop the fleet until a person deletes it.
 */
const PRELUDE = `
local a = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cached, lock, fence, interval, mints, pause, refused = unpack(KEYS)
local kinds = {'string', 'string', 'hash', 'string', 'string', 'hash', 'hash'}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= kinds[i] then redis.call('DEL', key) end
end
-- Every lock of ours ends by itself.
if redis.call('PTTL', lock) == -1 then redis.call('DEL', lock) end
local function numberOf(value)
  local number = tonumber(value or '')
  return number and number > 0 and number < 8e15 and number or 0
end
local function text(number) return string.format('%.0f', number) end
local function count(key, field)
  local number = numberOf(redis.call('HGET', key, field)) + 1
  redis.call('HSET', key, field, text(number))
  return number
end
local function reply(answer)
  answer.now = now
  return cjson.encode(answer)
end
`;

/** May the requester ask eBay? One step, so that nothing happens between looking and locking. */
const PERMIT = new LuaScript(`${PRELUDE}
local value = redis.call('GET', cached)
if value and (value ~= a.stale or redis.call('PTTL', cached) > a.endingMs) then
  return reply({kind = 'replaced', value = value})
end
if value and a.refused ~= '' then
  redis.call('DEL', cached)
  local known = redis.call('HMGET', refused, 'proven', 'last')
  if known[1] == a.refused then
    redis.call('HSET', refused, 'streak', 0)
  elseif known[2] ~= a.refused and count(refused, 'streak') >= a.refusalsUntilStop then
    redis.call('HSET', pause, 'until', text(now + a.refusedPauseMs), 'because', 'tokens-refused')
    redis.call('PEXPIRE', pause, text(a.refusedPauseMs))
  end
  redis.call('HSET', refused, 'last', a.refused)
  redis.call('PEXPIRE', refused, text(a.refusalsKeptMs))
end
local paused = redis.call('HMGET', pause, 'until', 'because', 'failures')
if numberOf(paused[1]) > now then
  return reply({kind = 'paused', ms = numberOf(paused[1]) - now, reason = paused[2]})
end
local holder = redis.call('GET', lock)
if holder and holder ~= a.requester then return reply({kind = 'busy'}) end
local rest = redis.call('PTTL', interval)
if not holder and rest > 0 then return reply({kind = 'wait', ms = rest}) end
local made = math.max(numberOf(redis.call('GET', mints)), a.knownMints)
if made >= a.mintsADay then return reply({kind = 'spent', mintsToday = made}) end
redis.call('SET', lock, a.requester, 'PX', text(a.lockMs))
if a.intervalMs > 0 then redis.call('SET', interval, '1', 'PX', text(a.intervalMs)) end
redis.call('SET', mints, text(made + 1), 'EX', 172800)
-- Where Redis lost the fence, a request that was under way has stored its later generation.
local issued = redis.call('HMGET', fence, 'issued', 'stored')
local generation = math.max(numberOf(issued[1]), numberOf(issued[2])) + 1
redis.call('HSET', fence, 'issued', text(generation))
redis.call('EXPIRE', fence, 172800)
return reply({kind = 'granted', generation = generation, mintsToday = made + 1, failures = numberOf(paused[3])})
`);

/**
 * Puts a token into the cache and ends lock and pause in the same step, so that all who wait find it at once. Answers
 * the newer value that stands instead, if there is one; empty where that is gone already.
 */
const STORE = new LuaScript(`${PRELUDE}
if redis.call('GET', lock) == a.requester then redis.call('DEL', lock) end
local generation = a.generation
local stored = numberOf(redis.call('HGET', fence, 'stored'))
if generation > 0 and stored > generation then
  return reply({newer = redis.call('GET', cached) or ''})
end
if generation < 0 then generation = count(fence, 'issued') end
redis.call('SET', cached, a.value, 'PX', text(a.lifeMs))
redis.call('HSET', fence, 'stored', text(math.max(generation, stored)))
redis.call('EXPIRE', fence, 172800)
redis.call('DEL', pause)
return reply({newer = ''})
`);

const REPLACE = new LuaScript(`${PRELUDE}
if redis.call('GET', cached) == a.stale then redis.call('SET', cached, a.value, 'PX', text(a.lifeMs)) end
return reply({})
`);

/** Ends the requester's lock and begins the fleet's pause. A requester whose lock ran out is late: another one has it. */
const FAIL = new LuaScript(`${PRELUDE}
if redis.call('GET', lock) ~= a.requester then return reply({}) end
redis.call('DEL', lock)
count(pause, 'failures')
redis.call('HSET', pause, 'until', text(now + a.pauseMs), 'because', a.reason)
redis.call('PEXPIRE', pause, text(a.keptMs))
return reply({})
`);

/** Changes nothing of the fleet's. */
const STATE = new LuaScript(`${PRELUDE}
local paused = redis.call('HMGET', pause, 'until', 'because')
local rest = numberOf(paused[1]) - now
return reply({
  mintsToday = numberOf(redis.call('GET', mints)),
  refusedInARow = numberOf(redis.call('HGET', refused, 'streak')),
  pause = rest > 0 and {ms = rest, reason = paused[2]} or nil,
})
`);

const ACCEPT = new LuaScript(`${PRELUDE}
redis.call('HSET', refused, 'proven', a.token, 'streak', 0)
redis.call('PEXPIRE', refused, text(a.keptMs))
return reply({})
`);
