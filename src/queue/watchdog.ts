import type { Runner } from './runner.ts';

export interface WatchdogSettings {
  runners: () => readonly Runner[];
  /** How long work may wait while nothing starts, ms. */
  stuckAfterMs: number;
  /** Makes the workers anew. */
  replace: () => void;
}

/** A look is cheap, and a stuck worker is found within a quarter more than the time it is given. */
const LOOKS = 4;

/**
 * Notices that work waits and nothing starts, over several looks: what just arrived has not waited yet, and a worker that
 * finds a limit in its way shows a sign of life every second. Returns the function that ends the watch.
 */
export function watch({ runners, stuckAfterMs, replace }: WatchdogSettings): () => void {
  const waitingSince = new Map<Runner, number>();
  const lookEveryMs = stuckAfterMs / LOOKS;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const isStuck = async (runner: Runner): Promise<boolean> => {
    const now = Date.now();
    const since = waitingSince.get(runner);
    // Where Redis cannot tell there is nothing to start either.
    if (!(await runner.hasWork().catch(() => false))) waitingSince.delete(runner);
    else if (since === undefined || runner.lastSign > since) waitingSince.set(runner, now);
    else return now - since >= stuckAfterMs;
    return false;
  };
  const look = async () => {
    const stuck = await Promise.all(runners().map(isStuck));
    if (!ended && stuck.includes(true)) {
      waitingSince.clear();
      replace();
    }
    if (!ended) timer = setTimeout(look, lookEveryMs);
  };
  timer = setTimeout(look, lookEveryMs);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
