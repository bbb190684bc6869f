/**
 * The pause after a 429 that named none: twice the last one if that ended lately (within four times its own length),
 * else the first one again.
 */
export function grownPause(
  last: { pauseMs: number; end: number },
  now: number,
  { throttlePauseMs, maxThrottlePauseMs }: { throttlePauseMs: number; maxThrottlePauseMs: number },
): number {
  const soon = last.pauseMs > 0 && now < last.end + 4 * last.pauseMs;
  return Math.min(soon ? last.pauseMs * 2 : throttlePauseMs, maxThrottlePauseMs);
}
