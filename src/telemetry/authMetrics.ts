import type { Count, Instruments, Level, Timing } from './instruments.ts';
import { MINT_REASON, MINT_RESULT, TENANT, TOKEN_MISS, TOKEN_SOURCE } from './vocabulary.ts';

/** How the token is got and served. Every metric has a `tenant` label. */
export interface AuthMetrics {
  /** Tokens handed to callers, by `source`: `redis`, `memory` (Redis or the endpoint failed), `mint`. */
  served: Count<{ tenant: unknown; source: unknown }>;
  /** Reads that gave no token, by `reason`: absent, garbage, undecryptable, foreign, expired, silent. */
  misses: Count<{ tenant: unknown; reason: unknown }>;
  /** Token requests, by `reason` (missing, refused, forced, ahead) and `result` (ok, or what went wrong). */
  mints: Count<{ tenant: unknown; reason: unknown; result: unknown }>;
  mintSeconds: Timing<{ tenant: unknown }>;
  /** Times that this process waited for another's token request. */
  waits: Count<{ tenant: unknown }>;
  /** 1 while eBay refuses the credential itself. */
  credentialRefused: Level<{ tenant: unknown }>;
  /** When the tenant's token stops being used, ms since the epoch; shown as the seconds until then. */
  expiresAt(tenant: string, at: number): void;
  /** Shows the tenant's counters from their beginning on. */
  begin(tenant: string): void;
}

const MINT_SECONDS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Declares the metrics, once. */
export function declareAuthMetrics(instruments: Instruments): AuthMetrics {
  const tenant = TENANT;
  const expiries = new Map<string, number>();
  instruments.gauge(
    'dpf_token_expiry_seconds',
    'Seconds until the token stops being used',
    { tenant },
    (level) => {
      for (const [owner, at] of expiries) level.set({ tenant: owner }, Math.max(0, (at - Date.now()) / 1000));
    },
  );
  const metrics = {
    served: instruments.counter(
      'dpf_token_served_total',
      'Tokens handed to callers, by where they came from',
      {
        tenant,
        source: TOKEN_SOURCE,
      },
    ),
    misses: instruments.counter(
      'dpf_token_cache_misses_total',
      'Reads of the token cache that gave no token, by reason',
      { tenant, reason: TOKEN_MISS },
    ),
    mints: instruments.counter(
      'dpf_token_mints_total',
      'Token requests to eBay, by why they were made and result',
      {
        tenant,
        reason: MINT_REASON,
        result: MINT_RESULT,
      },
    ),
    mintSeconds: instruments.histogram(
      'dpf_token_mint_seconds',
      'Duration of token requests',
      { tenant },
      MINT_SECONDS,
    ),
    waits: instruments.counter(
      'dpf_token_waits_total',
      "Times that this process waited for another's token request",
      { tenant },
    ),
    credentialRefused: instruments.gauge(
      'dpf_token_credential_refused',
      '1 while eBay refuses the credential, as this process knows it',
      { tenant },
    ),
  };
  return {
    ...metrics,
    expiresAt: (owner, at) => expiries.set(owner, at),
    begin(owner) {
      const own = { tenant: owner };
      for (const result of MINT_RESULT) metrics.mints.inc({ ...own, reason: 'missing', result }, 0);
      metrics.mints.inc({ ...own, reason: 'refused', result: 'ok' }, 0);
      for (const source of TOKEN_SOURCE) metrics.served.inc({ ...own, source }, 0);
      metrics.misses.inc({ ...own, reason: 'absent' }, 0);
      metrics.mintSeconds.begin(own);
      metrics.credentialRefused.set(own, 0);
    },
  };
}
