import { count, seconds, secondsOrZero, share } from './key.ts';

/** How fast eBay may be asked, and what is done when it says no. */
export const pace = {
  minApiCallInterval: secondsOrZero(
    'MIN_API_CALL_INTERVAL',
    1,
    'Least time between two calls of the whole fleet, measured at eBay; 0 for none',
  ),
  dailyCallLimit: count(
    'DAILY_CALL_LIMIT',
    5000,
    'Browse calls a day; eBay grants 5,000 by default and tells the true figure through its Analytics API',
  ),
  backfillShare: share(
    'BACKFILL_SHARE',
    0.7,
    'Share of the day’s calls after which `backfill` searches stop',
  ),
  scheduledShare: share(
    'SCHEDULED_SHARE',
    0.9,
    'Share of the day’s calls after which `scheduled` searches stop',
  ),
  reconcileInterval: seconds(
    'QUOTA_RECONCILE_INTERVAL',
    900,
    'How often one process compares the ledger with eBay’s own count while calls are made',
  ),
  throttlePause: seconds(
    'THROTTLE_PAUSE',
    5,
    'First pause after a 429 without Retry-After while quota remains; doubled for each that follows',
  ),
  maxThrottlePause: seconds(
    'MAX_THROTTLE_PAUSE',
    900,
    'Longest pause after a 429, whatever Retry-After says',
  ),
  circuitWindow: seconds('CIRCUIT_WINDOW', 30, 'The circuit looks at the calls of this long'),
  circuitShare: share('CIRCUIT_SHARE', 0.5, 'Share of failed calls in the window that opens the circuit'),
  circuitMinCalls: count('CIRCUIT_MIN_CALLS', 10, 'Fewest calls in the window before the circuit may open'),
  circuitPause: seconds(
    'CIRCUIT_PAUSE',
    15,
    'First pause of an open circuit before one call may probe; doubled for each probe that fails',
  ),
  maxCircuitPause: seconds('MAX_CIRCUIT_PAUSE', 300, 'Longest pause of an open circuit'),
};
