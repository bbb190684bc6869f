import type { Scrubber } from './scrubber.ts';

export type Level = 'error' | 'warn' | 'info' | 'debug';
export type Fields = Record<string, unknown>;

/** One component's log: a constant message, and what it is about as fields. */
export type Logger = Record<Level, (message: string, fields?: Fields) => void>;

/** A process's log, or a part of it. `LogRoot` (winston) implements it. */
export interface Logs {
  component(name: string): Logger;
  /** Masks the secrets of this process in every line. */
  readonly scrubber: Scrubber;
}

/** For library users who pass no logger. */
export const NOOP_LOGGER: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** The same log with these fields in every line. */
export function withFields(logs: Logs, fields: Fields): Logs {
  return {
    scrubber: logs.scrubber,
    component(name) {
      const logger = logs.component(name);
      const bound = (level: Level) => (message: string, more?: Fields) =>
        logger[level](message, { ...fields, ...more });
      return { error: bound('error'), warn: bound('warn'), info: bound('info'), debug: bound('debug') };
    },
  };
}

/** Admits `burst` lines of a kind in `windowMs` and counts the others, so that one error does not hide all other lines. */
export class LogRateLimiter {
  readonly #burst: number;
  readonly #windowMs: number;
  readonly #kinds = new Map<string, { since: number; admitted: number; suppressed: number }>();
  /** All lines suppressed so far. */
  total = 0;

  constructor(burst: number, windowMs: number) {
    this.#burst = burst;
    this.#windowMs = windowMs;
  }

  /** How many lines of this kind were suppressed before this one, if it may be written; undefined if not. */
  admit(kind = '', now = performance.now()): number | undefined {
    const known = this.#kinds.get(kind);
    if (known === undefined || now - known.since >= this.#windowMs) {
      this.#kinds.set(kind, { since: now, admitted: 1, suppressed: 0 });
      return known?.suppressed ?? 0;
    }
    known.admitted += 1;
    if (known.admitted <= this.#burst) return 0;
    known.suppressed += 1;
    this.total += 1;
    return undefined;
  }

  /** Suppressed lines that `admit` has not reported, by kind; none of them is reported again. */
  takeSuppressed(): Array<[kind: string, suppressed: number]> {
    const taken = [...this.#kinds].map(([kind, { suppressed }]): [string, number] => [kind, suppressed]);
    for (const known of this.#kinds.values()) known.suppressed = 0;
    return taken.filter(([, suppressed]) => suppressed > 0);
  }
}

/** Calls `write` at most once in `everyMs`, with the number of calls suppressed since. */
export function throttled<T>(
  everyMs: number,
  write: (about: T, suppressed: number) => void,
): (about: T) => void {
  const limiter = new LogRateLimiter(1, everyMs);
  return (about) => {
    const suppressed = limiter.admit();
    if (suppressed !== undefined) write(about, suppressed);
  };
}
