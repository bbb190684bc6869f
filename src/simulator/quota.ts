/** What a control call can change about a credential's day. */
export interface QuotaChange {
  readonly limit?: number;
  readonly used?: number;
  /** Instead of `used`. A lower `remaining` stands for another program that spends from the same quota. */
  readonly remaining?: number;
  /** Seconds from now until the window ends and `used` returns to 0. */
  readonly resetInS?: number;
  readonly mintLimit?: number;
  readonly mintsUsed?: number;
}

export type QuotaState = ReturnType<Quota['state']>;

/** The daily allowance of one credential: Browse calls and token requests. */
export class Quota {
  /** eBay's default for all Browse methods together (developer.ebay.com, API call limits). */
  private limit = 5000;
  private used = 0;
  /** Token requests a day and application with client credentials (developer.ebay.com, OAuth rate limits). */
  private mintLimit = 1000;
  private mintsUsed = 0;
  /** Epoch ms. */
  private resetAt = nextPacificMidnight(Date.now());

  /** Charges one Browse call. Returns false when the day is used up; such a call is not charged. */
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

  state() {
    this.roll();
    const { limit, used, mintLimit, mintsUsed } = this;
    return {
      limit,
      used,
      remaining: Math.max(0, limit - used),
      /** ISO 8601. */
      reset: new Date(this.resetAt).toISOString(),
      /** Seconds. */
      timeWindow: 86_400,
      mintLimit,
      mintsUsed,
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

const HOUR_MS = 3_600_000;

/** The window ends at midnight in California, whatever the time of year. */
export function nextPacificMidnight(now: number): number {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  let at = Math.ceil((now + 1) / HOUR_MS) * HOUR_MS;
  while (clock.format(at) !== '00') at += HOUR_MS;
  return at;
}
