import type { Terminal } from '../../../src/cli/terminal.ts';

/** A terminal that remembers. */
export function plainTerminal(change: Partial<Terminal> = {}): Terminal & { out: string[]; err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out,
    err,
    exit: 0,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    draw: (text) => void err.push(text),
    width: 100,
    live: false,
    paint: (_colour, text) => text,
    link: (_url, text) => text,
    ...change,
  };
}
