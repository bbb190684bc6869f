/** eBay's filter syntax: `name:value,name:value`, where commas inside braces or brackets do not divide. */

export function splitFilters(text: string): { name: string; value: string }[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') depth -= 1;
    if (char === ',' && depth <= 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const colon = part.indexOf(':');
      return colon < 0
        ? { name: part.trim(), value: '' }
        : { name: part.slice(0, colon).trim(), value: part.slice(colon + 1).trim() };
    });
}

/** `{A|B}` or a single bare value; `\|` is a pipe that belongs to the value. Null when it is neither. */
export function readSet(value: string): string[] | null {
  const inner = /^\{(.*)\}$/s.exec(value)?.[1] ?? (/[{}[\]]/.test(value) ? null : value);
  if (inner === null) return null;
  const members = inner.split(/(?<!\\)\|/).map((member) => member.replaceAll('\\|', '|').trim());
  return members.some((member) => member === '') ? null : members;
}

export interface Range<T> {
  readonly low: T | null;
  readonly high: T | null;
}

/** `[a..b]`, `[a]` (at least a), `[a..]`, `[..b]`. Null when malformed or when an end is unreadable. */
export function readRange<T>(value: string, read: (text: string) => T | null): Range<T> | null {
  const inner = /^\[(.*)\]$/.exec(value)?.[1];
  if (inner === undefined || inner === '') return null;
  const [low = '', high = ''] = inner.includes('..') ? inner.split('..') : [inner];
  if (low === '' && high === '') return null;
  const ends = [low, high].map((end) => (end === '' ? undefined : read(end)));
  if (ends.includes(null)) return null;
  return { low: ends[0] ?? null, high: ends[1] ?? null };
}

export function readDecimal(text: string): number | null {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

export function readDate(text: string): number | null {
  const at = Date.parse(text);
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(at) ? at : null;
}

export function inRange(value: number, range: Range<number>): boolean {
  return (range.low === null || value >= range.low) && (range.high === null || value <= range.high);
}
