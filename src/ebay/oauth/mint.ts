import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import {
  type FleetClock,
  type Granted,
  isCredentialRefused,
  type MintLedger,
  type MintReason,
  mintDay,
  nextMintDay,
  type Permit,
  pauseMs,
  RedisUnavailable,
} from './ledger.ts';
import type { MemoryLedger } from './memoryLedger.ts';
import type { CachedToken, TokenCache } from './tokenCache.ts';
import { digest, type TokenOwner } from './tokenData.ts';
import { MintFault, type MintTrouble, requestToken } from './tokenRequest.ts';
import type { MemoryCopy } from './tokenStatus.ts';

/** What a caller lacks. */
export interface Need {
  reason: MintReason;
  /** The cache key's value as the caller read it and holds it for useless; empty for none. */
  stale: string;
  /** The token that another one is wanted for. */
  unwanted?: string | undefined;
}

export interface MinterParts {
  config: Config;
  tenant: string;
  owner: TokenOwner;
  cache: TokenCache;
  copy: MemoryCopy;
  /** The fleet's book; absent where there is no Redis. */
  fleet: MintLedger | undefined;
  alone: MemoryLedger;
  clock: FleetClock;
  log: Logger;
  metrics: AuthMetrics;
  random: () => number;
}

/** Between two looks of a process that waits for another's token; jittered, so that a fleet does not look in step. */
const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 100;

/** Gets the fleet a new token: one process asks eBay, all others wait for the cache. */
export class Minter {
  readonly #parts: MinterParts;
  #flight: Promise<CachedToken> | undefined;
  #alarmed = '';
  /** The token endpoint failed last time: nobody who has a copy waits for the next try. */
  failing = false;

  constructor(parts: MinterParts) {
    this.#parts = parts;
  }

  /** One search for a token in this process at a time; everybody shares its outcome. */
  obtain(need: Need): Promise<CachedToken> {
    this.#flight ??= this.#search(need).finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #search(need: Need): Promise<CachedToken> {
    const { config, fleet, alone, cache, copy, metrics, tenant, random } = this.#parts;
    const requester = randomUUID();
    const patienceMs = (config.token.lockTime + config.token.requestTimeout) * 1000;
    const giveUpAt = performance.now() + patienceMs;
    let ledger = fleet ?? alone;
    let { stale } = need;
    for (let look = 0; performance.now() < giveUpAt; look += 1) {
      const permit = await this.#ask(ledger, { ...need, stale }, requester);
      switch (permit.kind) {
        case 'silent': {
          const kept = copy.usable();
          if (kept !== undefined && kept.data.access_token !== need.unwanted) return kept;
          ledger = alone;
          break;
        }
        case 'replaced': {
          const { token } = await cache.open(permit.value);
          if (token !== undefined && token.data.access_token !== need.unwanted) {
            this.recovered();
            return token;
          }
          stale = permit.value;
          break;
        }
        case 'granted':
          return this.#mint(ledger, permit, need.reason, requester);
        case 'busy':
          if (look === 0) metrics.waits.inc({ tenant });
          await sleep(Math.min(FIRST_LOOK_MS * 2 ** look, LAST_LOOK_MS) * (0.75 + 0.5 * random()));
          break;
        case 'wait':
          await sleep(permit.ms);
          break;
        case 'paused':
          throw this.#paused(permit);
        case 'spent':
          throw this.#spent(permit.mintsToday);
      }
    }
    throw stuckFailure(patienceMs);
  }

  /** Fetches the next token if nobody else does; never waits. Gives a token that replaces `current`, if there is one. */
  async renewAhead(current: CachedToken): Promise<CachedToken | undefined> {
    const ledger = this.#parts.fleet ?? this.#parts.alone;
    const requester = randomUUID();
    const permit = await this.#ask(ledger, { reason: 'ahead', stale: current.value }, requester);
    if (permit.kind === 'granted') return this.#mint(ledger, permit, 'ahead', requester);
    if (permit.kind === 'replaced') return (await this.#parts.cache.open(permit.value)).token;
    if (permit.kind === 'paused') this.#paused(permit);
    if (permit.kind === 'spent') this.#spent(permit.mintsToday);
    return undefined;
  }

  async #ask(
    ledger: MintLedger,
    { reason, stale, unwanted }: Need,
    requester: string,
  ): Promise<Permit | { kind: 'silent' }> {
    const refusedId = reason === 'refused' && unwanted !== undefined ? digest(unwanted) : '';
    try {
      return await ledger.permit({ reason, requester, stale, refusedId });
    } catch (error) {
      if (error instanceof RedisUnavailable) return { kind: 'silent' };
      throw error;
    }
  }

