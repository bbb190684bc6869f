import { openSync, readFileSync, writeSync } from 'node:fs';

/** What a worker was doing, written down at once so that it outlives a SIGKILL. */
export interface JournalLine {
  /** ms since the epoch. */
  at: number;
  what: 'call' | 'stored';
  /** Which page: its search and number. */
  page: string;
}

/** Appends lines with a synchronous write: once it returned, the kernel has them. */
export function openJournal(path: string): (what: JournalLine['what'], page: string) => void {
  const file = openSync(path, 'a');
  return (what, page) => {
    const line: JournalLine = { at: Date.now(), what, page };
    writeSync(file, `${JSON.stringify(line)}\n`);
  };
}

export function readJournal(path: string): JournalLine[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as JournalLine);
}
