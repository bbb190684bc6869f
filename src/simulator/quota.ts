import { Cron } from 'croner';

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

/** Bulk calls a day, apart from the others (developer.ebay.com, API call limits). */
export const BULK_LIMIT = 5000;

/** Calls of the Taxonomy API a day. eBay's own figure is not known; other APIs have this one. */
export const TAXONOMY_LIMIT = 5000;

/** Calls of the Notification API a day (developer.ebay.com, API call limits). */
export const NOTIFICATION_LIMIT = 10_000;

export type QuotaState = ReturnType<Quota['state']>;

/** The daily allowance of one credential: Browse calls and token requests. */
export class Quota {
  private day = {
    /** eBay's default for all Browse methods together (developer.ebay.com, API call limits). */
    limit: 5000,
    used: 0,
    bulkUsed: 0,
    taxonomyUsed: 0,
    notificationUsed: 0,
    /** Token requests a day and application with client credentials (developer.ebay.com, OAuth rate limits). */
    mintLimit: 1000,
    mintsUsed: 0,
  };
  /** Epoch ms. */
  private resetAt = nextPacificMidnight(Date.now());

  /** Charges one Browse call. Returns false when the day is used up; such a call is not charged. */
  charge(): boolean {
    const day = this.today();
    if (day.used >= day.limit) return false;
    day.used += 1;
    return true;
  }

  chargeBulk(): boolean {
    const day = this.today();
    if (day.bulkUsed >= BULK_LIMIT) return false;
    day.bulkUsed += 1;
    return true;
  }

  chargeTaxonomy(): boolean {
    const day = this.today();
    if (day.taxonomyUsed >= TAXONOMY_LIMIT) return false;
    day.taxonomyUsed += 1;
    return true;
  }

  chargeNotification(): boolean {
    const day = this.today();
    if (day.notificationUsed >= NOTIFICATION_LIMIT) return false;
    day.notificationUsed += 1;
    return true;
  }

  chargeMint(): boolean {
    const day = this.today();
    if (day.mintsUsed >= day.mintLimit) return false;
    day.mintsUsed += 1;
    return true;
  }

  set({ remaining, resetInS, ...change }: QuotaChange): void {
    const day = this.today();
    const { limit = day.limit, mintLimit = day.mintLimit, mintsUsed = day.mintsUsed } = change;
    const used = remaining === undefined ? (change.used ?? day.used) : Math.max(0, limit - remaining);
    this.day = { ...day, limit, used, mintLimit, mintsUsed };
    if (resetInS !== undefined) this.resetAt = Date.now() + resetInS * 1000;
  }

  /** `reset` is ISO 8601, `timeWindow` in seconds. */
  state() {
    const day = this.today();
    const remaining = Math.max(0, day.limit - day.used);
    return { ...day, remaining, reset: new Date(this.resetAt).toISOString(), timeWindow: 86_400 };
  }

  private today() {
    const now = Date.now();
    if (now >= this.resetAt) {
      this.day = { ...this.day, used: 0, bulkUsed: 0, taxonomyUsed: 0, notificationUsed: 0, mintsUsed: 0 };
      this.resetAt = nextPacificMidnight(now);
    }
    return this.day;
  }
}

/** The window ends at midnight in California, whatever the time of year. */
export function nextPacificMidnight(now: number): number {
  const midnight = new Cron('0 0 * * *', { timezone: 'America/Los_Angeles' });
  return midnight.nextRun(new Date(now))?.getTime() ?? Number.POSITIVE_INFINITY;
}
