import { base64Forms, formsOf } from './secretForms.ts';

const MASK = '***';

/** An API key of ours: known by its look, for only its owner has it; in base64 with all that goes on behind its beginning. */
const API_KEY = new RegExp(
  [
    'dpf_live_[0-9a-z]{10}_[\\w-]{20,43}',
    `(?:${[...new Set(base64Forms(Buffer.from('dpf_live_')))].join('|')})(?:[\\w+/-]|%2[bBfF]){30,}`,
  ].join('|'),
  'g',
);

/** Where a text is cut short, a form is known by its beginning of this length. */
const HEAD = 24;

/** Tokens replace one another; these many are remembered beside the lasting secrets. */
const MOST_TOKENS = 8;

const DEEPEST = 20;

/**
 * Knows the secrets that this process lives on and masks them wherever they stand, whatever brought them there: the last
 * line of defence before a log, a job or an HTTP answer. Other than `redact.ts`, which knows secrets by their look, it knows
 * these very ones, in every form of `formsOf`.
 */
export class Scrubber {
  readonly #lasting = new Set<string>();
  readonly #tokens = new Map<string, string[]>();
  /** The beginning of a form → the forms that begin so. */
  #forms = new Map<string, string[]>();

  /** From now on these are masked, for as long as the process lives. */
  learn(secrets: Iterable<string>): void {
    for (const secret of secrets) for (const form of formsOf(secret)) this.#lasting.add(form);
    this.#index();
  }

  /** From now on this token is masked, until several newer ones are known. */
  learnToken(token: string): void {
    if (this.#tokens.has(token)) return;
    this.#tokens.set(token, formsOf(token));
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= MOST_TOKENS) break;
      this.#tokens.delete(oldest);
    }
    this.#index();
  }

  text(text: string): string {
    let clean = text.replace(API_KEY, MASK);
    for (const [head, forms] of this.#forms) {
      let at = clean.indexOf(head);
      while (at >= 0) {
        clean = clean.slice(0, at) + MASK + clean.slice(at + longestMatch(clean, at, forms));
        at = clean.indexOf(head, at + MASK.length);
      }
    }
    return clean;
  }

  /** Every text within a JSON-like value, names included. The value itself where there is nothing to mask. */
  value<Value>(value: Value): Value {
    return this.#within(value, 0) as Value;
  }

  /** The same error, its message and stack masked, and those of what caused it. */
  error<Thrown>(thrown: Thrown): Thrown {
    let error: unknown = thrown;
    for (let depth = 0; error instanceof Error && depth < DEEPEST; depth += 1) {
      // BullMQ stores both; an error that cannot be changed is one of the runtime's own and holds nothing of ours.
      for (const part of ['message', 'stack'] as const) {
        const clean = this.text(error[part] ?? '');
        if (clean !== (error[part] ?? '')) Reflect.set(error, part, clean);
      }
      error = error.cause;
    }
    return thrown;
  }

  #within(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value !== 'object' || value === null || depth === DEEPEST) return value;
    if (Array.isArray(value)) {
      const clean = value.map((part) => this.#within(part, depth + 1));
      return clean.some((part, index) => part !== value[index]) ? clean : value;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value);
    const clean = entries.map(([name, part]) => [this.text(name), this.#within(part, depth + 1)] as const);
    const isSame = clean.every(
      ([name, part], index) => name === entries[index]?.[0] && part === entries[index][1],
    );
    return isSame ? value : Object.fromEntries(clean);
  }

  #index(): void {
    this.#forms = new Map();
    for (const form of [...this.#lasting, ...[...this.#tokens.values()].flat()]) {
      const head = form.slice(0, HEAD);
      this.#forms.set(head, [...(this.#forms.get(head) ?? []), form]);
    }
  }
}

/** How far the text follows one of the forms from `at` on, and the one that it follows longest. */
function longestMatch(text: string, at: number, forms: readonly string[]): number {
  let longest = 0;
  for (const form of forms) {
    let length = Math.min(HEAD, form.length);
    while (length < form.length && text[at + length] === form[length]) length += 1;
    longest = Math.max(longest, length);
  }
  return longest;
}
