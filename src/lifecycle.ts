export interface StopReport {
  /** Names of the parts that did not close in time or failed to, in stop order. */
  unclosed: string[];
}

/**
 * Closes parts in the reverse order of their start, each within a time limit. `opened` registers a part when it is there,
 * to be closed by its own `close` unless another way is given. A second call of `stop` returns the same promise.
 */
export class Lifecycle {
  /** Each closes one part and returns the names of what did not close within `graceMs`. They never reject. */
  readonly #parts: Array<(graceMs: number) => Promise<string[]>> = [];
  #stopping: Promise<StopReport> | undefined;

  opened<T extends { close(): unknown }>(name: string, part: T): T;
  opened<T>(name: string, part: T, close: (part: T) => unknown): T;
  opened<T>(name: string, part: T, close = (own: T) => (own as { close(): unknown }).close()): T {
    this.#parts.push(async (graceMs) => ((await withinDeadline(() => close(part), graceMs)) ? [] : [name]));
    return part;
  }

  /** A part with parts of its own: it limits its own stop and reports what did not close. */
  nested<T extends { stop(): Promise<StopReport> }>(part: T): T {
    this.#parts.push(async () => (await part.stop()).unclosed);
    return part;
  }

  /** @param graceMs how long each part may take to close, in ms; the worker's own grace must be shorter. */
  stop(graceMs: number): Promise<StopReport> {
    this.#stopping ??= this.#closeAll(graceMs);
    return this.#stopping;
  }

  async #closeAll(graceMs: number): Promise<StopReport> {
    const unclosed: string[] = [];
    for (const close of this.#parts.reverse()) unclosed.push(...(await close(graceMs)));
    return { unclosed };
  }
}

async function withinDeadline(close: () => unknown, graceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, graceMs, false);
  });
  const closed = (async () => close())();
  const closing = closed.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([closing, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
