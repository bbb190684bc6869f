import { CommanderError } from 'commander';
import { ConfigError, linesOf } from '../config/config.ts';
import { descriptorFailure, MACHINE_FULL } from '../config/descriptors.ts';
import { BootError, Failure, type FailureCode, type FailureDetail } from '../failures.ts';
import type { SearchReport } from '../queue/searchReader.ts';

/** Exit codes, for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  /** Redis, eBay, a port in use, or a machine without file descriptors. */
  dependency: 4,
  /** Partial, degraded, cancelled or skipped. */
  incomplete: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error with the exit code that it ends the command with. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly report: ErrorReport;

  constructor(
    exit: ExitCode,
    code: string,
    message: string,
    details: Pick<ErrorReport, 'searchId' | 'errors'> = {},
  ) {
    super(message);
    this.report = { exit, code, message, ...details };
  }
}

/** The command was called in a wrong way. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(EXIT.usage, 'usage', message);
  }
}

/** @param rule what the value must be @param hint the end of the message, such as `; did you mean ES?` */
export function wrongValue(rule: string, got: string, hint = ''): UsageError {
  return new UsageError(`${rule}; got ${JSON.stringify(got.slice(0, 64))}${hint}`);
}

/** @param report of a search that ended by an error, whose code the command's error has too */
export function searchFailed({ searchId, error }: SearchReport): CommandError {
  const { code = 'internal', message = 'no reason was stored' } = error ?? {};
  return new CommandError(EXIT.failed, code, `search ${searchId} failed: ${code}: ${message}`, { searchId });
}

/**
 * The error of a server that could not listen, with the remedy; any other error as it is.
 * @param names of the settings or options that choose host and port
 */
export function listenError(
  thrown: unknown,
  { host, port }: { host: string; port: number },
  names: { host: string; port: string },
): unknown {
  const noAddress = `${host} is no address of this machine: choose another ${names.host}`;
  const inUse = `port ${port} on ${host} is in use: stop the program that uses it`;
  const errors: Record<string, [code: string, message: string]> = {
    EADDRINUSE: ['port-in-use', `${inUse}, or choose another with ${names.port} (0 for any)`],
    EACCES: ['port-not-allowed', `port ${port} needs more rights: choose one above 1023`],
    EADDRNOTAVAIL: ['no-such-address', noAddress],
    ENOTFOUND: ['no-such-address', noAddress],
  };
  const [code, message = ''] = errors[(thrown as NodeJS.ErrnoException).code ?? ''] ?? [];
  return code === undefined ? thrown : new CommandError(EXIT.dependency, code, message);
}

/** The other codes exit with 1. */
const FAILURES: Partial<Record<FailureCode, ExitCode>> = {
  invalid_request: EXIT.usage,
  schedule_exists: EXIT.usage,
  changed_meanwhile: EXIT.usage,
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
  errors?: ReadonlyArray<{ path: string; message: string; option?: string | undefined }> | undefined;
  searchId?: string | undefined;
  /** Of `budget_exceeded`. */
  budget?: FailureDetail['budget'];
}

export function reportOf(cause: unknown): ErrorReport {
  const thrown = descriptorFailure(cause) ?? cause;
  if (thrown instanceof CommandError) return thrown.report;
  if (thrown instanceof Failure) {
    const { code, detail, message } = thrown;
    const { errors, searchId, remedy, budget } = detail;
    const report = {
      exit: FAILURES[code] ?? EXIT.failed,
      code,
      message,
      searchId,
      ...(budget && { budget }),
    };
    if (errors !== undefined) return { ...report, message: 'the request is wrong', errors };
    if (code !== 'redis-unavailable' || remedy !== undefined) return report;
    return { ...report, message: `${message}; is it running? REDIS_URL says where to look` };
  }
  if (thrown instanceof ConfigError) {
    const errors = thrown.problems.map(({ name, message }) => ({ path: name, message }));
    const report = { exit: EXIT.configuration, code: 'configuration' };
    if (errors.length > 1) return { ...report, message: 'the configuration is wrong', errors };
    return { ...report, message: linesOf(thrown.problems).join() };
  }
  if (thrown instanceof CommanderError)
    return { exit: EXIT.usage, code: 'usage', message: commanderMessage(thrown) };
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (thrown instanceof BootError) {
    const { code } = thrown;
    return { exit: code === MACHINE_FULL ? EXIT.dependency : EXIT.configuration, code, message };
  }
  return { exit: EXIT.failed, code: 'internal', message: `${name}: ${message}` };
}

/** commander writes `error: unknown option '--foo'`, and a suggestion on a second line. */
function commanderMessage({ code, message }: CommanderError): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)/s, ' (did you mean $1?)')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const hint = code === 'commander.excessArguments' ? '; put several words in quotes' : '';
  return `${text}${hint}; --help shows what there is`;
}

/** The lines for stderr. */
export function errorText({ message, errors = [] }: ErrorReport): string {
  const rows = errors.map(({ option, path, message: what }) => [option ?? path, what] as const);
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const heading = errors.length > 0 ? `dpf: ${message}:` : `dpf: ${message}`;
  return [heading, ...rows.map(([name, what]) => `  ${name.padEnd(width)}  ${what}`)].join('\n');
}

/** The object for stderr with `--json`. */
export function errorJson({ exit: _, ...error }: ErrorReport): string {
  return JSON.stringify({ error });
}
