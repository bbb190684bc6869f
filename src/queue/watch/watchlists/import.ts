import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { withoutApostrophes } from '../../../product/csv.ts';
import { MAX_ENTRY_LENGTH, readItem } from '../../../product/itemReference.ts';
import { isObject } from '../../../product/parseRequest.ts';
import { cut, echo } from '../../../product/schemaErrors.ts';
import {
  MAX_COLUMN_NAME,
  MAX_COLUMN_VALUE,
  MAX_COLUMNS,
  MAX_WATCHED,
  WATCHED_COLUMNS,
} from '../../../product/watchlistSchema.ts';

/** Own columns of an entry: name → value, as the caller wrote them. */
export type OwnColumns = Readonly<Record<string, string>>;

/** A listing as it stands in an import: its reference alone, or an object with `item` and own columns. */
export type ImportEntry = string | ({ item: string } & Record<string, string | number | boolean | null>);

/** What is imported: CSV text (or its bytes, UTF-8 or UTF-16 with a byte order mark), or entries. */
export type ImportSource =
  | { csv: string | Uint8Array /** Column with the listings; default: found by its name. */; column?: string }
  | { entries: readonly ImportEntry[] };

/** One thing that is wrong. */
export interface ImportError {
  /** Of a CSV the line in the file, of entries their place; from 1. 0: it is about all of it. */
  line: number;
  /** Name of the column, where it is one. */
  column: string | null;
  message: string;
}

/** What an import reads. */
export interface ReadImport {
  /** Own columns by entry id, `LISTING` or `v1|LISTING|VARIATION`. The last of several of one listing counts. */
  entries: Map<string, OwnColumns>;
  /** Entries that name a listing which another line names too. */
  duplicates: number;
  errors: ImportError[];
  /** Lines, or entries, that were read, wrong ones included. */
  lines: number;
}

/** Names of the column with the listings, compared without case, spaces and signs; the first that is there is taken. */
const ITEM_COLUMNS =
  'item itemid listing listingid ebayitemid ebayid legacyitemid itemnumber ebayitemnumber url link itemurl ebayurl';
/** Errors that are named one by one. */
const MOST_ERRORS = 100;
/** Characters of a CSV: 20,000 lines of more than 1,000 each. */
const MAX_CSV = 25_000_000;
/** Empty lines and duplicates included. */
const MAX_LINES = 2 * MAX_WATCHED;
/** Characters of a line, and columns: far more than those of a listing with all that it may have. */
const MAX_LINE = 100_000;
const MAX_FIELDS = 1000;

/** Reads what is to be imported; everything wrong is named, and nothing is thrown. */
export function readImport(source: ImportSource): ReadImport {
  return 'csv' in source ? readCsv(source.csv, source.column) : readEntries(source.entries);
}

function readEntries(list: readonly ImportEntry[]): ReadImport {
  const reader = new Reader();
  for (const [index, entry] of list.entries()) {
    const line = index + 1;
    if (typeof entry === 'string') reader.add(line, entry, null, []);
    else if (!isObject(entry) || typeof entry.item !== 'string')
      reader.refuse(line, null, `must be a listing, or an object with item; got ${echo(entry)}`);
    else {
      const { item, ...columns } = entry;
      reader.add(line, item, 'item', Object.entries(columns));
    }
  }
  return reader.read;
}

