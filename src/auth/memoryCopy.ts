import type { FleetClock } from './clock.ts';
import type { CachedToken } from './tokenCache.ts';

/** The last token that this process used: what serves while Redis or the token endpoint do not. */
export class MemoryCopy {
  readonly #clock: FleetClock;
  #token: CachedToken | undefined;

  constructor(clock: FleetClock) {
    this.#clock = clock;
  }

  keep(token: CachedToken): void {
    this.#token = token;
  }

  /** The copy as long as it may be used, which is longer than Redis keeps it. */
  usable(): CachedToken | undefined {
    return this.#token !== undefined && this.#clock.now() < this.#token.usableUntil ? this.#token : undefined;
  }

  /** Drops the copy if it is this token, or whatever it is. */
  forget(accessToken?: string): void {
    if (accessToken === undefined || this.#token?.data.access_token === accessToken) this.#token = undefined;
  }
}
