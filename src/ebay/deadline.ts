/** One signal for a call: aborts when the caller's does, or when an attempt takes too long. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;
  /** An attempt took too long. */
  expired = false;

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    if (caller?.aborted) this.#controller.abort();
    caller?.addEventListener('abort', this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#caller?.aborted ?? false;
  }

  /** An attempt begins. Time spent waiting for its slot does not count. */
  start(ms: number): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort();
    }, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of the caller's signal, which outlives the call. */
  close(): void {
    this.stop();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}
