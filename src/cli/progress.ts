import type { SearchReport } from '../queue/searchReader.ts';
import type { Terminal } from './terminal.ts';

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 100;
/** As long as this a waiting search is nothing to explain. */
const LONELY_MS = 3000;

/** One line that is drawn again and again on a terminal; elsewhere a plain line for each change. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout | undefined;
  #text = '';
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    if (terminal.live) this.#timer = setInterval(() => this.#draw(), FRAME_MS).unref();
  }

  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (this.#terminal.live) this.#draw();
    else this.#terminal.note(text);
  }

  /** Leaves nothing of the line behind. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#terminal.live && this.#text !== '') this.#terminal.draw(CLEAR_LINE);
    this.#text = '';
  }

  #draw(): void {
    if (this.#text === '') return;
    const frame = FRAMES[this.#frame++ % FRAMES.length] as string;
    // A line that wraps could not be drawn over.
    const text = this.#text.slice(0, this.#terminal.width - 3);
    this.#terminal.draw(`${CLEAR_LINE}${frame} ${text}`);
  }
}

const CLEAR_LINE = '\r\u001b[2K';

/** How a search is getting on, in words. `waitedMs`: how long it has been asked for. */
export function progressText({ state, progress }: SearchReport, waitedMs: number): string {
  if (state === 'queued')
    return waitedMs < LONELY_MS ? 'queued' : 'queued; no worker has taken it yet (is `dpf worker` running?)';
  if (progress === null) return 'collecting';
  const { pages, of, products, reason, until } = progress;
  const done = `${count(products, 'item')}, page ${Math.min(pages + 1, of)} of at most ${of}`;
  if (state !== 'waiting') return `collecting: ${done}`;
  const end =
    until === undefined ? '' : ` until ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `waiting${reason === undefined ? '' : ` (${reason})`}${end}: ${done}`;
}

/** `1 product`, `2,000 products`. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

const SHOW_EVERY_MS = 500;

/** Shows how one search is getting on, also that nothing happens. */
export function followProgress(terminal: Terminal, { quiet = false } = {}) {
  const line = new ProgressLine(terminal);
  const startedAt = Date.now();
  let last: SearchReport | undefined;
  const redraw = () => {
    if (last !== undefined && !quiet) line.show(progressText(last, Date.now() - startedAt));
  };
  const timer = setInterval(redraw, SHOW_EVERY_MS);
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
