import { type Finding, fail, ok } from '../telemetry/finding.ts';

/** Delayed jobs and schedules run by these clocks; so far apart they start visibly early or late. */
const TOLERATED_MS = 5000;

/**
 * Whose clock is off, told by the two others.
 * @param redisMs how far Redis's clock is ahead of this machine's @param ebayMs eBay's; undefined where it did not tell
 */
export function clockFinding(redisMs: number, ebayMs: number | undefined): Finding {
  const off = (ms: number) => Math.abs(ms) > TOLERATED_MS;
  const say = (message: string, remedy: string) => fail('clock', 'degraded', message, remedy);
  const synchronise = 'let it follow NTP (timedatectl set-ntp true)';
  if (!off(redisMs) && !off(ebayMs ?? 0))
    return ok(
      'clock',
      `this machine${ebayMs === undefined ? ' and Redis' : ', Redis and eBay'} tell the same time`,
    );
  if (ebayMs === undefined)
    return say(
      `Redis’s clock is ${apart(redisMs)} this machine’s; eBay did not tell the time`,
      `find out which of the two is wrong and ${synchronise}`,
    );
  if (!off(ebayMs))
    return say(
      `Redis’s clock is ${apart(redisMs)} this machine’s and eBay’s`,
      `set the clock of Redis’s machine: ${synchronise}`,
    );
  if (!off(redisMs))
    return say(
      `the clocks of this machine and of Redis are ${apart(-ebayMs)} eBay’s`,
      `set the clocks of both machines: ${synchronise}`,
    );
  if (!off(redisMs - ebayMs))
    return say(
      `this machine’s clock is ${apart(-redisMs)} Redis’s and eBay’s`,
      `set the clock of this machine: ${synchronise}`,
    );
  return say(
    `this machine, Redis and eBay tell three times: Redis’s clock is ${apart(redisMs)} this machine’s, eBay’s ${apart(ebayMs)} it`,
    `set the clocks of both machines: ${synchronise}`,
  );
}

function apart(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead of' : 'behind'}`;
}
