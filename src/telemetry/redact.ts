/** Fields that only ever hold a secret. */
const SECRET_NAME =
  /^(access_?token|token|secret|client_?secret|password|authorization|cookie|(x-)?api_?key)$/i;

/** Secrets told by their shape, wherever they stand: header values, eBay's tokens, our keys, what stands before a URL's `@`. */
const SECRET_SHAPES: Array<[shape: RegExp, shown: string]> = [
  [/\b(Bearer|Basic)\s+[^\s"',]{8,}/gi, '$1 ***'],
  [/v\^1\.1#[^\s"',]+/g, '***'],
  [/\b(dpf_live_[0-9a-z]{10})_[\w-]+/g, '$1_***'],
  [/:\/\/[^\s/"']*@/g, '://***@'],
];

/** Longer than any message of ours: somebody else's text, of which the beginning is enough. */
const LONGEST = 2000;
const DEEPEST = 6;

/** A value as a log may hold it: no secret, no cycle, nothing endless; an error as its name and message. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactText(`${value.name}: ${value.message}`);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth === DEEPEST) return '…';
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

/** Characters that end a line, move the cursor or turn the text around, as `\uXXXX`; within JSON the value stays the same. */
export function visible(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
