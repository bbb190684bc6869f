import { problem } from './problem.ts';

/** Of one key, of all that may be held. */
const SHARE_OF_ONE = 0.5;

/** Answers that stay open, event streams and waits: each asks Redis again and again, so there is a most of them. */
export class HeldAnswers {
  readonly #most: number;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Returns what to call at its end, once or more often. @throws Problem 429 or 503 when there are too many */
  enter(keyId: string): () => void {
    const own = this.#open.get(keyId) ?? 0;
    if (this.#total >= this.#most)
      throw problem(503, 'too_many_streams', 'too many answers are held open here', { retryAfter: 5 });
    if (own >= Math.max(1, this.#most * SHARE_OF_ONE))
      throw problem(429, 'too_many_streams', 'this key holds too many answers open', { retryAfter: 5 });
    this.#change(keyId, 1);
    let left = false;
    return () => {
      if (!left) this.#change(keyId, -1);
      left = true;
    };
  }

  #change(keyId: string, by: 1 | -1): void {
    const own = (this.#open.get(keyId) ?? 0) + by;
    this.#total += by;
    if (own === 0) this.#open.delete(keyId);
    else this.#open.set(keyId, own);
  }
}
