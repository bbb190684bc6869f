const LOST = /^(Missing lock|Lock mismatch|Missing key) for job /;

/**
 * BullMQ's word that this worker was held up past the job's lock, or that the job is gone: it is another's by now, so
 * nothing that went wrong here says anything about it.
 */
export function isLockLost(thrown: unknown): boolean {
  return thrown instanceof Error && LOST.test(thrown.message);
}
