/** Where a command prints, and what is known of it. */
export interface Terminal {
  /** Text for stdout: what the command was asked for. */
  print(text: string): void;
  /** Text for stderr: everything else. */
  note(text: string): void;
  /** Writes to stderr without a line end; only where `live`. */
  draw(text: string): void;
  /** Columns of stdout. */
  width: number;
  /** Whether stderr is a terminal, whose last line can be drawn again. */
  live: boolean;
  /** Text in a colour, where stdout shows colours. */
  paint(colour: Colour, text: string): string;
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Colour = keyof typeof CODES;

/** Wide enough for the table's usual columns, where nobody says how wide it is. */
const USUAL_WIDTH = 100;
const LEAST_WIDTH = 60;

export interface Streams {
  out: NodeJS.WriteStream;
  err: NodeJS.WriteStream;
}

/** `NO_COLOR` and its kin are read by Node itself, in `hasColors`. */
export function terminalOn({ out, err }: Streams): Terminal {
  const colours = out.isTTY === true && out.hasColors();
  return {
    print: (text) => void out.write(`${text}\n`),
    note: (text) => void err.write(`${text}\n`),
    draw: (text) => void err.write(text),
    width: Math.max(LEAST_WIDTH, out.columns ?? USUAL_WIDTH),
    live: err.isTTY === true,
    paint: (colour, text) =>
      colours ? `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m` : text,
  };
}

/**
 * The process's own. A reader of stdout that went away (`| head -1`) ends the process without a word: it has what it wanted.
 * Where stdout takes nothing for another reason (a full disk), the process says so and ends. Without stderr it goes on.
 */
export function processTerminal(): Terminal {
  const { stdout: out, stderr: err } = process;
  const terminal = terminalOn({ out, err });
  out.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
    terminal.note(`dpf: the output cannot be written (${code})`);
    process.exit(1);
  });
  err.on('error', () => undefined);
  return terminal;
}

/** Sellers write titles: whatever a terminal would obey, or would turn the line around, is left out. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}
