import type { CachedToken } from './tokenCache.ts';

export interface RefreshAheadOptions {
  /** `TOKEN_REFRESH_AHEAD`: the last part of the cached time, ms. */
  aheadMs: number;
  now: () => number;
  random: () => number;
  /** Fetches the next token unless somebody else does. */
  renew: (current: CachedToken) => Promise<void>;
}

/**
 * Has the next token fetched before the cached one ends, so that no caller waits for it. Every process picks its own
 * moment between the beginning and the middle of the last part; the first one fetches. A token that nobody used is let go:
 * an idle fleet asks eBay for nothing.
 */
export class RefreshAhead {
  readonly #options: RefreshAheadOptions;
  #token: CachedToken | undefined;
  #timer: NodeJS.Timeout | undefined;
  #used = false;
  #due = false;
  #closed = false;

  constructor(options: RefreshAheadOptions) {
    this.#options = options;
  }

  /** A caller uses this token. Costs nothing as long as it is the same one. */
  used(token: CachedToken): void {
    if (token.value !== this.#token?.value) this.watch(token);
    this.#used = true;
    if (this.#due) this.#renew();
  }

  /** This is the token now, used or not. */
  watch(token: CachedToken): void {
    this.#token = token;
    this.#used = false;
    this.#due = false;
    this.#arm(refreshAt(token, this.#options) - this.#options.now());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => (this.#used ? this.#renew() : this.#wait()), Math.max(0, delayMs)).unref();
  }

  #wait(): void {
    this.#due = true;
  }

  #renew(): void {
    const token = this.#token;
    this.#due = false;
    if (token === undefined || this.#closed || this.#options.now() >= token.usableUntil) return;
    const { aheadMs, random, renew, now } = this.#options;
    void renew(token).finally(() => {
      // Not replaced: somebody else is at it, it failed, or our clock was wrong. Look again before it ends.
      if (this.#token !== token) return;
      this.#arm(Math.max(refreshAt(token, this.#options) - now(), aheadMs * (0.15 + 0.1 * random())));
    });
  }
}

/** When a process asks for the next token: within the first half of the last part of the cached time. */
export function refreshAt(
  { cachedUntil }: Pick<CachedToken, 'cachedUntil'>,
  { aheadMs, random }: Pick<RefreshAheadOptions, 'aheadMs' | 'random'>,
): number {
  return cachedUntil - aheadMs * (1 - 0.5 * random());
}
