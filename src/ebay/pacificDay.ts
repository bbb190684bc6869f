/** eBay counts calls and token requests by days of Pacific time: `reset` was seen at 08:00Z in winter and 07:00Z in summer. */
const pacific = { timeZone: 'America/Los_Angeles' } as const;
const day = new Intl.DateTimeFormat('sv-SE', { ...pacific, dateStyle: 'short' });
const hour = new Intl.DateTimeFormat('sv-SE', { ...pacific, hour: '2-digit', hourCycle: 'h23' });

const HOUR_MS = 3_600_000;

/** The day that `now` (ms since the epoch) is in, e.g. `2026-03-08`. */
export function pacificDay(now: number): string {
  return day.format(now);
}

/** When the day that `now` is in ends, ms since the epoch: always later than `now`. */
export function pacificDayEnd(now: number): number {
  // 08:00Z is midnight in winter and 01:00 in summer; the clocks change at 02:00, so each day has one midnight.
  const winterMidnight = Date.parse(`${pacificDay(now)}T08:00:00Z`) + 24 * HOUR_MS;
  return winterMidnight - Number(hour.format(winterMidnight)) * HOUR_MS;
}

/** The beginning of this day, its end, and the end of the next one. They are computed again only when the day has ended. */
export class QuotaDays {
  readonly #clock: () => number;
  #days: QuotaDayTimes = [0, 0, 0];

  /** @param clock ms since the epoch */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  times(): QuotaDayTimes {
    const now = this.#clock();
    const [begin, end] = this.#days;
    if (now < begin || end <= now) {
      const next = pacificDayEnd(now);
      // A day has 23 to 25 hours.
      this.#days = [pacificDayEnd(next - 26 * HOUR_MS), next, pacificDayEnd(next)];
    }
    return this.#days;
  }
}

/** ms since the epoch. */
export type QuotaDayTimes = [begin: number, end: number, nextEnd: number];
