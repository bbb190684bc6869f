/** One thing wrong with what a caller wrote. */
export interface InputError {
  /** Where: `filters.price.min`, `marketplaces.0`; empty for the whole. */
  path: string;
  /** What, in a closed word for programs. */
  code: string;
  /** What is allowed, for people. Echoes at most 64 characters of the value, escaped. */
  message: string;
}

/** A value as an error message may show it: JSON-escaped, control and invisible characters too, at most 64 characters. */
export function echo(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value === 'number') return String(value);
  const json = JSON.stringify(typeof value === 'string' ? value.slice(0, 64) : value) ?? String(value);
  const shown = json.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return shown.length <= 64 ? shown : `${shown.slice(0, 61)}…"`;
}
