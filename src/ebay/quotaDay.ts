/** eBay's quota day ends at midnight Pacific time: `reset` was seen at 08:00Z in winter and 07:00Z in summer. */
const pacific = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
});

const HOUR_MS = 3_600_000;

/** The end of the quota day that `now` is in, ms since the epoch: always later than `now`. */
export function quotaDayEnd(now: number): number {
  const today = partsOf(now);
  // 08:00Z is midnight in winter and 01:00 in summer; the clocks change at 02:00, so midnight exists once on every day.
  const winterMidnight = Date.UTC(today.year, today.month - 1, today.day + 1, 8);
  return winterMidnight - partsOf(winterMidnight).hour * HOUR_MS;
}

/** This quota day's end and the next one's, computed anew only when a day has ended. */
export class QuotaDays {
  readonly #clock: () => number;
  #ends: [number, number] = [0, 0];

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  ends(): [number, number] {
    const now = this.#clock();
    if (this.#ends[0] <= now || this.#ends[0] > now + 26 * HOUR_MS) {
      const end = quotaDayEnd(now);
      this.#ends = [end, quotaDayEnd(end)];
    }
    return this.#ends;
  }
}

function partsOf(instant: number): { year: number; month: number; day: number; hour: number } {
  const parts = pacific.formatToParts(instant);
  const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return { year: value('year'), month: value('month'), day: value('day'), hour: value('hour') };
}
