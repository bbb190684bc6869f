import type { SearchReport } from '../queue/searchReader.ts';
import { countText, instantText } from '../text/values.ts';
import type { Terminal } from './terminal.ts';

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';

/** One line that is redrawn on a terminal; elsewhere a plain line for each change. */
export class ProgressLine {
  readonly #terminal: Terminal;
  #timer: NodeJS.Timeout | undefined;
  #text = () => '';
  #shown = '';
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** @param text is read again and again */
  show(text: () => string): void {
    this.#text = text;
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
    this.#draw();
  }

  /** Removes the line. It may be shown again. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#terminal.live && this.#shown !== '') this.#terminal.draw(CLEAR_LINE);
    this.#shown = '';
  }

  #draw(): void {
    const { live, width, note, draw } = this.#terminal;
    const text = this.#text();
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    // A line that wraps could not be overwritten.
    if (live) draw(`${CLEAR_LINE}${frame} ${text.slice(0, width - 3)}`);
    else if (text !== this.#shown) note(text);
    this.#shown = text;
  }
}

/** A search that is queued for longer gets an explanation, ms. */
const EXPLAIN_MS = 3000;

/** @param waitedMs how long this command has waited */
export function progressText({ state, progress }: SearchReport, waitedMs: number): string {
  if (state === 'queued')
    return waitedMs < EXPLAIN_MS ? 'queued' : 'queued; no worker has taken it yet (is `dpf worker` running?)';
  if (progress === null) return 'collecting';
  const { pages, of, products, reason, until } = progress;
  const done = `${countText(products, 'item')}, page ${Math.min(pages + 1, of)} of at most ${of}`;
  if (state !== 'waiting') return `collecting: ${done}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  const end = until === undefined ? '' : ` until ${instantText(new Date(until).toISOString())}`;
  return `waiting${why}${end}: ${done}`;
}
