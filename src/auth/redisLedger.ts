import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { FleetClock } from './clock.ts';
import {
  type LedgerState,
  type MintLedger,
  type Pause,
  type Permit,
  type PermitRequest,
  REFUSALS_UNTIL_STOP,
} from './ledger.ts';
import { ACCEPT, FAIL, PERMIT, STATE } from './ledgerScripts.ts';
import { mintDay } from './mintDay.ts';
import { answered } from './silence.ts';
import type { MintTrouble } from './tokenAnswer.ts';
import { digest } from './tokenData.ts';

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

  async permit({ reason, asker, stale, refusedId }: PermitRequest): Promise<Permit> {
    const { value, lock, fence, interval, pause, refused } = this.#keys;
    const { lockTime, requestInterval, dailyMintLimit, refreshAhead, refusedPause } = this.#config.token;
    const [kind, now, first, second, third] = (await this.#run(
      PERMIT,
      [value, lock, fence, interval, this.#mints(), pause, refused],
      [
        stale,
        asker,
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
        return { kind, ms: first, because: second };
      case 'spent':
        return { kind, mintsToday: first };
      case 'granted':
        return { kind, generation: first, mintsToday: second, failures: third };
    }
  }

  async failed(asker: string, { ms: pauseMs, because }: Pause): Promise<void> {
    const { lock, pause } = this.#keys;
    const remembered = ms(2 * this.#config.token.maxFailurePause);
    await this.#run(FAIL, [lock, pause], [asker, pauseMs, because, remembered]);
  }

  async accepted(tokenId: string): Promise<void> {
    await this.#run(ACCEPT, [this.#keys.refused], [tokenId, this.#refusalsKeptMs()]);
  }

  async untilNext(): Promise<number> {
    return Math.max(0, await this.#ask(() => this.#redis.pttl(this.#keys.interval)));
  }

  async state(): Promise<LedgerState> {
    const { pause, refused } = this.#keys;
    const [now, until, because, refusedInARow, mintsToday] = (await this.#run(
      STATE,
      [pause, refused, this.#mints()],
      [],
    )) as [number, number, MintTrouble, number, number];
    this.#clock.learn(now);
    return {
      mintsToday,
      refusedInARow,
      pause: until > now ? { ms: until - now, because } : undefined,
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
