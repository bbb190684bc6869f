const MASK = '***';

/** An API key, recognised by its form because only its owner has it; in base64 with the rest of the word. */
const API_KEY = new RegExp(
  [
    'dpf_live_[0-9a-z]{10}_[\\w-]{20,43}',
    `(?:${[...new Set(base64Forms(Buffer.from('dpf_live_')))].join('|')})(?:[\\w+/-]|%2[bBfF]){30,}`,
  ].join('|'),
  'g',
);

/** A form that was cut short is recognised by this many first characters. */
const HEAD = 24;

/** Tokens replace one another; this many are remembered beside the lasting secrets. */
const MOST_TOKENS = 8;

const MAX_SCRUB_DEPTH = 20;

/**
 * Masks the secrets of this process in every form of `formsOf`: the last line of defence before a log, a job or an HTTP
 * answer. `redact` recognises secrets by their form; this class knows the secrets themselves.
 */
export class Scrubber {
  readonly #lasting = new Set<string>();
  readonly #tokens = new Map<string, string[]>();
  /** The beginning of a form → the forms that begin so. */
  #forms = new Map<string, string[]>();

  /** From now on these are masked until the process ends. */
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

  /** Every text within a JSON-like value, names included. */
  value<Value>(value: Value, depth = 0): Value {
    if (typeof value === 'string') return this.text(value) as Value;
    if (typeof value !== 'object' || value === null || depth === MAX_SCRUB_DEPTH) return value;
    if (Array.isArray(value)) return value.map((part) => this.value(part, depth + 1)) as Value;
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([name, part]) => [this.text(name), this.value(part, depth + 1)]),
    ) as Value;
  }

  /** The same error, its message and stack masked, and those of what caused it. */
  error<Thrown>(thrown: Thrown): Thrown {
    let error: unknown = thrown;
    for (let depth = 0; error instanceof Error && depth < MAX_SCRUB_DEPTH; depth += 1) {
      // BullMQ stores both. An error that cannot be changed is one of the runtime's own and holds no secret.
      for (const part of ['message', 'stack'] as const) {
        const clean = this.text(error[part] ?? '');
        if (clean !== (error[part] ?? '')) Reflect.set(error, part, clean);
      }
      error = error.cause;
    }
    return thrown;
  }

  #index(): void {
    this.#forms = new Map();
    for (const form of [...this.#lasting, ...[...this.#tokens.values()].flat()]) {
      const head = form.slice(0, HEAD);
      this.#forms.set(head, [...(this.#forms.get(head) ?? []), form]);
    }
  }
}

/** How many characters of the text from `at` on are the beginning of one of the forms. */
function longestMatch(text: string, at: number, forms: readonly string[]): number {
  let longest = 0;
  for (const form of forms) {
    let length = Math.min(HEAD, form.length);
    while (length < form.length && text[at + length] === form[length]) length += 1;
    longest = Math.max(longest, length);
  }
  return longest;
}

/** Shorter secrets and forms are too likely to be part of ordinary words. */
const SHORTEST = 6;

/**
 * The texts that reveal a secret: itself, in base64 (at the beginning of a text or within one, such as `id:secret` of a
 * Basic header), in a URL, and in JSON. Empty for a secret that is too short.
 */
function formsOf(secret: string): string[] {
  if (secret.length < SHORTEST) return [];
  const base64 = base64Forms(Buffer.from(secret));
  // encodeURIComponent throws at half a surrogate pair.
  const whole = Buffer.from(secret).toString();
  const encoded = [encodeURIComponent(whole), new URLSearchParams({ '': whole }).toString().slice(1)];
  const lowerHex = (text: string) => text.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
  const inUrls = [...base64.map(encodeURIComponent), ...encoded, ...encoded.map(lowerHex), encodeURI(whole)];
  const forms = [secret, ...base64, ...inUrls, JSON.stringify(secret).slice(1, -1)];
  return [...new Set(forms)].filter((form) => form.length >= SHORTEST);
}

/**
 * Base64 encodes three bytes at a time, so the same bytes look different at each of three offsets. These are the characters
 * that depend on the secret alone, for each offset, in both alphabets.
 */
function base64Forms(secret: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
    const padding = text.length - text.replace(/=+$/, '').length;
    // The last character before a padding also holds bits of the text behind, the first ones bits of the text before.
    const own = text.slice(before === 0 ? 0 : before + 1, text.length - padding - (padding > 0 ? 1 : 0));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Fields that only ever hold a secret. */
const SECRET_NAME =
  /^(access_?token|token|secret|client_?secret|password|authorization|cookie|(x-)?api_?key)$/i;

/** Secrets recognised by their shape: header values, eBay's tokens, API keys, the text before a URL's `@`. */
const SECRET_SHAPES: Array<[shape: RegExp, shown: string]> = [
  [/\b(Bearer|Basic)\s+[^\s"',]{8,}/gi, '$1 ***'],
  [/v\^1\.1#[^\s"',]+/g, '***'],
  [/\b(dpf_live_[0-9a-z]{10})_[\w-]+/g, '$1_***'],
  [/:\/\/[^\s/"']*@/g, '://***@'],
];

/** Longer than any message of this project: the beginning of a foreign text is enough. */
const LONGEST = 2000;
const MAX_REDACT_DEPTH = 6;

/** A value as a log may hold it: without secrets and cycles, of bounded size; an error as its name and message. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactText(`${value.name}: ${value.message}`);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth === MAX_REDACT_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, 100).map((part) => redact(part, depth + 1));
  return redactFields(value, depth);
}

/** The same for the fields of one object. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      redactText(name),
      SECRET_NAME.test(name) && value !== null && value !== undefined ? '***' : redact(value, depth + 1),
    ]),
  );
}

export function redactText(text: string): string {
  const shown = SECRET_SHAPES.reduce((rest, [shape, mask]) => rest.replace(shape, mask), text);
  return shown.length <= LONGEST ? shown : `${shown.slice(0, LONGEST)}…`;
}

/** Characters that end a line, move the cursor or reverse the text, as `\uXXXX`; within JSON the value stays the same. */
export function visible(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
