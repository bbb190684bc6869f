import { fraction } from '../random.ts';

/** Steps of a day in which the rate is constant: a quarter of an hour of a day of 24 hours. */
export const STEPS = 96;

export interface Rhythm {
  /** 0: the whole day is alike. 1: nothing happens at the quietest time, twice the mean at the peak. */
  readonly amplitude: number;
  /** When most happens: part of the UTC day, 0 to 1. */
  readonly peak: number;
  /** Seven factors, one for each day of the week; the first is for the day of the epoch, a Thursday. */
  readonly week?: readonly number[];
}

/** Hours in which everything happens more often, on top of the mean rate. */
export interface Bursts {
  /** Share of the days on which one begins, at any time of the day. */
  readonly share: number;
  readonly factor: number;
  readonly hours: number;
}

/** How often something happens over time, as factors of a mean rate. All times in ms since the epoch. */
export type Pace = ReturnType<typeof createPace>;

export function createPace(seed: number, dayMs: number, rhythm?: Rhythm, bursts?: Bursts) {
  const { amplitude = 0, peak = 0, week = [] } = rhythm ?? {};
  const stepMs = dayMs / STEPS;
  const daily = Array.from({ length: STEPS }, (_, step) => {
    return 1 + amplitude * Math.cos(2 * Math.PI * ((step + 0.5) / STEPS - peak));
  });
  const burstSteps = Math.round(((bursts?.hours ?? 0) / 24) * STEPS);
  /** Steps of a day in which its burst begins; infinite on a day without one. */
  const begin = (day: number) =>
    fraction(seed, 'burst', day) < (bursts?.share ?? 0)
      ? Math.floor(fraction(seed, 'begin', day) * STEPS)
      : Number.POSITIVE_INFINITY;
  const known = { day: Number.NaN, begins: [0, 0] as readonly number[] };
  const inBurst = (day: number, step: number) => {
    if (known.day !== day) Object.assign(known, { day, begins: [begin(day), begin(day - 1) - STEPS] });
    return known.begins.some((from) => step >= from && step < from + burstSteps);
  };
  const factorIn = (index: number) => {
    const day = Math.floor(index / STEPS);
    const step = index - day * STEPS;
    const burst = burstSteps > 0 && inBurst(day, step) ? (bursts?.factor ?? 1) : 1;
    return (daily[step] as number) * (week[day % 7] ?? 1) * burst;
  };
  /** Events to expect between two times at this mean rate a day. */
  const expected = (from: number, to: number, perDay: number) => {
    let sum = 0;
    for (let at = from, index = Math.floor(from / stepMs); at < to; index += 1) {
      const end = Math.min(to, (index + 1) * stepMs);
      sum += (Math.max(0, end - at) * factorIn(index) * perDay) / dayMs;
      at = Math.max(at, end);
    }
    return sum;
  };
  /** When so many events are to be expected since `from`. */
  const reach = (from: number, events: number, perDay: number) => {
    if (perDay <= 0) return Number.POSITIVE_INFINITY;
    let [at, left] = [from, events];
    for (let index = Math.floor(from / stepMs); ; index += 1) {
      const end = Math.max(at, (index + 1) * stepMs);
      const rate = (factorIn(index) * perDay) / dayMs;
      if (rate * (end - at) >= left) return at + left / rate;
      left -= rate * (end - at);
      at = end;
    }
  };
  return { expected, reach };
}
