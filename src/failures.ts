/**
 * The closed vocabulary of failures. Every error that crosses a folder's edge is a `Failure` with one of these codes;
 * what the queue does about it is decided once, in `queue/search/retryPolicy.ts`, from the disposition.
 *
 * Codes about input that a caller wrote have underscores, like the API's error codes; codes about what happened at run
 * time have hyphens, like outcomes.
 *
 * Dispositions:
 * - `permanent`: trying again cannot help this job, which fails at once. The same request may still succeed later where only
 *   the time of this job was over (`retryable`).
 * - `transient`: the page's next attempt may succeed; an attempt is charged.
 * - `wait`: nothing is wrong with the job; it goes back to the queue until `until`, no attempt charged.
 */
const DISPOSITIONS = {
  // What a caller wrote.
  invalid_request: 'permanent',
  invalid_payload: 'permanent',
  unknown_job_type: 'permanent',
  unknown_payload_version: 'permanent',
  backlog_full: 'wait',
  budget_exceeded: 'wait',
  idempotency_key_reused: 'permanent',
  search_not_found: 'permanent',
  schedule_not_found: 'permanent',
  schedule_exists: 'permanent',
  changed_meanwhile: 'permanent',
  watchlist_not_found: 'permanent',
  channel_not_found: 'permanent',
  alert_not_found: 'permanent',
  tenant_not_found: 'permanent',
  // eBay's answers.
  'ebay-unreachable': 'transient',
  'ebay-timeout': 'transient',
  'ebay-server-error': 'transient',
  'ebay-bad-answer': 'transient',
  'ebay-refused': 'permanent',
  'filter-ignored': 'permanent',
  'ebay-throttled': 'wait',
  'item-gone': 'permanent',
  'item-has-variations': 'permanent',
  // The token and its endpoint.
  'token-refused': 'transient',
  'token-unavailable': 'wait',
  'credential-refused': 'permanent',
  'mint-budget-spent': 'wait',
  // The call gate.
  'gate-closed': 'wait',
  'share-spent': 'wait',
  // Redis.
  'redis-unavailable': 'wait',
  // A job's own life.
  'gave-up-waiting': 'permanent',
  'crashed-worker': 'permanent',
  interrupted: 'wait',
  cancelled: 'permanent',
  internal: 'permanent',
} as const satisfies Record<string, 'permanent' | 'transient' | 'wait'>;

export const FAILURE_CODES = Object.keys(DISPOSITIONS);

export type FailureCode = keyof typeof DISPOSITIONS;
type Disposition = (typeof DISPOSITIONS)[FailureCode];

/** How a budget of calls a day stands. */
export interface BudgetState {
  /** Whose it is. */
  kind: 'key' | 'tenant' | 'schedule';
  /** The id of an API key, the name of a tenant or a schedule. */
  name: string;
  /** Calls a day. */
  limit: number;
  /** Calls made today. */
  used: number;
  /** Calls that accepted searches have not made yet. */
  reserved: number;
  left: number;
  /** When the day ends, ISO 8601. */
  reset: string;
}

export interface FailureDetail {
  /** For `wait`: when trying again makes sense, ms since the epoch. */
  until?: number;
  /** For `wait`: why, in a closed word (`quota`, `pause`, `circuit`, `credential`, …); shown to people and in metrics. */
  reason?: string;
  /** For `redis-unavailable`: the message already says what to do. */
  remedy?: string;
  /** HTTP status of the answer behind this failure, where there was one. */
  status?: number;
  /** eBay's error id, where it gave one. */
  errorId?: number;
  /** HTTP attempts made before giving up. */
  calls?: number;
  /** For `transient`: more attempts than these are not worth a call. */
  attempts?: number;
  /** For `invalid_request` and `invalid_payload`: everything that is wrong, field by field. */
  errors?: ReadonlyArray<{ path: string; code: string; message: string }>;
  /** For `budget_exceeded`: the budget, and how many calls were asked of it. */
  budget?: BudgetState & { needed: number };
  /** The search that this is about: asking again with it never makes a second one. */
  searchId?: string;
}

/** An error that says which of the known things went wrong. Its message is safe to store, log and show: never a secret. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly detail: Readonly<FailureDetail>;

  constructor(code: FailureCode, message: string, detail: FailureDetail = {}) {
    super(message);
    this.code = code;
    this.detail = detail;
  }

  get disposition(): Disposition {
    return DISPOSITIONS[this.code];
  }

  /** Whether the same request may succeed later without being changed. A search that waited too long may be asked for again. */
  get retryable(): boolean {
    return this.disposition !== 'permanent' || this.code === 'gave-up-waiting';
  }
}

/** Any thrown value as a `Failure`; what is not one already is a defect of ours and says so as `internal`. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new Failure('internal', message.slice(0, 300));
}

/** How a failure stands in BullMQ's `failedReason`: `code: message`. `parseReason` is its inverse. */
export function reasonOf(failure: Failure): string {
  return `${failure.code}: ${failure.message}`;
}

export function parseReason(reason: string): { code: FailureCode; message: string } {
  const colon = reason.indexOf(': ');
  const code = reason.slice(0, Math.max(colon, 0));
  if (!FAILURE_CODES.includes(code)) return { code: 'internal', message: reason };
  return { code: code as FailureCode, message: reason.slice(colon + 2) };
}

/**
 * The same value with `reason` also under its former name `because`, for JSON that users read.
 * @deprecated Version 0.1 wrote `because`; the release after this one drops it.
 */
export function withBecause<Value extends { reason?: unknown }>(
  value: Value,
): Value & { because?: Value['reason'] } {
  return value.reason === undefined ? value : { ...value, because: value.reason };
}

/** The process must not start, and waiting would not help. One sentence for each reason, with the remedy. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly code: string;

  constructor(message: string, code = 'unfit-redis') {
    super(message);
    this.code = code;
  }
}
