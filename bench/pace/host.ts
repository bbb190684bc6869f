import { readFile } from 'node:fs/promises';

/** A virtual machine loses some 30 to 80 ms a second to its host; where it loses more, another machine is measured. */
const MOST_STOLEN = 100;
const MOST_RUNS = 3;

interface Undisturbed<T> {
  result: T;
  /** What the host took from all processors meanwhile, ms a second; 0 where that is not told. */
  stolen: number;
  /** Which run it was. */
  run: number;
}

/** Measures again, whatever came of it, where the host took too much; the last run stands. */
export async function undisturbed<T>(measure: () => Promise<T>, run = 1): Promise<Undisturbed<T>> {
  const [before, startedAt] = [await stolenMs(), performance.now()];
  const result = await measure();
  const stolen = (1000 * ((await stolenMs()) - before)) / (performance.now() - startedAt);
  return stolen > MOST_STOLEN && run < MOST_RUNS ? undisturbed(measure, run + 1) : { result, stolen, run };
}

/** Linux counts it in hundredths of a second, as the eighth figure of all processors. */
async function stolenMs(): Promise<number> {
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '');
  return Number(/^cpu +(?:\d+ ){7}(\d+)/.exec(stat)?.[1] ?? 0) * 10;
}
