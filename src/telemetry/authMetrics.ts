import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** How the token is got and served. Every metric has a `tenant` label. */
export interface AuthMetrics {
  /** Tokens handed to callers, by `source`: `redis`, `memory` (Redis or the endpoint failed), `mint`. */
  served: Counter<'tenant' | 'source'>;
  /** Reads that gave no token, by `reason`: absent, garbage, undecryptable, foreign, expired, silent. */
  misses: Counter<'tenant' | 'reason'>;
  /** Token requests, by `reason` (missing, refused, forced, ahead) and `result` (ok, or what went wrong). */
  mints: Counter<'tenant' | 'reason' | 'result'>;
  mintSeconds: Histogram<'tenant'>;
  /** Times that this process waited for another's token request. */
  waits: Counter<'tenant'>;
  /** 1 while eBay refuses the credential itself. */
  credentialRefused: Gauge<'tenant'>;
  /** When the tenant's token stops being used, ms since the epoch; shown as the seconds until then. */
  expiresAt(tenant: string, at: number): void;
}

/** Declares the metrics once in this registry. */
export function declareAuthMetrics(registry: Registry): AuthMetrics {
  const registers = [registry];
  const expiries = new Map<string, number>();
  new Gauge({
    name: 'dpf_token_expiry_seconds',
    help: 'Seconds until the token stops being used',
    labelNames: ['tenant'],
    registers,
    collect() {
      for (const [tenant, at] of expiries) this.set({ tenant }, Math.max(0, (at - Date.now()) / 1000));
    },
  });
  return {
    served: new Counter({
      name: 'dpf_token_served_total',
      help: 'Tokens handed to callers, by source',
      labelNames: ['tenant', 'source'],
      registers,
    }),
    misses: new Counter({
      name: 'dpf_token_cache_misses_total',
      help: 'Reads of the token cache that gave no token, by reason',
      labelNames: ['tenant', 'reason'],
      registers,
    }),
    mints: new Counter({
      name: 'dpf_token_mints_total',
      help: 'Token requests to eBay, by reason and result',
      labelNames: ['tenant', 'reason', 'result'],
      registers,
    }),
    mintSeconds: new Histogram({
      name: 'dpf_token_mint_seconds',
      help: 'Duration of token requests',
      labelNames: ['tenant'],
      buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    }),
    waits: new Counter({
      name: 'dpf_token_waits_total',
      help: "Times that this process waited for another's token request",
      labelNames: ['tenant'],
      registers,
    }),
    credentialRefused: new Gauge({
      name: 'dpf_token_credential_refused',
      help: '1 while eBay refuses the credential',
      labelNames: ['tenant'],
      registers,
    }),
    expiresAt: (tenant, at) => expiries.set(tenant, at),
  };
}
