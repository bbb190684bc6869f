import { randomBytes } from 'node:crypto';
import { createSupportsHyperlinks } from 'supports-hyperlinks';
import { EXIT, type ExitCode } from './exit.ts';

/** Where a command prints, and the code that it ends with. */
export type Terminal = ReturnType<typeof processTerminal>;

export type Painter = Pick<Terminal, 'paint'>;

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Colour = keyof typeof CODES;

/** Marks the links of this process, which `shown` lets through: nobody else can know it. */
const LINK_ID = randomBytes(8).toString('hex');

/** A text that a terminal shows as a link (OSC 8). */
export function hyperlink(url: string, text: string): string {
  // Other characters could end the sequence, or be counted as a part of the text.
  const address = url.replace(/[^-\w/#&.:=?%@~]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
  return `\u001b]8;id=${LINK_ID};${address}\u0007${text}\u001b]8;;\u0007`;
}

/** Wide enough for the table's usual columns; used where the output is no terminal. */
const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 60;

/**
 * The process's own terminal. When the reader of stdout has gone (`| head -1`), the process ends without a message. When
 * stdout fails otherwise (a full disk), the process says so and ends. Without stderr it continues.
 */
export function processTerminal() {
  const { stdout, stderr } = process;
  // Node reads `NO_COLOR` and similar variables in `hasColors`.
  const colours = stdout.isTTY === true && stdout.hasColors();
  const links = stdout.isTTY === true && createSupportsHyperlinks(stdout);
  stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
    stderr.write(`dpf: the output cannot be written (${code})\n`);
    process.exit(1);
  });
  stderr.on('error', () => undefined);
  return {
    /** Of a command that does not throw. */
    exit: EXIT.done as ExitCode,
    /** Writes a line to stdout: what the command was asked for. @param end another end than a line feed */
    print: (text: string, end = '\n'): void => void stdout.write(`${shown(text)}${end}`),
    /** Writes a line to stderr: everything else. */
    note: (text: string): void => void stderr.write(`${shown(text)}\n`),
    /** Writes to stderr without a line end; only where `live`. */
    draw: (text: string): void => void stderr.write(text),
    /** Columns of stdout. */
    width: Math.max(MIN_WIDTH, stdout.columns ?? DEFAULT_WIDTH),
    /** Whether stderr is a terminal, whose last line can be redrawn. */
    live: stderr.isTTY === true,
    /** Text in a colour, where stdout shows colours. */
    paint: (colour: Colour, text: string): string =>
      colours ? `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m` : text,
    /** Text that leads to an address, where the terminal shows links; elsewhere the text alone. */
    link: (url: string, text: string): string => (links ? hyperlink(url, text) : text),
  };
}

/** A colour of `CODES`, a link of this process, a line end or a tab; what else moves the cursor or turns the direction of text. */
const CONTROLS = new RegExp(
  `${'\u001b'}\\[(?:1|2|22|31|32|33|39)m|${'\u001b'}\\]8;(?:id=${LINK_ID};[-\\w/#&.:=?%@~]+|;)${'\u0007'}|\\r\\n|[\\n\\t]|[\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]`,
  'gu',
);

/**
 * Text as it may reach a terminal: any program may have written a name into Redis. Other controls become `\uXXXX`, which means
 * the same within JSON.
 */
export function shown(text: string): string {
  return text.replace(CONTROLS, (found) =>
    found.length > 1 || found === '\n' || found === '\t'
      ? found
      : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Titles are written by sellers: characters that control a terminal or reverse the line are left out. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';

/** One line that is redrawn on a terminal; elsewhere a plain line for each change. */
export function progressLine({ live, width, note, draw }: Terminal) {
  let timer: NodeJS.Timeout | undefined;
  let text = () => '';
  let last = '';
  let frame = 0;
  const redraw = () => {
    const now = shown(text());
    // A line that wraps could not be overwritten.
    if (live) draw(`${CLEAR_LINE}${FRAMES[frame++ % FRAMES.length]} ${now.slice(0, width - 3)}`);
    else if (now !== last) note(now);
    last = now;
  };
  return {
    /** @param next is read again and again */
    show(next: () => string): void {
      text = next;
      timer ??= setInterval(redraw, FRAME_MS).unref();
      redraw();
    },
    /** Removes the line. It may be shown again. */
    end(): void {
      clearInterval(timer);
      timer = undefined;
      if (live && last !== '') draw(CLEAR_LINE);
      last = '';
    },
  };
}
