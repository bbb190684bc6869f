import { type Logger, SILENT } from '../telemetry/logger.ts';
import type { AnalyticsClient } from './analytics.ts';
import type { CallGate } from './gate.ts';

export interface ReconcileDeps {
  gate: CallGate;
  analytics: Pick<AnalyticsClient, 'browseQuota'>;
  log?: Logger;
  signal?: AbortSignal;
}

/**
 * Brings the ledger in line with eBay's own count, up or down; another program may spend from the same quota.
 * Safe to run at any time and in several processes. @returns whether eBay's figures were taken over.
 * @throws Failure `redis-unavailable`.
 */
export async function reconcileQuota({
  gate,
  analytics,
  log = SILENT,
  signal,
}: ReconcileDeps): Promise<boolean> {
  const before = await gate.read();
  const figures = await analytics.browseQuota(signal);
  if (figures === undefined) return false;
  if (!(await gate.reconcile(figures, before.mark))) {
    log.info('quota figures ignored: their day has ended', { reset: new Date(figures.reset).toISOString() });
    return false;
  }
  const { limit, remaining } = figures;
  log.info('quota reconciled', { limit, remaining, ledgerHad: before.remaining });
  return true;
}
