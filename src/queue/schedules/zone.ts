const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * The clocks of a time zone. A local time is written as the instant at which a clock in UTC shows the same digits, so
 * that calendar arithmetic on it is UTC arithmetic.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError for a name that is no time zone. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** What the clocks show at an instant. */
  localAt(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return (
      Date.UTC(year, month - 1, day, hour, minute, second) + (instant - Math.floor(instant / 1000) * 1000)
    );
  }

  /**
   * When the clocks first show a local time; for one that they skip, the moment of the jump, when they first show a
   * later one. So a later local time never comes earlier.
   */
  firstInstantOf(local: number): number {
    // Nowhere do clocks change twice within two days.
    const before = this.#offsetAt(local - DAY);
    const after = this.#offsetAt(local + DAY);
    const instants = [local - before, local - after].sort((one, other) => one - other) as [number, number];
    return instants.find((instant) => this.localAt(instant) === local) ?? this.#jumpBetween(...instants);
  }

  #offsetAt(instant: number): number {
    return this.localAt(instant) - instant;
  }

  /** Clocks jump at whole minutes. */
  #jumpBetween(earlier: number, later: number): number {
    const offset = this.#offsetAt(later);
    let [low, high] = [earlier, later];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / MINUTE / 2) * MINUTE;
      if (this.#offsetAt(middle) === offset) high = middle;
      else low = middle;
    }
    return high;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Zone(name);
    return true;
  } catch {
    return false;
  }
}
