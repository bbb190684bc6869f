import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Sampling interval of the delay, ms; it is subtracted from the result. */
const RESOLUTION_MS = 20;

/** Older samples are dropped. */
const WINDOW_MS = 10_000;

/** How late this process's event loop runs. The median, so that one long step does not count as a stuck process. */
export class EventLoop {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #before = 0;

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => {
      this.#before = this.#median();
      this.#delay.reset();
    }, WINDOW_MS).unref();
  }

  /** The median of the last 10 to 20 s, ms. */
  get lagMs(): number {
    return Math.max(this.#before, this.#median());
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #median(): number {
    if (this.#delay.count === 0) return 0;
    return Math.max(0, Math.round(this.#delay.percentile(50) / 1e6 - RESOLUTION_MS));
  }
}