function readCsv(csv: string | Uint8Array, wanted: string | undefined): ReadImport {
  const reader = new Reader();
  let text: string;
  try {
    text = typeof csv === 'string' ? csv.replace(/^\ufeff/, '') : decode(csv);
  } catch {
    reader.refuse(0, null, 'the file is not text in UTF-8');
    return reader.read;
  }
  if (text.length > MAX_CSV) {
    reader.refuse(0, null, `is longer than ${MAX_CSV} characters`);
    return reader.read;
  }
  const rows = parsedRows(text, reader);
  const [first, ...rest] = rows;
  if (first === undefined) {
    if (reader.read.errors.length === 0) reader.refuse(0, null, 'holds no line');
    return reader.read;
  }
  if (first.fields.length > MAX_FIELDS) {
    reader.refuse(0, null, `has ${first.fields.length} columns; ${MAX_FIELDS} are the most`);
    return reader.read;
  }
  const isHeaderless =
    wanted === undefined && rows.every(({ fields }) => fields.length === 1) && isItem(first.fields[0]);
  if (isHeaderless) {
    for (const { line, fields } of rows) reader.add(line, fields[0] ?? '', null, []);
    return reader.read;
  }
  let header = first.fields.map((name) => name.trim());
  // A list that was printed: what was seen of its listings is not the caller's.
  const isExport = WATCHED_COLUMNS.every((name, index) => header[index] === name);
  if (isExport)
    header = header.map((name, index) =>
      index > 0 && index < WATCHED_COLUMNS.length ? '' : withoutApostrophes(name),
    );
  const at = wanted === undefined ? itemColumnOf(header) : header.indexOf(wanted);
  if (at < 0) {
    const names = header.map((name) => echo(name)).join(', ');
    reader.refuse(
      0,
      null,
      wanted === undefined
        ? `no column names the listings: call one of them item; there are ${cut(names, 300)}`
        : `there is no column ${echo(wanted)}; there are ${cut(names, 300)}`,
    );
    return reader.read;
  }
  // Also where a listing's own column of a list that was printed is called item.
  const names = isExport ? header.with(0, '') : header;
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) reader.refuse(first.line, cut(twice, 40), 'is the name of two columns');
  for (const { line, fields } of rest) {
    if (fields.length > header.length && fields.slice(header.length).some((value) => value.trim() !== '')) {
      reader.refuse(line, null, `has ${fields.length} fields, and the header has ${header.length}`);
      continue;
    }
    const columns: Array<[string, string]> = [];
    for (const [index, name] of header.entries()) {
      const value = fields[index] ?? '';
      if (index !== at && name !== '' && value !== '')
        columns.push([name, isExport ? withoutApostrophes(value) : value]);
    }
    reader.add(line, fields[at] ?? '', header[at] as string, columns);
  }
  return reader.read;
}

interface Row {
  line: number;
  fields: string[];
}

/** A file may have several of them: lines are added to one of another system. */
const LINE_ENDS = ['\r\n', '\n', '\r'];

/** Empty lines are left out, and a first one that names the delimiter for a spreadsheet. */
function parsedRows(text: string, reader: Reader): Row[] {
  // Many fields without text are not limited by the size of a record.
  if (hasLongLine(text)) {
    reader.refuse(0, null, `has a line of more than ${MAX_LINE} characters`);
    return [];
  }
  try {
    const options = {
      delimiter: delimiterOf(text),
      info: true,
      max_record_size: MAX_LINE,
      record_delimiter: LINE_ENDS,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      to: MAX_LINES + 1,
      trim: false,
    } as const;
    const parsed = parse(text, options) as unknown as Array<{ info: { lines: number }; record: string[] }>;
    if (parsed.length > MAX_LINES) {
      reader.refuse(0, null, `has more than ${MAX_LINES} lines`);
      return [];
    }
    return parsed
      .map(({ info, record }) => ({ line: info.lines, fields: record }))
      .filter(({ fields }, index) => !(index === 0 && /^sep=.?$/i.test(fields.join(''))))
      .filter(({ fields }) => fields.some((value) => value.trim() !== ''));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // No line is read: with line 0 it stops an import that leaves wrong lines out, and would replace a list by nothing.
    reader.refuse(0, null, `is no CSV: ${cut(error.message, 200)}`);
    return [];
  }
}

function hasLongLine(text: string): boolean {
  let from = 0;
  while (text.length - from > MAX_LINE) {
    const end = Math.max(text.lastIndexOf('\n', from + MAX_LINE), text.lastIndexOf('\r', from + MAX_LINE));
    if (end < from) return true;
    from = end + 1;
  }
  return false;
}

const DELIMITERS: readonly string[] = [',', ';', '\t'];

