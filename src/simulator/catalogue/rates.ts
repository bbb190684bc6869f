import { fraction } from '../random.ts';

const HOUR_MS = 3_600_000;
/** Periods in hours and how far each one moves a currency: together about 0.05 % an hour, at most 2.5 %. */
const WAVES = [
  [73, 0.004],
  [710, 0.021],
] as const;

/**
 * How far exchange rates are from those of the catalogue. They follow from the seed and a clock that starts with the
 * simulator's day; rates change once an hour of that clock.
 */
export class Rates {
  private readonly seed: number;
  private speed = 1;
  /** Time of this clock, and of the machine's, when the speed last changed. */
  private base: number;
  private since = Date.now();

  constructor(seed: number, start: number) {
    this.seed = seed;
    this.base = start;
  }

  /** 1: as fast as the clock. 3600: an hour's change each second. 0: the rates stay as they are. */
  setSpeed(speed: number): void {
    this.base = this.clock();
    this.since = Date.now();
    this.speed = speed;
  }

  /** Number of the hour: rates are the same while it is. */
  step(): number {
    return Math.floor(this.clock() / HOUR_MS);
  }

  /** What one unit of a currency buys of another, relative to the catalogue's own rate. */
  between(from: string, to: string): number {
    return this.value(from) / this.value(to);
  }

  private clock(): number {
    return this.base + (Date.now() - this.since) * this.speed;
  }

  private value(currency: string): number {
    if (currency === 'USD') return 1;
    const angle = (hours: number) =>
      2 * Math.PI * (this.step() / hours + fraction(this.seed, currency, hours));
    return 1 + WAVES.reduce((sum, [hours, height]) => sum + height * Math.sin(angle(hours)), 0);
  }
}
