/** Longest time by which data go before their limit, ms. */
const LONGEST_MARGIN_MS = 600_000;

/**
 * How long data are kept that one process removes every now and then, ms: a little less than their limit, so that nothing
 * outlives it between two rounds.
 */
export function keptFor(limitMs: number): number {
  return limitMs - Math.min(limitMs / 10, LONGEST_MARGIN_MS);
}
