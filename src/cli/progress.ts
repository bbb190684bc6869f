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
  #text = '';
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (!this.#terminal.live) {
      this.#terminal.note(text);
      return;
    }
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
    this.#draw();
  }

  /** Removes the line. It may be shown again. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#terminal.live && this.#text !== '') this.#terminal.draw(CLEAR_LINE);
    this.#text = '';
  }

  #draw(): void {
    const frame = FRAMES[this.#frame++ % FRAMES.length] as string;
    // A line that wraps could not be overwritten.
    const text = this.#text.slice(0, this.#terminal.width - 3);
    this.#terminal.draw(`${CLEAR_LINE}${frame} ${text}`);
  }
}

const REDRAW_MS = 500;

/** Shows the progress of one search, also while nothing changes. */
export function followProgress(terminal: Terminal, { quiet = false } = {}) {
  const line = new ProgressLine(terminal);
  const startedAt = Date.now();
  let last: SearchReport | undefined;
  const redraw = () => {
    if (last !== undefined && !quiet) line.show(progressText(last, Date.now() - startedAt));
  };
  const timer = setInterval(redraw, REDRAW_MS);
  return {
    show(report: SearchReport) {
      last = report.state === 'done' ? undefined : report;
      redraw();
    },
    end() {
      clearInterval(timer);
      line.end();
    },
  };
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
