import { readFile } from 'node:fs/promises';

/** Runs `work`, and says how much of the processors a host took away meanwhile, ms a second; 0 where that is not told. */
export async function withStolen<T>(work: () => Promise<T>): Promise<{ result: T; stolen: number }> {
  const [before, startedAt] = [await stolenMs(), performance.now()];
  const result = await work();
  return { result, stolen: (1000 * ((await stolenMs()) - before)) / (performance.now() - startedAt) };
}

/** Linux counts it in hundredths of a second, as the eighth figure of all processors. */
async function stolenMs(): Promise<number> {
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '');
  return Number(/^cpu +(?:\d+ ){7}(\d+)/.exec(stat)?.[1] ?? 0) * 10;
}
