import { fraction } from '../random.ts';

const HOUR_MS = 3_600_000;
/** Periods in hours, and how far each one moves a currency: together about 0.05 % an hour, at most 2.5 %. */
const WAVES: readonly [hours: number, height: number][] = [
  [73, 0.004],
  [710, 0.021],
];

export type Rates = ReturnType<typeof createRates>;

/**
 * How far exchange rates are from those of the catalogue. They follow from the seed and a clock that is at `start`, epoch
 * ms, when the simulator starts; they change once an hour of that clock.
 */
export function createRates(seed: number, start: number) {
  let speed = 1;
  let [base, since] = [start, Date.now()];
  const clock = () => base + (Date.now() - since) * speed;
  const step = () => Math.floor(clock() / HOUR_MS);
  const value = (currency: string) => {
    if (currency === 'USD') return 1;
    const angle = (hours: number) => 2 * Math.PI * (step() / hours + fraction(seed, currency, hours));
    return WAVES.reduce((sum, [hours, height]) => sum + height * Math.sin(angle(hours)), 1);
  };
  return {
    /** 1: as fast as the machine's clock. 3600: an hour's change each second. 0: the rates stay as they are. */
    setSpeed(next: number): void {
      [base, since, speed] = [clock(), Date.now(), next];
    },
    /** Number of the hour: rates are the same while it is. */
    step,
    /** What one unit of a currency buys of another, relative to the catalogue's own rate. */
    between: (from: string, to: string) => value(from) / value(to),
  };
}
