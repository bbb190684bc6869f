/** Something that a process opened and must close. `close` is bounded by the lifecycle, not by itself. */
export interface Closable {
  name: string;
  close(): Promise<unknown> | unknown;
}

export interface StopReport {
  /** Names of what did not close in time or failed to, in stop order. Empty when all is well. */
  unclosed: string[];
}

/**
 * Ordered start and bounded reverse stop. `opened` registers each part right after it came up; `stop` closes them last
 * opened first. Calling `stop` again, from a second signal say, returns the same promise.
 */
export class Lifecycle {
  readonly #parts: Closable[] = [];
  #stopping: Promise<StopReport> | undefined;

  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  opened<T extends object>(name: string, part: T, close: (part: T) => Promise<unknown> | unknown): T {
    this.#parts.push({ name, close: () => close(part) });
    return part;
  }

  /** @param graceMs how long each part may take to close, in ms; the worker's own grace must be shorter. */
  stop(graceMs: number): Promise<StopReport> {
    this.#stopping ??= this.#closeAll(graceMs);
    return this.#stopping;
  }

  async #closeAll(graceMs: number): Promise<StopReport> {
    const unclosed: string[] = [];
    for (const part of this.#parts.reverse()) {
      const closed = await withinDeadline(part, graceMs);
      if (!closed) unclosed.push(part.name);
    }
    return { unclosed };
  }
}

async function withinDeadline(part: Closable, graceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, graceMs, false);
  });
  const closing = Promise.resolve()
    .then(() => part.close())
    .then(
      () => true,
      () => false,
    );
  try {
    return await Promise.race([closing, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
