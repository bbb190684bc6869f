import winston from 'winston';

export type Level = 'error' | 'warn' | 'info' | 'debug';
export type Fields = Record<string, unknown>;

/** One component's log: a message that never changes, and what it was about as fields. */
export interface Logger {
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

const { combine, timestamp, json, printf } = winston.format;

/** Log lines go to stderr: stdout belongs to what a command was asked to print. */
export class LogRoot {
  readonly #winston: winston.Logger;
  readonly #levels: Map<string, string>;
  readonly #level: string;

  constructor(options: LogOptions, stream: NodeJS.WritableStream = process.stderr) {
    const isTerminal = 'isTTY' in stream && stream.isTTY === true;
    const pretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal);
    this.#level = options.level;
    this.#levels = new Map(
      options.levels.split(',').flatMap((pair) => (pair === '' ? [] : [pair.split('=') as [string, string]])),
    );
    this.#winston = winston.createLogger({
      level: 'debug',
      format: pretty ? combine(timestamp(), printf(prettyLine)) : combine(timestamp(), json()),
      transports: [new winston.transports.Stream({ stream })],
    });
  }

  component(component: string): Logger {
    const level = this.#levels.get(component) ?? this.#level;
    return bind(this.#winston, component, level);
  }
}

const SEVERITY: Record<string, number> = { error: 0, warn: 1, info: 2, debug: 3 };

function bind(sink: winston.Logger, component: string, level: string): Logger {
  const threshold = SEVERITY[level] ?? 2;
  const write =
    (severity: Level) =>
    (message: string, fields: Fields = {}) => {
      if ((SEVERITY[severity] as number) <= threshold) sink.log(severity, message, { component, ...fields });
    };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

function prettyLine(entry: winston.Logform.TransformableInfo): string {
  const { level, message, timestamp: at, component, ...fields } = entry;
  const clock = String(at).slice(11, 23);
  const details = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [clock, level.padEnd(5), `${component}:`, message, ...details].join(' ');
}

/** For callers that want silence: library users who passed no logger. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };
