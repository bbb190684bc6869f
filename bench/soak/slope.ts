export type Point = readonly [at: number, value: number];

export interface Slope {
  /** Change an hour, in the unit of the values. */
  perHour: number;
  /** Ends of the 95 % interval of it. */
  low: number;
  high: number;
  mean: number;
  samples: number;
}

const MINUTE = 60_000;

/** Student's t at 97.5 % for so many degrees of freedom; beyond the table its last value is a little too much. */
const T = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1,
  2.09, 2.09, 2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05, 2.05, 2.04,
];

/**
 * Least squares over values whose level returns every `cycleMs`: each is compared only with those of the same minute of the
 * other cycles, so that what such a minute always brings is no slope and no noise. Each minute's level that is taken from
 * the values costs a degree of freedom.
 * @returns NaN for both ends where too few cycles were seen to tell.
 */
export function slopeOf(points: readonly Point[], cycleMs: number): Slope {
  const minutes = grouped(points, ([at]) => Math.floor((at % cycleMs) / MINUTE));
  const deviations = [...minutes.values()].flatMap((alike) => {
    const [meanAt, mean] = [average(alike.map(([at]) => at)), average(alike.map(([, value]) => value))];
    return alike.map(([at, value]) => ({ hours: (at - meanAt) / (60 * MINUTE), change: value - mean }));
  });
  const spread = sum(deviations.map(({ hours }) => hours ** 2));
  const perHour = sum(deviations.map(({ hours, change }) => hours * change)) / spread;
  const rest = sum(deviations.map(({ hours, change }) => (change - perHour * hours) ** 2));
  const freedom = points.length - minutes.size - 1;
  const error = (T[Math.min(freedom, T.length) - 1] ?? Number.NaN) * Math.sqrt(rest / freedom / spread);
  const mean = average(points.map(([, value]) => value));
  return { perHour, low: perHour - error, high: perHour + error, mean, samples: points.length };
}

/** One value for each minute. */
export function byMinute(points: readonly Point[], choose: (values: number[]) => number): Point[] {
  const minutes = grouped(points, ([at]) => Math.floor(at / MINUTE));
  return [...minutes].map(([minute, alike]) => [minute * MINUTE, choose(alike.map(([, value]) => value))]);
}

function grouped(points: readonly Point[], by: (point: Point) => number): Map<number, Point[]> {
  const groups = new Map<number, Point[]>();
  for (const point of points) groups.set(by(point), [...(groups.get(by(point)) ?? []), point]);
  return groups;
}

export function average(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
