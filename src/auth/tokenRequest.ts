import axios, { isAxiosError } from 'axios';
import { tokenUrl } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { type Grant, MintFault, readTokenAnswer } from './tokenAnswer.ts';
import { scopeList } from './tokenData.ts';

/** A token answer has about 2 kB; whatever is larger is no token. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * One client-credentials request: Basic header, form body. Follows no redirect, reads a bounded answer, ends within
 * `TOKEN_REQUEST_TIMEOUT` counted over the whole request.
 * @throws MintFault, which holds neither the request nor the answer.
 */
export async function requestToken({ ebay, token }: Pick<Config, 'ebay' | 'token'>): Promise<Grant> {
  const deadline = AbortSignal.timeout(Math.ceil(token.requestTimeout * 1000));
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: scopeList(ebay.scopes).join(' '),
  });
  const basic = Buffer.from(`${ebay.clientId}:${ebay.clientSecret}`).toString('base64');
  try {
    const { status, data, headers } = await axios.post<string>(tokenUrl(ebay), form.toString(), {
      headers: {
        Authorization: `Basic ${basic}`,
        'Content-Type': 'application/x-www-form-urlencoded',
        Accept: 'application/json',
      },
      signal: deadline,
      maxRedirects: 0,
      maxContentLength: MAX_ANSWER_BYTES,
      responseType: 'text',
      transformResponse: (text) => text,
      validateStatus: () => true,
      proxy: false,
    });
    return readTokenAnswer(status, String(data), headers['retry-after'] as string | undefined);
  } catch (error) {
    if (error instanceof MintFault) throw error;
    throw faultOf(error, deadline.aborted, token.requestTimeout);
  }
}

function faultOf(error: unknown, late: boolean, seconds: number): MintFault {
  if (late) return new MintFault('timeout', `no answer within ${seconds} s`);
  const code = isAxiosError(error) ? (error.code ?? 'no code') : 'no code';
  if (code === 'ERR_BAD_RESPONSE') return new MintFault('bad-answer', 'the answer is too large or broken');
  return new MintFault(code === 'ETIMEDOUT' ? 'timeout' : 'unreachable', `connection failed (${code})`);
}
