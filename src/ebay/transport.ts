import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import axios, { AxiosError, type AxiosInstance, type AxiosResponse, type AxiosResponseHeaders } from 'axios';
import { Failure } from '../failures.ts';
import type { Answer } from './answer.ts';
import { type BrokenAttempt, isGatewayTrouble } from './retryPolicy.ts';

interface AxiosClientOptions {
  /** Origin that every path stands below, e.g. `https://api.ebay.com`. */
  origin: string;
  /** Cap on the answer's size after decompression. */
  maxBodyBytes: number;
}

/** A page of 200 listings unpacks to some 300 KB. */
const PIECE_BYTES = 131_072;

/** axios as this service uses it: one origin, kept-alive connections, no redirects, no proxy from the environment. */
export function axiosClient({ origin, maxBodyBytes }: AxiosClientOptions): AxiosInstance {
  return axios.create({
    baseURL: origin,
    allowAbsoluteUrls: false,
    adapter: 'http',
    httpAgent: new http.Agent({ keepAlive: true }),
    httpsAgent: new https.Agent({ keepAlive: true }),
    maxRedirects: 0,
    maxContentLength: maxBodyBytes,
    proxy: false,
    // Bodies are read by us: axios would parse leniently and pass on what it could not parse, and unpack a page in eighteen
    // pieces on another thread, which takes longer than doing it.
    responseType: 'arraybuffer',
    decompress: false,
    transformResponse(body: unknown, headers, status) {
      if (!Buffer.isBuffer(body)) return '';
      try {
        return textOf(body, headers, maxBodyBytes);
      } catch (error) {
        // A refusal says enough by its status.
        if (status !== 200) return '';
        throw new AxiosError((error as Error).message, AxiosError.ERR_BAD_RESPONSE, this);
      }
    },
    // 502–504 reject, for axios-retry looks at rejections only.
    validateStatus: (status) => !isGatewayTrouble(status),
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': 'dropship-product-finder',
    },
  });
}

/** @throws Error when the body is not what its encoding says, or too large */
function textOf(body: Buffer, headers: AxiosResponseHeaders, maxOutputLength: number): string {
  const encoding = String(headers.get('content-encoding') ?? 'identity');
  if (encoding === 'identity' || body.length === 0) return body.toString('utf8');
  if (!/^(x-)?gzip$/i.test(encoding)) throw new Error('an encoding that was not asked for');
  return gunzipSync(body, { maxOutputLength, chunkSize: PIECE_BYTES }).toString('utf8');
}

/** Ends the kept-alive connections; what is under way breaks. */
export function closeAxios(client: AxiosInstance): void {
  for (const agent of [client.defaults.httpAgent, client.defaults.httpsAgent] as http.Agent[])
    agent.destroy();
}

export function answerOf({ status, headers, data }: AxiosResponse): Answer {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    status,
    contentType: text(headers['content-type']) ?? '',
    retryAfter: text(headers['retry-after']),
    text: text(data) ?? '',
  };
}

interface WriteHooks {
  /** Right before the request is written; throwing prevents that. */
  beforeWrite(): void;
  afterWrite(): void;
}

interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/**
 * Node's own HTTP for axios, with what axios does not offer: a time limit on the connection alone, and hooks around the
 * moment when the request is written.
 */
export function transport(connectTimeoutMs: number, hooks?: WriteHooks): Transport {
  return {
    request(options, onResponse) {
      hooks?.beforeWrite();
      const request = (options.protocol === 'https:' ? https : http).request(options, onResponse);
      if (hooks) request.once('finish', () => hooks.afterWrite());
      request.once('socket', (socket) => limitConnecting(request, socket, connectTimeoutMs));
      return request;
    },
  };
}

function limitConnecting(request: ClientRequest, socket: Socket, timeoutMs: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    request.destroy(Object.assign(new Error('connecting took too long'), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  const done = 'encrypted' in socket ? 'secureConnect' : 'connect';
  socket.once(done, () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}

/** One signal for a call: aborts when the caller's does, or when an attempt takes too long. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal = this.#controller.signal;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;
  /** An attempt took too long. */
  expired = false;

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    if (caller?.aborted) this.#controller.abort();
    caller?.addEventListener('abort', this.#onAbort);
  }

  get aborted(): boolean {
    return this.#caller?.aborted ?? false;
  }

  /** An attempt begins. Time spent waiting for its slot does not count. */
  start(ms: number): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort();
    }, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of the caller's signal, which outlives the call. */
  close(): void {
    this.stop();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}

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

/** How the retry policy sees an attempt that rejected. Only 502–504 reject with a complete answer, whose body is a text. */
export function brokenAttempt(error: AxiosError): BrokenAttempt {
  const { response, code } = error;
  const isComplete = typeof response?.data === 'string';
  return { status: isComplete ? response?.status : undefined, code, answerBegan: answerBegan(error) };
}

/** Which code axios gives a connection that broke within a body depends on the release of Node. */
function answerBegan({ request, response }: AxiosError): boolean {
  return response !== undefined || Boolean((request as ClientRequest & { res?: IncomingMessage })?.res);
}