  async #mint(
    ledger: MintLedger,
    permit: Granted,
    reason: MintReason,
    requester: string,
  ): Promise<CachedToken> {
    const { config, owner, cache, clock, alone, log, metrics, tenant } = this.#parts;
    const began = performance.now();
    const ended = () => metrics.mintSeconds.observe({ tenant }, (performance.now() - began) / 1000);
    try {
      const { oddities, ...grant } = await requestToken(config);
      ended();
      metrics.mints.inc({ tenant, reason, result: 'ok' });
      const data = { ...grant, stored_at: new Date(clock.now()).toISOString(), ...owner };
      const token = await cache.seal(data);
      alone.succeeded();
      this.recovered();
      log.info('token minted', { tenant, reason, mintsToday: permit.mintsToday, expiresIn: data.expires_in });
      for (const oddity of oddities) log.warn('odd token answer', { tenant, oddity });
      return await this.#publish(token, requester, permit.generation);
    } catch (error) {
      if (!(error instanceof MintFault)) throw error;
      ended();
      metrics.mints.inc({ tenant, reason, result: error.reason });
      throw await this.#failed(ledger, permit, requester, error);
    }
  }

  /** The token for everybody; where a later one stands already, that one. */
  async #publish(token: CachedToken, requester: string, generation: number): Promise<CachedToken> {
    const { cache, log, tenant } = this.#parts;
    try {
      const standing = await cache.store(token, requester, generation);
      return standing?.token ?? token;
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      log.warn('Redis does not take the token: it is kept in memory', { tenant });
      return token;
    }
  }

  async #failed(ledger: MintLedger, permit: Granted, requester: string, fault: MintFault) {
    const { config, alone, log, tenant, random } = this.#parts;
    const { reason, status } = fault;
    const pause = { reason, ms: pauseMs(fault, permit.failures + 1, config.token, random) };
    const say = isCredentialRefused(reason) ? log.error : log.warn;
    say('token request failed', { tenant, reason, status, cause: fault.message, pauseMs: pause.ms });
    await alone.failed(requester, pause);
    if (ledger !== alone)
      await ledger.failed(requester, pause).catch((error) => {
        if (!(error instanceof RedisUnavailable)) throw error;
      });
    return this.#paused(pause);
  }

  #paused(pause: { reason: MintFault['reason']; ms: number }) {
    const { alone, metrics, tenant } = this.#parts;
    this.failing = true;
    alone.learn(pause);
    if (isCredentialRefused(pause.reason)) metrics.credentialRefused.set({ tenant }, 1);
    return pausedFailure(pause.reason, pause.ms);
  }

  #spent(mintsToday: number) {
    const { config, log, tenant } = this.#parts;
    const failure = budgetFailure(mintsToday, config.token.dailyMintLimit);
    const today = mintDay(Date.now());
    if (this.#alarmed !== today) log.error(failure.message, { tenant, mintsToday });
    this.#alarmed = today;
    this.failing = true;
    return failure;
  }

  recovered(): void {
    if (!this.failing) return;
    this.failing = false;
    this.#parts.alone.succeeded();
    this.#parts.metrics.credentialRefused.set({ tenant: this.#parts.tenant }, 0);
  }
}

const REMEDIES: Partial<Record<MintTrouble, string>> = {
  invalid_client:
    'eBay does not know this keyset (invalid_client): check EBAY_CLIENT_ID, EBAY_CLIENT_SECRET and EBAY_ENVIRONMENT',
  invalid_scope:
    'eBay does not grant these scopes (invalid_scope): check EBAY_SCOPES, searching needs the base scope only',
  'tokens-refused':
    'eBay refused three new tokens one after another (tokens-refused): check the keyset and EBAY_ENVIRONMENT at developer.ebay.com',
};

/** No token now because of `because`; the fleet asks again in `ms`. */
export function pausedFailure(reason: MintTrouble, ms: number): Failure {
  const until = Date.now() + ms;
  const again = `next request at ${new Date(until).toISOString()}`;
  if (isCredentialRefused(reason))
    return new Failure('credential-refused', `${REMEDIES[reason]}; ${again}`, { until, reason });
  return new Failure('token-unavailable', `eBay's token endpoint fails (${reason}); ${again}`, {
    until,
    reason,
  });
}

export function budgetFailure(mintsToday: number, limit: number): Failure {
  const until = nextMintDay(Date.now());
  return new Failure(
    'mint-budget-spent',
    `${mintsToday} token requests today, DAILY_MINT_LIMIT is ${limit}: something asks for tokens in a loop; more from ${new Date(until).toISOString()}`,
    { until, reason: 'mint-budget' },
  );
}

/** Another process holds the lock for longer than it can live. */
export function stuckFailure(retryMs: number): Failure {
  return new Failure('token-unavailable', 'another process is fetching the token and does not finish', {
    until: Date.now() + retryMs,
    reason: 'busy',
  });
}
