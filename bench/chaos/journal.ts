import { readFileSync } from 'node:fs';

/** What a worker was doing, written down at once so that it outlives a SIGKILL. */
export interface JournalLine {
  /** ms since the epoch. */
  at: number;
  /** A page's job began, called eBay, has its answer stored, has said what follows. */
  what: 'start' | 'call' | 'stored' | 'done';
  /** Which page: its search's id and its number. */
  page: string;
}

export function readJournal(path: string): JournalLine[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as JournalLine);
}
