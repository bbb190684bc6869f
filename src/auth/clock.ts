/**
 * Redis's time as this process can tell it: its own clock, put right by what Redis said last. All processes of the fleet
 * so agree on a token's age, also one whose own clock is minutes off.
 */
export class FleetClock {
  readonly #clock: () => number;
  #offsetMs = 0;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** ms since the epoch. */
  now(): number {
    return this.#clock() + this.#offsetMs;
  }

  learn(redisNow: number): void {
    this.#offsetMs = redisNow - this.#clock();
  }
}
