import { text } from '../answer.ts';
import type { Fault } from './fault.ts';

export interface RedirectParameters {
  /** The Location header. Default: a host that does not exist. */
  readonly location?: string;
  /** Default 302. */
  readonly status?: number;
}

/** A redirect, which must never carry a token to another host. */
export const redirect: Fault<RedirectParameters> = ({
  location = 'http://elsewhere.invalid/',
  status = 302,
}) => ({
  instead: text(status, '', 'text/plain', { location }),
});
