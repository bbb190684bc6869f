import { Writable } from 'node:stream';
import winston from 'winston';
import { LogRateLimiter } from './logRateLimiter.ts';
import { redactFields, redactText, Scrubber, visible } from './scrubber.ts';

export type Level = 'error' | 'warn' | 'info' | 'debug';
export type Fields = Record<string, unknown>;

/** One component's log: a message that never changes, and what it was about as fields. */
export interface Logger {
  /** The same error by the thousand is written a few times and then counted. */
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

export interface LogOptions {
  level: string;
  /** Pairs such as `auth=debug,collector=info`; empty for none. */
  levels: string;
  /** `json`, `pretty`, or `auto`: pretty on a terminal. */
  format: string;
}

const { combine, timestamp, printf } = winston.format;

/**
 * Log lines go to stderr: stdout belongs to what a command was asked to print. A stream that takes no lines (a full disk,
 * a closed pipe, a reader that stands still) costs the lines and nothing else.
 */
export class LogRoot {
  /** Masks what this process must not show; whoever learns of a secret tells it. */
  readonly scrubber: Scrubber;
  readonly #winston: winston.Logger;
  #levels = new Map<string, string>();
  #level = 'info';
  readonly #sink: LineSink;
  readonly #repeats = new LogRateLimiter((kind, suppressed) => {
    const [component = '', message = ''] = kind.split('\n');
    write(this.#winston, 'error', message, { component, fields: { suppressed } });
  });

  constructor(
    options: LogOptions,
    stream: NodeJS.WritableStream = process.stderr,
    scrubber: Scrubber = new Scrubber(),
  ) {
    const isTerminal = 'isTTY' in stream && stream.isTTY === true;
    const pretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal);
    const line = pretty ? prettyLine : jsonLine;
    this.scrubber = scrubber;
    this.setLevels(options);
    this.#sink = new LineSink(stream, (lines) =>
      this.component('log').warn('log lines are missing: they could not be written', { lines }),
    );
    this.#winston = winston.createLogger({
      level: 'debug',
      format: combine(
        timestamp(),
        printf((entry) => scrubber.text(line(entry))),
      ),
      transports: [new winston.transports.Stream({ stream: this.#sink })],
    });
  }

  /** From the next line on, for loggers that are in use too. */
  setLevels({ level, levels }: Pick<LogOptions, 'level' | 'levels'>): void {
    this.#level = level;
    this.#levels = new Map(
      levels.split(',').flatMap((pair) => (pair === '' ? [] : [pair.split('=') as [string, string]])),
    );
  }

  component(component: string): Logger {
    const threshold = () => SEVERITY[this.#levels.get(component) ?? this.#level] ?? 2;
    const at =
      (severity: Level) =>
      (message: string, fields: Fields = {}) => {
        if ((SEVERITY[severity] as number) > threshold()) return;
        if (severity === 'error' && !this.#repeats.admits(`${component}\n${message}`)) return;
        write(this.#winston, severity, message, { component, fields });
      };
    return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  }

  /** Lines that nobody will read, by why: `refused` or `stuck` (the stream), `repeated` (errors that were only counted). */
  get lost(): Record<'refused' | 'stuck' | 'repeated', number> {
    return { ...this.#sink.lost, repeated: this.#repeats.suppressed };
  }

  /** Writes what is still held back. Whoever ends the process then waits for the stream. */
  flush(): void {
    this.#repeats.flush();
  }
}

const SEVERITY: Record<string, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/** winston would append a field named `message` to the message, so ours travel in one field of their own. */
function write(
  to: winston.Logger,
  severity: Level,
  message: string,
  { component, fields }: { component: string; fields: Fields },
): void {
  to.log(severity, redactText(message), { component, fields: redactFields(fields) });
}

type Entry = winston.Logform.TransformableInfo;

/** The line's own names win over fields of the same name. */
function jsonLine({ level, message, timestamp: at, component, fields }: Entry): string {
  const own = { timestamp: at, level, component, message };
  return visible(JSON.stringify(Object.assign({ ...own }, fields, own)));
}

function prettyLine({ level, message, timestamp: at, component, fields }: Entry): string {
  const clock = String(at).slice(11, 23);
  const details = Object.entries(fields as Fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return visible([clock, level.padEnd(5), `${component}:`, message, ...details].join(' '));
}

/** A process's log, or a part of it. */
export type Logs = Pick<LogRoot, 'component' | 'scrubber'>;

/** The same log with these fields in every line. */
export function withFields(logs: Logs, fields: Fields): Logs {
  const bound =
    (logger: Logger, severity: Level) =>
    (message: string, more: Fields = {}) =>
      logger[severity](message, { ...fields, ...more });
  return {
    scrubber: logs.scrubber,
    component(name) {
      const logger = logs.component(name);
      return {
        error: bound(logger, 'error'),
        warn: bound(logger, 'warn'),
        info: bound(logger, 'info'),
        debug: bound(logger, 'debug'),
      };
    },
  };
}

/** For callers that want silence: library users who passed no logger. */
export const NOOP_LOGGER: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** A reader that stands still must not fill this process's memory with lines that wait for it. */
const MOST_WAITING_BYTES = 4_000_000;

/** Bound, once, to every stream that a log writes to: without a listener a full disk or a closed pipe ends the process. */
const ignore = () => undefined;

/** Why lines are lost: the stream refused them (full disk, closed pipe), or its reader stands still. */
export type Loss = 'refused' | 'stuck';

/**
 * Takes finished lines and hands them to a stream that may fail: what it refuses is lost and counted, and the process
 * goes on. Once it takes lines again, `recovered` is told how many are missing.
 */
export class LineSink extends Writable {
  readonly lost: Record<Loss, number> = { refused: 0, stuck: 0 };
  readonly #stream: NodeJS.WritableStream & { writableLength?: number };
  readonly #recovered: (lines: number) => void;
  #missing = 0;

  constructor(stream: NodeJS.WritableStream, recovered: (lines: number) => void) {
    super({ decodeStrings: false });
    this.#stream = stream;
    this.#recovered = recovered;
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    if ((this.#stream.writableLength ?? 0) > MOST_WAITING_BYTES) this.#lose('stuck');
    else this.#stream.write(line, (error) => (error ? this.#lose('refused') : this.#arrived()));
    done();
  }

  #lose(loss: Loss): void {
    this.lost[loss] += 1;
    this.#missing += 1;
  }

  #arrived(): void {
    if (this.#missing === 0) return;
    const missing = this.#missing;
    this.#missing = 0;
    this.#recovered(missing);
  }
}
