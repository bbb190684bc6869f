/** Counts per key in windows of a minute, in this process; forgets the oldest keys beyond `most`. */
export class Attempts {
  readonly #limit: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, { count: number; until: number }>();

  constructor(limit: number, { most = 10_000, now = Date.now }: { most?: number; now?: () => number } = {}) {
    this.#limit = limit;
    this.#most = most;
    this.#now = now;
  }

  /** Seconds until the next attempt of this key is allowed; 0: now. */
  waitFor(key: string): number {
    const window = this.#windows.get(key);
    const left = window === undefined ? 0 : window.until - this.#now();
    return window === undefined || left <= 0 || window.count < this.#limit ? 0 : Math.ceil(left / 1000);
  }

  count(key: string): void {
    const now = this.#now();
    const window = this.#windows.get(key);
    if (window !== undefined && window.until > now) {
      window.count += 1;
      return;
    }
    // Put last again: the first ones are the oldest.
    this.#windows.delete(key);
    this.#windows.set(key, { count: 1, until: now + 60_000 });
    const oldest = this.#windows.keys().next().value;
    if (this.#windows.size > this.#most && oldest !== undefined) this.#windows.delete(oldest);
  }
}
