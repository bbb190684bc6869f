import { Writable } from 'node:stream';
import winston from 'winston';
import type { Config } from '../config/config.ts';
import { type Fields, type Level, type Logger, LogRateLimiter, type Logs } from './logger.ts';
import { redactFields, redactText, Scrubber, visible } from './scrubber.ts';
import { spanFields, untraced } from './tracing.ts';

const SEVERITY: Record<string, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Lines with the same error message that are written within one window; the others are counted. */
const ERROR_BURST = 10;
const ERROR_WINDOW_MS = 10_000;

/** Lines beyond this are dropped: a reader that does not read must not fill this process's memory. */
const MAX_BUFFERED_BYTES = 4_000_000;

/** Without a listener for errors a full disk or a closed pipe ends the process. Added once to each stream. */
const ignore = () => undefined;

type Stream = NodeJS.WritableStream & { isTTY?: boolean; writableLength?: number };

/**
 * Log lines go to stderr: stdout belongs to what a command was asked to print. A stream that takes no lines (a full disk,
 * a closed pipe, a reader that does not read) costs the lines and nothing else.
 */
export class LogRoot implements Logs {
  readonly scrubber: Scrubber;
  readonly #winston: winston.Logger;
  readonly #lost = { refused: 0, stuck: 0 };
  readonly #errors = new LogRateLimiter(ERROR_BURST, ERROR_WINDOW_MS);
  #flushTimer: NodeJS.Timeout | undefined;
  /** Lines lost since the stream last took one. */
  #missing = 0;
  #levels = new Map<string, string>();
  #level = 'info';

  constructor(options: Config['log'], stream: Stream = process.stderr, scrubber: Scrubber = new Scrubber()) {
    const pretty = options.format === 'pretty' || (options.format === 'auto' && stream.isTTY === true);
    const line = pretty ? prettyLine : jsonLine;
    this.scrubber = scrubber;
    this.setLevels(options);
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
    const sink = new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        this.#send(stream, text);
        done();
      },
    });
    const masked = winston.format.printf((entry) => scrubber.text(line(entry)));
    this.#winston = winston.createLogger({
      level: 'debug',
      format: winston.format.combine(winston.format.timestamp(), masked),
      transports: [new winston.transports.Stream({ stream: sink })],
    });
  }

  /** From the next line on, for loggers that are in use too. */
  setLevels({ level, levels }: Pick<Config['log'], 'level' | 'levels'>): void {
    this.#level = level;
    this.#levels = new Map(levels.split(',').map((pair) => pair.split('=') as [string, string]));
  }

  component(component: string): Logger {
    const at = (level: Level) => (message: string, fields?: Fields) => {
      const threshold = SEVERITY[this.#levels.get(component) ?? this.#level] ?? 2;
      if ((SEVERITY[level] as number) > threshold) return;
      if (level === 'error' && !this.#admitsError(component, message)) return;
      this.#write(level, message, component, fields);
    };
    return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  }

  /** Lines that were not written, by reason: `refused` or `stuck` (the stream), `repeated` (errors that were only counted). */
  get lost(): Record<'refused' | 'stuck' | 'repeated', number> {
    return { ...this.#lost, repeated: this.#errors.total };
  }

  #send(stream: Stream, line: string): void {
    const lose = (reason: 'refused' | 'stuck') => {
      this.#lost[reason] += 1;
      this.#missing += 1;
    };
    if ((stream.writableLength ?? 0) > MAX_BUFFERED_BYTES) lose('stuck');
    else
      stream.write(line, (error) => {
        if (error) return void lose('refused');
        const lines = this.#missing;
        this.#missing = 0;
        if (lines > 0)
          this.component('log').warn('log lines are missing: they could not be written', { lines });
      });
  }

  /** Writes how many errors were suppressed. A process that ends then waits for the stream. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    for (const [kind, suppressed] of this.#errors.takeSuppressed()) this.#writeSuppressed(kind, suppressed);
  }

  #admitsError(component: string, message: string): boolean {
    const kind = `${component}\n${message}`;
    const suppressed = this.#errors.admit(kind);
    if (suppressed === undefined)
      this.#flushTimer ??= untraced(() => setTimeout(() => this.flush(), ERROR_WINDOW_MS).unref());
    else if (suppressed > 0) this.#writeSuppressed(kind, suppressed);
    return suppressed !== undefined;
  }

  #writeSuppressed(kind: string, suppressed: number): void {
    const [component = '', message = ''] = kind.split('\n');
    this.#write('error', message, component, { suppressed });
  }

  /** winston would append a field named `message` to the message, so ours travel in one field of their own. */
  #write(level: Level, message: string, component: string, fields: Fields = {}): void {
    const all = { ...redactFields(fields), ...spanFields() };
    this.#winston.log(level, redactText(message), { component, fields: all });
  }
}

type Entry = winston.Logform.TransformableInfo;

/** The line's own names win over fields of the same name. */
function jsonLine({ level, message, timestamp, component, fields }: Entry): string {
  const own = { timestamp, level, component, message };
  return visible(JSON.stringify(Object.assign({ ...own }, fields, own)));
}

function prettyLine({ level, message, timestamp, component, fields }: Entry): string {
  const clock = String(timestamp).slice(11, 23);
  const details = Object.entries(fields as Fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return visible([clock, level.padEnd(5), `${component}:`, message, ...details].join(' '));
}
