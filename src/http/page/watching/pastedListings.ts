import { readItem } from '../../../product/itemReference.ts';
import type { InputError } from '../../../product/schemaErrors.ts';
import { MAX_WATCHED } from '../../../product/watchlistSchema.ts';
import type { ImportSource } from '../../../queue/watch/watchlists/watchlists.ts';

/** What was pasted, as an import takes it, and where it stands in the text. */
export interface Pasted {
  source: ImportSource;
  /** Line of the text that a line of the import is on; undefined: they are the same. */
  lines: readonly number[] | undefined;
}

/** Addresses and numbers in lines or with spaces and commas between them, or a CSV with a header. */
export function pastedListings(text: string): Pasted {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  const [first = ''] = lines.filter((line) => line.trim() !== '');
  // A header names columns; a line of listings names none.
  const isTable =
    HEADER.test(first.trim()) || (/[,;\t]/.test(first) && !partsOf(first).slice(0, MOST_NAMES).some(isItem));
  if (isTable) return { source: { csv: text }, lines: undefined };
  const entries: Array<{ part: string; line: number }> = [];
  for (const [index, line] of lines.entries()) {
    for (const part of partsOf(line)) entries.push({ part, line: index + 1 });
    // What follows is never stored, and a form may have millions of them.
    if (entries.length > MAX_WATCHED) break;
  }
  return { source: { entries: entries.map(({ part }) => part) }, lines: entries.map(({ line }) => line) };
}

/** Columns that a CSV may have, as its import allows: what follows in its first line is not looked at. */
const MOST_NAMES = 1000;

/** The name of the column with the listings, where it is the only one. */
const HEADER = /^"?(item|item ?id|listing|listing ?id|url|link)"?$/i;

function partsOf(line: string): string[] {
  const text = line.trim();
  if (text === '') return [];
  return isItem(text) ? [text] : text.split(/[\s,;]+/).filter(Boolean);
}

/** The longest address of a listing that anybody pastes. */
const LONGEST = 2048;

function isItem(text: string): boolean {
  return text.length <= LONGEST && 'item' in readItem(text);
}

/** Whether more was pasted than a list may have. */
export function areTooMany({ source }: Pasted): boolean {
  return 'entries' in source && source.entries.length > MAX_WATCHED;
}

/** The errors of an import as a person reads them: `line 3: …`. */
export function lineErrors(errors: readonly InputError[], { lines }: Pasted): string[] {
  return errors.map(({ path, message }) => {
    const [, number, , column] = /^(\d+)(\.(.*))?$/.exec(path) ?? [];
    if (number === undefined) return path === 'entries' ? `The text ${message}` : `${path}: ${message}`;
    const line = lines === undefined ? Number(number) : (lines[Number(number) - 1] ?? Number(number));
    const where = column === undefined || column === 'item' ? '' : `, ${column}`;
    return `Line ${line}${where}: ${message}`;
  });
}
