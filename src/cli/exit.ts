import { CommanderError } from 'commander';
import { ConfigError } from '../config/config.ts';
import { Failure, type FailureCode } from '../failures.ts';
import type { Outcome } from '../product/summary.ts';
import type { SearchReport } from '../queue/searchReader.ts';

/** What a command's end means to a script. */
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

/** An error as it is told: to people as lines, with `--json` as an object. */
export interface Told {
  exit: ExitCode;
  code: string;
  message: string;
  /** Field by field, where several things are wrong. */
  errors?: ReadonlyArray<{ path: string; message: string }>;
  searchId?: string;
}

/** A mistake in how the command was called. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A part that the command needs cannot be had, a port for example. */
export class DependencyError extends Error {
  override readonly name = 'DependencyError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The search was made and failed. Its code is the one that the job failed with. */
export class SearchFailed extends Error {
  override readonly name = 'SearchFailed';
  readonly report: SearchReport;

  constructor(report: SearchReport) {
    super(`search ${report.searchId} failed: ${report.error?.code}: ${report.error?.message}`);
    this.report = report;
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

const FAILURES: Partial<Record<FailureCode, ExitCode>> = {
  invalid_request: EXIT.usage,
  'credential-refused': EXIT.configuration,
  'redis-unavailable': EXIT.dependency,
  'token-unavailable': EXIT.dependency,
  'mint-budget-spent': EXIT.dependency,
  interrupted: EXIT.interrupted,
};

export function tell(thrown: unknown): Told {
  if (thrown instanceof Failure) return tellFailure(thrown);
  if (thrown instanceof ConfigError) return tellConfig(thrown);
  if (thrown instanceof UsageError) return { exit: EXIT.usage, code: 'usage', message: thrown.message };
  if (thrown instanceof DependencyError)
    return { exit: EXIT.dependency, code: thrown.code, message: thrown.message };
  if (thrown instanceof SearchFailed) {
    const { message, report } = thrown;
    return { exit: EXIT.failed, code: report.error?.code ?? 'internal', message, searchId: report.searchId };
  }
  if (thrown instanceof CommanderError)
    return { exit: EXIT.usage, code: 'usage', message: oneLine(thrown.message) };
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (name === 'BootError')
    return { exit: EXIT.configuration, code: (thrown as Error & { code: string }).code, message };
  return { exit: EXIT.failed, code: 'internal', message: `${name}: ${message}` };
}

function tellFailure({ code, message, detail }: Failure): Told {
  const { errors, searchId } = detail;
  return {
    exit: FAILURES[code] ?? EXIT.failed,
    code,
    message:
      code === 'redis-unavailable' && detail.remedy === undefined
        ? `${message}; is it running? REDIS_URL says where to look`
        : message,
    ...(errors === undefined ? {} : { message: 'the request is wrong', errors }),
    ...(searchId === undefined ? {} : { searchId }),
  };
}

function tellConfig({ problems }: ConfigError): Told {
  const [first] = problems;
  if (first !== undefined && problems.length === 1)
    return { exit: EXIT.configuration, code: 'configuration', message: `${first.name} ${first.message}` };
  const errors = problems.map(({ name, message }) => ({ path: name, message }));
  return { exit: EXIT.configuration, code: 'configuration', message: 'the configuration is wrong', errors };
}

/** commander writes `error: unknown option '--foo'`, and a guess below it. */
function oneLine(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)/s, ' (did you mean $1?)')
    .replace(/\s*\n\s*/g, ' ')
    .concat('; --help shows what there is');
}

/** The lines for stderr. */
export function lines({ message, errors = [] }: Told): string {
  const width = Math.max(0, ...errors.map(({ path }) => path.length));
  const heading = errors.length > 0 ? `dpf: ${message}:` : `dpf: ${message}`;
  return [heading, ...errors.map((each) => `  ${each.path.padEnd(width)}  ${each.message}`)].join('\n');
}

/** The object for stderr with `--json`. */
export function asJson({ exit: _, ...error }: Told): string {
  return JSON.stringify({ error });
}
