import type { ClientRequest, IncomingMessage } from 'node:http';
import { AxiosError } from 'axios';
import { Failure } from '../failures.ts';

/** What stopped a call before its answer was complete. */
export function networkFailure(error: unknown, deadline: { expired: boolean; aborted: boolean }): Failure {
  if (error instanceof Failure) return error;
  if (deadline.expired)
    return new Failure('ebay-timeout', 'eBay did not answer completely within the call’s time');
  if (deadline.aborted) return new Failure('interrupted', 'stopped during a call to eBay');
  if (!(error instanceof AxiosError)) return new Failure('internal', 'the HTTP client failed');
  const code = error.code ?? 'no code';
  if (code === 'ETIMEDOUT' || code === 'ECONNABORTED')
    return new Failure('ebay-timeout', `no connection to eBay in time (${code})`);
  // Cut off, too large, or not what its encoding says.
  if (answerBegan(error) || code === 'ERR_BAD_RESPONSE' || BROKEN_BODY.test(`${code} ${error.message}`))
    return new Failure('ebay-bad-answer', `eBay’s answer is broken or too large (${code})`);
  return new Failure('ebay-unreachable', `no connection to eBay (${code})`);
}

const BROKEN_BODY = /^(Z_|HPE_|ERR_CONTENT)|incorrect header check|unexpected end of file|maxContentLength/;

/**
 * Worth one of the quick tries: a connection that broke, which a kept-alive one does when its time is over, and a
 * gateway's 502–504 (the only complete answers that reject).
 */
export function isBrief(error: AxiosError): boolean {
  if (error.response !== undefined) return typeof error.response.data === 'string';
  return !answerBegan(error) && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** Which code axios gives a connection that broke within a body depends on the release of Node. */
function answerBegan({ request }: AxiosError): boolean {
  return Boolean((request as ClientRequest & { res?: IncomingMessage })?.res);
}
