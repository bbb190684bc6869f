import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import axios, { AxiosError, type AxiosInstance, type AxiosResponse, type AxiosResponseHeaders } from 'axios';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import { clientOptions, inSpan } from '../telemetry/tracing.ts';
import type { Answer } from './answer.ts';
import { agentsFor, ConnectError } from './connecting.ts';
import { type BrokenAttempt, isGatewayTrouble, ONCE, retryAfterOf } from './retryPolicy.ts';

type Network = Pick<Config['ebay'], 'connectTimeout' | 'proxyUrl' | 'maxBodyBytes'>;

/** A page of 200 listings unpacks to some 300 KB. */
const PIECE_BYTES = 131_072;

/**
 * axios as this service uses it: one origin, kept-alive connections, no redirects, no proxy from the environment.
 * @param origin that every path stands below, e.g. `https://api.ebay.com`
 */
export function axiosClient(origin: string, network: Network): AxiosInstance {
  const { maxBodyBytes } = network;
  return axios.create({
    baseURL: origin,
    allowAbsoluteUrls: false,
    adapter: 'http',
    ...agentsFor(network),
    transport: transport(maxBodyBytes),
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

/** What gzip begins with, and no JSON does (RFC 1952, section 2.3.1). */
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * The text of a body. What it is packed with is seen by the body where that is possible: proxies unpack without saying so,
 * and name encodings that are none (`none`, `UTF-8`).
 * @throws Error when the body is not what its encoding says, or too large
 */
function textOf(body: Buffer, headers: AxiosResponseHeaders, maxOutputLength: number): string {
  const name = String(headers.get('content-encoding') ?? '').toLowerCase();
  const options = { maxOutputLength, chunkSize: PIECE_BYTES };
  if (body.subarray(0, GZIP.length).equals(GZIP)) return gunzipSync(body, options).toString('utf8');
  if (name === 'br' && body.length > 0) return brotliDecompressSync(body, options).toString('utf8');
  if (name === 'deflate' && body.length > 0) return inflateSync(body, options).toString('utf8');
  const text = body.toString('utf8');
  if (/^((x-)?gzip)?$/.test(name) || /^([\s\uFEFF]*[{[<]|$)/.test(text)) return text;
  throw new Error(`${UNKNOWN_PACKING}${name.replace(/[^\w, -]/g, '').slice(0, 40)}`);
}

const UNKNOWN_PACKING = 'eBay’s answer is packed as ';

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
    location: text(headers.location),
    retryAfter: retryAfterOf(headers),
    text: text(data) ?? '',
  };
}

interface PlainGet {
  token: string;
  params?: Record<string, string>;
  /** The path with placeholders for what differs from call to call, for traces. Default: the path. */
  template?: string;
  signal: AbortSignal;
}

/** A call of an API that is not Browse: it does not pass the call gate and is not repeated. Every status is an answer. */
export async function plainGet(
  client: AxiosInstance,
  path: string,
  { token, params, template = path, signal }: PlainGet,
): Promise<Answer> {
  const traced = clientOptions('GET', client.defaults.baseURL as string, template);
  return inSpan(`GET ${template}`, traced, async (span) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await client.get(path, { params, headers, signal, validateStatus: () => true });
    span.setAttribute('http.response.status_code', response.status);
    return answerOf(response);
  });
}

interface WriteHooks {
  /** Right before the request is written; throwing prevents that. */
  beforeWrite(): void;
  afterWrite(): void;
}

interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/** Node's default, 16 KiB for all headers together, which no answer may fall below. */
const LEAST_HEADER_BYTES = 16_384;

/** Node's own HTTP for axios, with hooks around the moment when the request is written. */
export function transport(maxBodyBytes: number, hooks?: WriteHooks): Transport {
  const maxHeaderSize = Math.max(maxBodyBytes, LEAST_HEADER_BYTES);
  return {
    request(options, onResponse) {
      hooks?.beforeWrite();
      const { request: send } = options.protocol === 'https:' ? https : http;
      const request = send({ ...options, maxHeaderSize }, onResponse);
      if (hooks) request.once('finish', () => hooks.afterWrite());
      return request;
    },
  };
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
  const { code = 'no code', message, cause } = error;
  if (cause instanceof ConnectError)
    return new Failure(cause.code === 'ETIMEDOUT' ? 'ebay-timeout' : 'ebay-unreachable', message);
  if (TOO_LARGE.test(`${code} ${message}`))
    return new Failure(
      'ebay-bad-answer',
      'eBay’s answer is larger than EBAY_MAX_BODY_BYTES allows: raise it',
      ONCE,
    );
  if (code === 'ETIMEDOUT' || code === 'ECONNABORTED')
    return new Failure('ebay-timeout', `no connection to eBay in time (${code})`);
  if (message.startsWith(UNKNOWN_PACKING))
    return new Failure(
      'ebay-bad-answer',
      `${message}, which was not asked for: a proxy or gateway does that`,
      ONCE,
    );
  // Cut off, or not what its encoding says.
  if (answerBegan(error) || code === 'ERR_BAD_RESPONSE' || BROKEN_BODY.test(`${code} ${message}`))
    return new Failure('ebay-bad-answer', `eBay’s answer is broken (${code})`);
  return new Failure('ebay-unreachable', `no connection to eBay (${code})`);
}

/** The headers, the body as it came, and the body unpacked; in the words of Node, axios and zlib. */
export const TOO_LARGE = /^HPE_HEADER_OVERFLOW|maxContentLength|Cannot create a Buffer larger/;

const BROKEN_BODY = /^(Z_|HPE_|ERR_CONTENT)|incorrect header check|unexpected end of file/;

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
