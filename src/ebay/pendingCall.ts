import type { Endpoint, Reading } from './answer.ts';
import { Deadline } from './deadline.ts';
import type { CallClass, Slot } from './gate.ts';

/** Who a call is made for. */
export interface CallFor {
  class: CallClass;
  /** Ends the call, waiting or under way, with `interrupted`. */
  signal?: AbortSignal;
}

/**
 * One call on its way through the HTTP client, over all its attempts. It travels inside axios's request configuration:
 * an instance of a class, which axios passes on by reference where it copies plain objects.
 */
export class PendingCall {
  readonly endpoint: Endpoint;
  readonly class: CallClass;
  readonly signal: AbortSignal | undefined;
  readonly deadline: Deadline;
  attempts = 0;
  quickTries = 0;
  token = '';
  /** The token was just refreshed: it is used as it is. */
  isReplay = false;
  slot: Slot | undefined;
  /** One whose time passed before the request was written. */
  missedSlot: Slot | undefined;
  /** When the present attempt was let through, on `performance`'s clock. */
  grantedAt = 0;
  latencyMs = 0;
  /** How the last attempt ended; undefined if none was made. */
  reading: Reading | undefined;
  retryAfter: string | undefined;

  constructor(endpoint: Endpoint, call: CallFor) {
    this.endpoint = endpoint;
    this.class = call.class;
    this.signal = call.signal;
    this.deadline = new Deadline(call.signal);
  }

  /** How the last attempt ended, held here no longer: the connection's last request keeps this call in memory. */
  takeReading(): Reading | undefined {
    const { reading } = this;
    this.reading = undefined;
    return reading;
  }
}

declare module 'axios' {
  interface AxiosRequestConfig {
    pending?: PendingCall;
  }
}
