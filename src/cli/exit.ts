import { CommanderError } from 'commander';
import { ConfigError } from '../config/config.ts';
import { Failure, type FailureCode } from '../failures.ts';
import type { Outcome } from '../product/summary.ts';
import type { SearchReport } from '../queue/searchReader.ts';

/** Exit codes, for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  /** Redis, eBay, or a port in use. */
  dependency: 4,
  /** Partial, degraded, cancelled or skipped. */
  incomplete: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Sets the exit code of a command that does not throw; without it the code is 0. */
export type SetExit = (code: ExitCode) => void;

/** An error with the exit code that it ends the command with. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exit: ExitCode;
  readonly code: string;
  readonly searchId: string | undefined;

  constructor(exit: ExitCode, code: string, message: string, searchId?: string) {
    super(message);
    this.exit = exit;
    this.code = code;
    this.searchId = searchId;
  }
}

/** The command was called in a wrong way. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(EXIT.usage, 'usage', message);
  }
}

/** @param report of a search that ended by an error, whose code the command's error has too */
export function searchFailed({ searchId, error }: SearchReport): CommandError {
  const { code = 'internal', message = 'no reason was stored' } = error ?? {};
  return new CommandError(EXIT.failed, code, `search ${searchId} failed: ${code}: ${message}`, searchId);
}

interface ListenAddress {
  host: string;
  port: number;
  /** The settings or options that choose them. */
  hostName: string;
  portName: string;
}

/** The error of a server that could not listen, with the remedy; any other error as it is. */
export function listenError(thrown: unknown, { host, port, hostName, portName }: ListenAddress): unknown {
  const error = (code: string, message: string) => new CommandError(EXIT.dependency, code, message);
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return error(
        'port-in-use',
        `port ${port} on ${host} is in use: stop the program that uses it, or choose another with ${portName} (0 for any)`,
      );
    case 'EACCES':
      return error('port-not-allowed', `port ${port} needs more rights: choose one above 1023`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return error('no-such-address', `${host} is no address of this machine: choose another ${hostName}`);
    default:
      return thrown;
  }
}

const OUTCOMES: Record<Outcome, ExitCode> = {
  complete: EXIT.done,
  'none-found': EXIT.done,
  'filtered-out': EXIT.done,
  partial: EXIT.incomplete,
  degraded: EXIT.incomplete,
  cancelled: EXIT.incomplete,
  skipped: EXIT.incomplete,
  failed: EXIT.failed,
};

export function exitOfOutcome(outcome: Outcome): ExitCode {
  return OUTCOMES[outcome];
}

/** The other codes exit with 1. */
const FAILURES: Partial<Record<FailureCode, ExitCode>> = {
  invalid_request: EXIT.usage,
  'credential-refused': EXIT.configuration,
  'redis-unavailable': EXIT.dependency,
  'token-unavailable': EXIT.dependency,
  'mint-budget-spent': EXIT.dependency,
  interrupted: EXIT.interrupted,
};

/** An error as the command reports it: to people as text, with `--json` as an object. */
interface ErrorReport {
  exit: ExitCode;
  code: string;
  message: string;
  /** Field by field, where several things are wrong. */
  errors?: ReadonlyArray<{ path: string; message: string }> | undefined;
  searchId?: string | undefined;
}

export function reportOf(thrown: unknown): ErrorReport {
  if (thrown instanceof CommandError) {
    const { exit, code, message, searchId } = thrown;
    return { exit, code, message, searchId };
  }
  if (thrown instanceof Failure) return failureReport(thrown);
  if (thrown instanceof ConfigError) return configReport(thrown);
  if (thrown instanceof CommanderError)
    return { exit: EXIT.usage, code: 'usage', message: commanderMessage(thrown) };
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  // By its name: the module of the class loads the whole service.
  if (name === 'BootError')
    return { exit: EXIT.configuration, code: (thrown as Error & { code: string }).code, message };
  return { exit: EXIT.failed, code: 'internal', message: `${name}: ${message}` };
}

function failureReport({ code, message, detail }: Failure): ErrorReport {
  const { errors, searchId, remedy } = detail;
  const report = { exit: FAILURES[code] ?? EXIT.failed, code, searchId };
  if (errors !== undefined) return { ...report, message: 'the request is wrong', errors };
  const hint = code === 'redis-unavailable' && remedy === undefined;
  return { ...report, message: hint ? `${message}; is it running? REDIS_URL says where to look` : message };
}

function configReport({ problems }: ConfigError): ErrorReport {
  const report = { exit: EXIT.configuration, code: 'configuration' };
  const [first] = problems;
  if (first !== undefined && problems.length === 1)
    return { ...report, message: `${first.name} ${first.message}` };
  const errors = problems.map(({ name, message }) => ({ path: name, message }));
  return { ...report, message: 'the configuration is wrong', errors };
}

/** commander writes `error: unknown option '--foo'`, and a suggestion on a second line. */
function commanderMessage({ code, message }: CommanderError): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)/s, ' (did you mean $1?)')
    .replace(/\s*\n\s*/g, ' ');
  const hint = code === 'commander.excessArguments' ? ' Put several words in quotes' : '';
  return `${text}${hint}; --help shows what there is`;
}

/** The lines for stderr. */
export function errorText({ message, errors = [] }: ErrorReport): string {
  const width = Math.max(0, ...errors.map(({ path }) => path.length));
  const heading = errors.length > 0 ? `dpf: ${message}:` : `dpf: ${message}`;
  return [heading, ...errors.map((each) => `  ${each.path.padEnd(width)}  ${each.message}`)].join('\n');
}

/** The object for stderr with `--json`. */
export function errorJson({ exit: _, ...error }: ErrorReport): string {
  return JSON.stringify({ error });
}
