/** The result of one check of `dpf doctor`. Holds no secret. */
export interface Finding {
  /** What was checked, one word. */
  check: string;
  /** `skipped`: could not be checked because of another finding. */
  state: 'ok' | 'warn' | 'fail' | 'skipped';
  /** The result, in one line. */
  message: string;
  /** Of `warn` and `fail`: what to do about it. */
  remedy?: string;
  /** Of `fail`. */
  trouble?: Trouble;
}

/** A setting or a credential is wrong; something else does not answer; or it works, but not as it should. */
export type Trouble = 'configuration' | 'dependency' | 'degraded';

export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

export function skipped(check: string, reason: string): Finding {
  return { check, state: 'skipped', message: reason };
}

export function warn(check: string, message: string, remedy: string): Finding {
  return { check, state: 'warn', message, remedy };
}

export function fail(check: string, trouble: Trouble, message: string, remedy: string): Finding {
  return { check, state: 'fail', message, remedy, trouble };
}
