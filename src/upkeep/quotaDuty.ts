import type { CallGate } from '../ebay/gate.ts';

export interface QuotaSource {
  gate: Pick<CallGate, 'read'>;
  reconcile(signal?: AbortSignal): Promise<boolean>;
}

/**
 * A round of comparing the ledger with eBay's own count: the first one always, later ones only when calls were made
 * since, because a question costs a call of eBay's Analytics quota.
 */
export function quotaRound(ebay: QuotaSource): (signal: AbortSignal) => Promise<void> {
  let last = '';
  return async (signal) => {
    const { mark } = await ebay.gate.read();
    const now = JSON.stringify(mark);
    if (now === last) return;
    // Remembered only when eBay told its figures, so that a question that failed is asked again.
    if (await ebay.reconcile(signal)) last = now;
  };
}
