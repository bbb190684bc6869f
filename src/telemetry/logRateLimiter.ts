/**
 * For lines that would come by the thousand: passes on the first one, then at most one every `everyMs`, told how many
 * were left out since the last.
 */
export function throttled<T>(
  everyMs: number,
  say: (about: T, suppressed: number) => void,
): (about: T) => void {
  let quietUntil = 0;
  let suppressed = 0;
  return (about) => {
    if (Date.now() < quietUntil) {
      suppressed += 1;
      return;
    }
    say(about, suppressed);
    quietUntil = Date.now() + everyMs;
    suppressed = 0;
  };
}

/** So many lines of one kind in so long, ms; what comes beyond is counted. */
const BURST = 10;
const WINDOW_MS = 10_000;

interface Kind {
  since: number;
  passed: number;
  suppressed: number;
}

/**
 * Keeps an error that strikes a thousand times a second from drowning all other lines. A kind's first line after a time
 * of suppression says how many were left out, or a line of its own does where none follows.
 */
export class LogRateLimiter {
  readonly #kinds = new Map<string, Kind>();
  #timer: NodeJS.Timeout | undefined;
  /** Lines left out so far. */
  suppressed = 0;
  readonly #tell: (kind: string, suppressed: number) => void;

  /** @param tell writes that so many lines of this kind were left out */
  constructor(tell: (kind: string, suppressed: number) => void) {
    this.#tell = tell;
  }

  /** Whether a line of this kind may be written now. */
  admits(kind: string, now = Date.now()): boolean {
    const known = this.#kinds.get(kind);
    if (known === undefined || now - known.since >= WINDOW_MS) {
      if (known) this.#report(kind, known);
      this.#kinds.set(kind, { since: now, passed: 1, suppressed: 0 });
      return true;
    }
    if (known.passed < BURST) {
      known.passed += 1;
      return true;
    }
    known.suppressed += 1;
    this.suppressed += 1;
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref();
    return false;
  }

  /** Tells of everything left out so far. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [kind, known] of this.#kinds) this.#report(kind, known);
  }

  #report(kind: string, known: Kind): void {
    const { suppressed } = known;
    known.suppressed = 0;
    if (suppressed > 0) this.#tell(kind, suppressed);
  }
}
