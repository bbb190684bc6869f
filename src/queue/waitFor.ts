import { Failure } from '../failures.ts';
import type { SearchReport } from './report.ts';

/** A question is one cheap read, so this stays below what a person notices without troubling Redis. */
const ASK_EVERY_MS = 100;

/**
 * Asks until the search has ended. Asking survives what an event stream would not: a Redis that restarts, events that
 * were trimmed, an end that came before the question.
 */
export async function waitForEnd(
  ask: () => Promise<SearchReport>,
  options: { timeoutMs?: number; onProgress?: (report: SearchReport) => void; signal?: AbortSignal },
): Promise<SearchReport> {
  const giveUpAt = options.timeoutMs === undefined ? Infinity : Date.now() + options.timeoutMs;
  let last = '';
  for (;;) {
    const report = await askPatiently(ask, giveUpAt);
    const seen = JSON.stringify(report);
    if (seen !== last) options.onProgress?.(report);
    last = seen;
    if (report.state === 'done') return report;
    if (Date.now() >= giveUpAt || options.signal?.aborted)
      throw new Failure('interrupted', `search ${report.searchId} goes on`, { searchId: report.searchId });
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function askPatiently(ask: () => Promise<SearchReport>, giveUpAt: number): Promise<SearchReport> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const passing = error instanceof Failure && error.code === 'redis-unavailable';
      if (!passing || Date.now() >= giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }
}