/** The one of the usual delimiters that the header has most of, outside quotes. What stands behind it is not looked at. */
function delimiterOf(text: string): string {
  const counts = DELIMITERS.map(() => 0);
  let isQuoted = false;
  // At the begin of a cell, or behind a closing quote, which a second one makes a sign of the cell.
  let mayOpen = true;
  // Empty lines before it are left out, as the parser does.
  for (const sign of text.slice(Math.max(0, text.search(/[^\r\n]/))).slice(0, MAX_LINE)) {
    if (sign === '"' && (isQuoted || mayOpen)) {
      isQuoted = !isQuoted;
      mayOpen = true;
    } else if (!isQuoted) {
      if (LINE_ENDS.includes(sign)) break;
      const index = DELIMITERS.indexOf(sign);
      mayOpen = index >= 0;
      if (mayOpen) counts[index] = (counts[index] as number) + 1;
    }
  }
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}

/** Spreadsheets write UTF-16 with a byte order mark. @throws TypeError for what is no text */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, { fatal: true }).decode(bytes);
}

function itemColumnOf(header: readonly string[]): number {
  const plain = header.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ''));
  for (const name of ITEM_COLUMNS.split(' ')) if (plain.includes(name)) return plain.indexOf(name);
  return header.length === 1 ? -1 : plain.indexOf('id');
}

function isItem(text: string | undefined): boolean {
  return text !== undefined && 'item' in readItem(text);
}

/** A spreadsheet shows a long number as 1.10588E+11, and then saves it so. */
const ROUNDED = /^\d[.,]\d+E\+\d+$/i;

function referenceIn(text: string): { item: string } | { error: string } {
  const item = text.trim();
  if (item === '') return { error: 'names no listing' };
  if (text.length > MAX_ENTRY_LENGTH) return { error: `is longer than ${MAX_ENTRY_LENGTH} characters` };
  if (ROUNDED.test(item))
    return {
      error: `${item} is rounded: format the column as text in the spreadsheet, and save it again`,
    };
  const found = readItem(item);
  return 'error' in found ? { error: `${echo(cut(item, 80))} ${found.error}` } : found;
}

class Reader {
  readonly read: ReadImport = { entries: new Map(), duplicates: 0, errors: [], lines: 0 };

  refuse(line: number, column: string | null, message: string): void {
    if (this.read.errors.length < MOST_ERRORS) this.read.errors.push({ line, column, message });
  }

  add(
    line: number,
    item: string,
    column: string | null,
    columns: Array<[name: string, value: unknown]>,
  ): void {
    this.read.lines += 1;
    const found = referenceIn(item);
    if ('error' in found) {
      this.refuse(line, column, found.error);
      return;
    }
    const own = this.#columns(line, columns);
    if (own === undefined) return;
    const { entries } = this.read;
    const id = entryOf(found.item);
    if (entries.has(id)) this.read.duplicates += 1;
    else if (entries.size === MAX_WATCHED) {
      this.refuse(line, column, `is one listing more than the ${MAX_WATCHED} that a list may have`);
      return;
    }
    entries.set(id, own);
  }

  #columns(line: number, columns: Array<[name: string, value: unknown]>): OwnColumns | undefined {
    const own: Array<[name: string, value: string]> = [];
    const before = this.read.errors.length;
    for (const [name, value] of columns) {
      if (value === null || value === undefined || value === '') continue;
      const text = typeof value === 'string' ? value : String(value);
      if (typeof value === 'object')
        this.refuse(line, cut(name, 40), 'must be text, a number, true or false');
      else if (name.length > MAX_COLUMN_NAME || !/^[^\p{C}]+$/u.test(name))
        this.refuse(
          line,
          cut(name, 40),
          `is no name of a column: 1 to ${MAX_COLUMN_NAME} visible characters`,
        );
      else if (text.length > MAX_COLUMN_VALUE)
        this.refuse(line, name, `is longer than ${MAX_COLUMN_VALUE} characters`);
      else own.push([name, text]);
    }
    if (own.length > MAX_COLUMNS)
      this.refuse(line, null, `has ${own.length} columns of its own; ${MAX_COLUMNS} are the most`);
    // Also one that is called __proto__, which an assignment would not keep.
    return this.read.errors.length === before ? Object.fromEntries(own) : undefined;
  }
}

/** The id of an entry: a listing as a whole has its number alone. */
export function entryOf(item: string): string {
  return item.replace(/^v1\|([0-9]+)\|0+$/, '$1');
}
