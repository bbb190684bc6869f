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

/** The candidate that a typing error most likely meant, or undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.slice(0, 64).toLowerCase();
  if (wanted === '') return undefined;
  let best = candidates.find((candidate) => candidate.toLowerCase().startsWith(wanted));
  if (best !== undefined) return best;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
