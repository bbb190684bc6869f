import type { ServerResponse } from 'node:http';
import type { Answer } from '../errors.ts';
import type { RequestKind } from '../log.ts';
import type { Random } from '../random.ts';

/** What a fault may know of the request that it strikes. */
export interface Struck {
  readonly kind: RequestKind;
  readonly random: Random;
  /** Really revokes the token that the request carries, if it carries one. */
  readonly revokeToken: () => void;
}

/** What a fault does, in the order of these parts. Several faults may strike one request. */
export interface Effect {
  /** Wait before anything else. */
  readonly delayMs?: number;
  /** Answer this instead of asking eBay at all. */
  readonly instead?: Answer;
  /** Change the answer. */
  readonly alter?: (answer: Answer) => Answer;
  /** Send it in another way than all at once. Timers end with the response's `close`. */
  readonly deliver?: (response: ServerResponse, answer: Answer) => void;
}

export type Fault<Parameters> = (parameters: Parameters, struck: Struck) => Effect;

/** Status line and headers of the answer, as it would have been sent whole. */
export function sendHead(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
}
