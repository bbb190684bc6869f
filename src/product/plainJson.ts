import type { InputError } from './inputErrors.ts';

/** A request is four levels deep; what nests deeper is an attack on recursive code. */
const MAX_DEPTH = 32;
/** More than any valid request holds: 600 words and names, 1,000 aspect values, a few dozen fields. */
const MAX_NODES = 5_000;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

type Tidied = { ok: true; value: unknown } | { ok: false; errors: InputError[] };

/**
 * A copy of JSON data that is safe to read: Unicode text in NFC, no keys that reach an object's prototype, no text that
 * is not text (NUL, other control characters, half of a surrogate pair), bounded in depth and size. Never throws.
 */
export function tidyJson(input: unknown): Tidied {
  const errors: InputError[] = [];
  let nodes = 0;
  const refuse = (path: string, code: string, message: string) => {
    if (errors.length < 100) errors.push({ path, code, message });
  };

  const copy = (value: unknown, path: string, depth: number): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES) return undefined;
    if (typeof value === 'string') {
      if (!isText(value))
        refuse(path, 'invalid_text', 'holds a control character or half of a surrogate pair');
      return value.normalize('NFC');
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) {
      refuse(path, 'too_deep', `nests deeper than ${MAX_DEPTH} levels`);
      return undefined;
    }
    if (Array.isArray(value)) {
      return value
        .slice(0, MAX_NODES)
        .map((entry, index) => copy(entry, join(path, String(index)), depth + 1));
    }
    const fields = new Map<string, unknown>();
    for (const key of Object.keys(value)) {
      if (nodes > MAX_NODES) break;
      // What JSON would leave out.
      if ((value as Record<string, unknown>)[key] === undefined) continue;
      if (FORBIDDEN_KEYS.has(key)) refuse(join(path, key), 'forbidden_key', `a key may not be named ${key}`);
      else if (!isText(key))
        refuse(path, 'invalid_text', 'has a key with a control character or half of a surrogate pair');
      else
        fields.set(
          key.normalize('NFC'),
          copy((value as Record<string, unknown>)[key], join(path, key), depth + 1),
        );
    }
    return Object.fromEntries(fields);
  };

  const value = copy(input, '', 1);
  if (nodes > MAX_NODES) {
    errors.unshift({ path: '', code: 'too_large', message: `holds more than ${MAX_NODES} values` });
  }
  return errors.length === 0 ? { ok: true, value } : { ok: false, errors };
}

function join(path: string, key: string): string {
  const short = key.length <= 64 ? key : `${key.slice(0, 63)}…`;
  const shown = short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�');
  return path === '' ? shown : `${path}.${shown}`;
}

/** Tabs and line ends are white space, which is tidied later; all other control characters have no place in a request. */
function isText(text: string): boolean {
  return !/[\p{Cs}]|(?![\t\n\r])\p{Cc}/u.test(text);
}
