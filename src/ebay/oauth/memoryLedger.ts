import type { Config } from '../../config/config.ts';
import {
  type FleetClock,
  type LedgerState,
  type MintLedger,
  mintDay,
  type Pause,
  type Permit,
  type PermitRequest,
  REFUSALS_UNTIL_STOP,
} from './ledger.ts';

/**
 * The book of one process, for when there is no Redis: the same rules, counted here alone. It also remembers the pauses
 * that the fleet's book told of, so that an outage of Redis does not end them.
 */
export class MemoryLedger implements MintLedger {
  readonly #settings: Config['token'];
  readonly #clock: FleetClock;
  #pause: (Pause & { until: number }) | undefined;
  #failures = 0;
  #nextAt = 0;
  #day = '';
  #mints = 0;
  #proven = '';
  #lastRefused = '';
  #streak = 0;

  constructor(settings: Config['token'], clock: FleetClock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  async permit({ refusedId }: PermitRequest): Promise<Permit> {
    if (refusedId !== '' && refusedId !== this.#lastRefused) this.#countRefusal(refusedId);
    const now = this.#clock.now();
    if (this.#pause !== undefined && this.#pause.until > now)
      return { kind: 'paused', ms: this.#pause.until - now, reason: this.#pause.reason };
    if (this.#nextAt > now) return { kind: 'wait', ms: this.#nextAt - now };
    if (this.#mintsToday() >= this.#settings.dailyMintLimit)
      return { kind: 'spent', mintsToday: this.#mints };
    this.#mints += 1;
    this.#nextAt = now + this.#settings.requestInterval * 1000;
    return { kind: 'granted', generation: 0, mintsToday: this.#mints, failures: this.#failures };
  }

  async failed(_asker: string, pause: Pause): Promise<void> {
    this.#failures += 1;
    this.learn(pause);
  }

  /** A pause that the fleet's book told of. */
  learn(pause: Pause): void {
    this.#pause = { ...pause, until: this.#clock.now() + pause.ms };
  }

  /** There is a token again. */
  succeeded(): void {
    this.#pause = undefined;
    this.#failures = 0;
  }

  async accepted(tokenId: string): Promise<void> {
    this.#proven = tokenId;
    this.#streak = 0;
  }

  async untilNext(): Promise<number> {
    return Math.max(0, this.#nextAt - this.#clock.now());
  }

  async state(): Promise<LedgerState> {
    const now = this.#clock.now();
    const pause = this.#pause !== undefined && this.#pause.until > now ? this.#pause : undefined;
    return {
      mintsToday: this.#mintsToday(),
      refusedInARow: this.#streak,
      pause: pause && { ms: pause.until - now, reason: pause.reason },
    };
  }

  async clear(): Promise<void> {
    this.succeeded();
    this.#streak = 0;
  }

  #countRefusal(refusedId: string): void {
    this.#lastRefused = refusedId;
    this.#streak = refusedId === this.#proven ? 0 : this.#streak + 1;
    if (this.#streak >= REFUSALS_UNTIL_STOP)
      this.learn({ ms: this.#settings.refusedPause * 1000, reason: 'tokens-refused' });
  }

  #mintsToday(): number {
    const today = mintDay(this.#clock.now());
    if (today !== this.#day) {
      this.#day = today;
      this.#mints = 0;
    }
    return this.#mints;
  }
}
