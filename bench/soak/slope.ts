export interface Slope {
  /** Change an hour, in the unit of the values. */
  perHour: number;
  /** Ends of the 95 % interval of it. */
  low: number;
  high: number;
  mean: number;
  samples: number;
}

/** Student's t at 97.5 % for so many degrees of freedom; beyond the table the normal's value is near enough. */
const T = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1,
];

/** Least squares over `[ms, value]`. */
export function slopeOf(points: ReadonlyArray<readonly [at: number, value: number]>): Slope {
  const n = points.length;
  const hours = points.map(([at]) => at / 3_600_000);
  const values = points.map(([, value]) => value);
  const [meanHour, mean] = [average(hours), average(values)];
  const spread = hours.reduce((sum, hour) => sum + (hour - meanHour) ** 2, 0);
  const perHour =
    hours.reduce((sum, hour, i) => sum + (hour - meanHour) * ((values[i] ?? 0) - mean), 0) / spread;
  const rest = values.reduce(
    (sum, value, i) => sum + (value - mean - perHour * ((hours[i] ?? 0) - meanHour)) ** 2,
    0,
  );
  const error = (T[n - 3] ?? 1.98) * Math.sqrt(rest / (n - 2) / spread);
  return { perHour, low: perHour - error, high: perHour + error, mean, samples: n };
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
