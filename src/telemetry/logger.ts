import winston from 'winston';
import { redactFields, redactText, visible } from './redact.ts';

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

const { combine, timestamp, printf } = winston.format;

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
      format: combine(timestamp(), printf(pretty ? prettyLine : jsonLine)),
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
      if ((SEVERITY[severity] as number) > threshold) return;
      // winston would append a field named `message` to the message, so ours travel in one field of their own.
      sink.log(severity, redactText(message), { component, fields: redactFields(fields) });
    };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
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

/** For callers that want silence: library users who passed no logger. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };
