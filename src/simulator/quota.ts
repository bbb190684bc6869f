/** eBay's default for all Browse methods together (developer.ebay.com, API call limits). */
const DEFAULT_LIMIT = 5000;
/** Token requests a day and application with client credentials (developer.ebay.com, OAuth rate limits). */
const DEFAULT_MINT_LIMIT = 1000;
const WINDOW_S = 86_400;

export interface QuotaChange {
  readonly limit?: number;
  readonly used?: number;
  /** Instead of `used`. Another program that spends from the same quota is a lower `remaining`. */
  readonly remaining?: number;
  /** Seconds from now until the window ends and `used` returns to 0. */
  readonly resetInS?: number;
  readonly mintLimit?: number;
  readonly mintsUsed?: number;
}

export interface QuotaState {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** ISO 8601. */
  readonly reset: string;
  readonly timeWindow: number;
  readonly mintLimit: number;
  readonly mintsUsed: number;
}

/** The daily allowance of one credential: Browse calls and token requests. Time in epoch ms. */
export class Quota {
  private limit = DEFAULT_LIMIT;
  private used = 0;
  private mintLimit = DEFAULT_MINT_LIMIT;
  private mintsUsed = 0;
  private resetAt: number;

  constructor(now = Date.now()) {
    this.resetAt = nextPacificMidnight(now);
  }

  /** Charges one Browse call, or answers false when the day is used up (such a call is not charged). */
  charge(): boolean {
    this.roll();
    if (this.used >= this.limit) return false;
    this.used += 1;
    return true;
  }

  chargeMint(): boolean {
    this.roll();
    if (this.mintsUsed >= this.mintLimit) return false;
    this.mintsUsed += 1;
    return true;
  }

  set(change: QuotaChange): void {
    this.roll();
    this.limit = change.limit ?? this.limit;
    this.used = change.used ?? this.used;
    if (change.remaining !== undefined) this.used = Math.max(0, this.limit - change.remaining);
    if (change.resetInS !== undefined) this.resetAt = Date.now() + change.resetInS * 1000;
    this.mintLimit = change.mintLimit ?? this.mintLimit;
    this.mintsUsed = change.mintsUsed ?? this.mintsUsed;
  }

  state(): QuotaState {
    this.roll();
    return {
      limit: this.limit,
      used: this.used,
      remaining: Math.max(0, this.limit - this.used),
      reset: new Date(this.resetAt).toISOString(),
      timeWindow: WINDOW_S,
      mintLimit: this.mintLimit,
      mintsUsed: this.mintsUsed,
    };
  }

  private roll(): void {
    const now = Date.now();
    if (now < this.resetAt) return;
    this.used = 0;
    this.mintsUsed = 0;
    this.resetAt = nextPacificMidnight(now);
  }
}

/** The window ends at midnight in California, whatever the time of year. */
export function nextPacificMidnight(now: number): number {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  const hour = 3_600_000;
  const next = Math.ceil((now + 1) / hour) * hour;
  for (let at = next; at < next + 26 * hour; at += hour) {
    if (clock.format(at) === '00') return at;
  }
  return next;
}
