import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import axios, {
  AxiosError,
  type AxiosInstance,
  type AxiosResponse,
  type AxiosResponseHeaders,
  type InternalAxiosRequestConfig,
} from 'axios';
import axiosRetry from 'axios-retry';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { type Answer, type Endpoint, type Reading, readAnswer } from './answer.ts';
import type { AttemptGate, CallClass, CallOutcome, Slot, ThrottlePause } from './gate/gate.ts';

export interface EbayHttpOptions {
  /** Origin of the API, see `apiOrigin`. */
  origin: string;
  ebay: Pick<Config['ebay'], 'connectTimeout' | 'callTimeout' | 'maxBodyBytes' | 'quickRetryDelay'>;
  pace: Pick<Config['pace'], 'throttlePause' | 'maxThrottlePause'>;
  gate: AttemptGate;
  tokens: TokenSource;
  /**
   * Compares the quota counter with eBay's own count, and returns how the gate is closed then; called by the one process
   * whose 429 began a pause.
   */
  checkQuota?: (signal?: AbortSignal) => Promise<Pick<ThrottlePause, 'forMs' | 'reason'> | undefined>;
  metrics?: Pick<CallMetrics, 'called'>;
}

export interface EbayRequest {
  endpoint: Endpoint;
  path: string;
  params?: Record<string, string>;
  headers?: Record<string, string>;
}

export interface EbayAnswer {
  body: Record<string, unknown>;
  /** From the granted slot to the answer that was read, ms; the last attempt's. */
  latencyMs: number;
  /** HTTP attempts that were let through, this one included. */
  attempts: number;
}

/** A token read longer ago than this is read once more before the call leaves. */
const STALE_TOKEN_MS = 1000;
const QUICK_TRIES = 2;

/** The process was held up between the grant of a slot and the socket: a request now would come too close to the next. */
class SlotMissed extends Error {}

/**
 * Calls to eBay's Browse API. Every attempt, quick retries and the replay after a 401 included, passes `#admit`, the
 * request interceptor: token, gate, send. No axios object leaves this class: what goes wrong becomes a `Failure`.
 */
export class EbayHttp {
  readonly #options: EbayHttpOptions;
  readonly #axios: AxiosInstance;

  constructor(options: EbayHttpOptions) {
    this.#options = options;
    this.#axios = axiosClient({ origin: options.origin, maxBodyBytes: options.ebay.maxBodyBytes });
    this.#axios.interceptors.request.use((config) => this.#admit(config));
    this.#axios.interceptors.response.use(
      async (response) => {
        const pending = response.config.pending as PendingCall;
        pending.retryAfter = answerOf(response).retryAfter;
        const reading = readAnswer(answerOf(response), pending.endpoint);
        // The kept-alive connection holds its last response, and a page's text is large.
        response.data = undefined;
        await this.#settle(pending, reading);
        return response;
      },
      async (error: unknown) => {
        if (error instanceof AxiosError && error.config?.pending)
          await this.#settleError(error, error.config.pending);
        throw error;
      },
    );
    axiosRetry(this.#axios, {
      retries: QUICK_TRIES,
      retryCondition: (error) =>
        isBrief(error) && (error.config?.pending?.quickTries ?? QUICK_TRIES) < QUICK_TRIES,
      retryDelay: (count) => options.ebay.quickRetryDelay * 1000 * 2 ** (count - 1) * (0.5 + Math.random()),
      onRetry: (_count, _error, config) => {
        if (config.pending) config.pending.quickTries += 1;
      },
    });
  }

  /**
   * One call.
   * @throws Failure: `gate-closed`, `share-spent`, `redis-unavailable`, `ebay-throttled`, `token-refused`, whatever the
   * token source throws, `ebay-refused`, `item-gone`, `ebay-bad-answer`, `ebay-timeout`, `ebay-unreachable`,
   * `ebay-server-error`, `interrupted`.
   */
  async get(request: EbayRequest, call: CallFor): Promise<EbayAnswer> {
    const pending = new PendingCall(request.endpoint, call);
    try {
      let reading = await this.#send(request, pending);
      if (reading.is === 'token-refused') {
        pending.token = await this.#options.tokens.refreshToken(pending.token);
        pending.isReplay = true;
        reading = await this.#send(request, pending);
      }
      if (reading.is === 'throttled') throw await this.#throttled(pending);
      if (reading.is === 'token-refused')
        throw new Failure('token-refused', 'eBay refused a token and the one minted after it', {
          status: 401,
        });
      if (reading.is === 'failure') throw reading.failure;
      await this.#options.tokens.accepted(pending.token);
      return { body: reading.body, latencyMs: pending.latencyMs, attempts: pending.attempts };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.code, error.message, { ...error.detail, calls: pending.attempts });
    } finally {
      pending.deadline.close();
      if (pending.missedSlot) await this.#options.gate.giveBack(pending.missedSlot);
    }
  }

  close(): void {
    closeAxios(this.#axios);
  }

  async #send(request: EbayRequest, pending: PendingCall): Promise<Reading> {
    const { path, params, headers } = request;
    pending.reading = undefined;
    try {
      await this.#axios.get(path, { params, headers, pending });
    } catch (error) {
      if (error instanceof SlotMissed) return this.#send(request, pending);
      // What stopped the call before an attempt: the token source, the gate, the caller.
      if (error instanceof Failure) throw error;
      if (pending.reading === undefined) throw networkFailure(error, pending.deadline);
    }
    return pending.takeReading() as Reading;
  }

  async #admit(config: InternalAxiosRequestConfig): Promise<InternalAxiosRequestConfig> {
    const { tokens, gate, ebay } = this.#options;
    const pending = config.pending as PendingCall;
    if (pending.deadline.aborted) throw new Failure('interrupted', 'stopped before a call to eBay');
    const { missedSlot: insteadOf } = pending;
    // Where a slot was missed, the token was read a moment ago.
    if (!pending.isReplay && insteadOf === undefined) pending.token = await tokens.getAccessToken();
    pending.missedSlot = undefined;
    const slot = await gate.enter({
      class: pending.class,
      again: pending.attempts > 0 || insteadOf !== undefined,
      ...(insteadOf ? { insteadOf } : {}),
      ...(pending.signal ? { signal: pending.signal } : {}),
      beforeSend: async (waitedMs) => {
        if (waitedMs > STALE_TOKEN_MS) pending.token = (await tokens.cachedToken()) ?? pending.token;
      },
    });
    pending.slot = slot;
    pending.attempts += 1;
    pending.grantedAt = performance.now();
    config.headers.set('authorization', `Bearer ${pending.token}`);
    config.transport = transport(ebay.connectTimeout * 1000, {
      leaving: () => {
        if (slot.isOver) throw this.#missed(pending, slot);
      },
      written: () => slot.sent(),
    });
    config.signal = pending.deadline.signal;
    pending.deadline.start(ebay.callTimeout * 1000);
    return config;
  }

  /** Nothing left: no attempt was made, and the call goes back to the head of the line. */
  #missed(pending: PendingCall, slot: Slot): SlotMissed {
    pending.deadline.stop();
    pending.attempts -= 1;
    pending.slot = undefined;
    pending.missedSlot = slot;
    return new SlotMissed();
  }

  #settleError(error: AxiosError, pending: PendingCall): Promise<void> {
    // Of the answers that reject, those whose body is a stream were cut off.
    const { response } = error;
    if (response && typeof response.data === 'string')
      return this.#settle(pending, readAnswer(answerOf(response), pending.endpoint));
    return this.#settle(pending, { is: 'failure', failure: networkFailure(error, pending.deadline) });
  }

  /** One attempt is over: the gate and the metrics learn how. */
  async #settle(pending: PendingCall, reading: Reading): Promise<void> {
    const { gate, metrics } = this.#options;
    pending.deadline.stop();
    pending.latencyMs = performance.now() - pending.grantedAt;
    pending.reading = reading;
    metrics?.called(pending.endpoint, outcomeName(reading), pending.latencyMs);
    if (!pending.slot) return;
    await gate.report(pending.slot, outcomeForCircuit(reading));
    if (!pending.slot.wasSent) await gate.giveBack(pending.slot);
  }

  async #throttled(pending: PendingCall): Promise<Failure> {
    const { gate, pace, checkQuota } = this.#options;
    const named = retryAfterMs(pending.retryAfter, Date.now(), pace.maxThrottlePause * 1000);
    let pause: Pick<ThrottlePause, 'forMs' | 'reason'> = {
      forMs: named ?? pace.throttlePause * 1000,
      reason: 'pause',
    };
    try {
      const { began, ...throttled } = await gate.throttled(named);
      pause = throttled;
      if (began) pause = (await checkQuota?.(pending.signal)) ?? throttled;
    } catch {
      // Redis is away: nobody can call, and this call waits for as long as eBay asked.
    }
    const { forMs, reason } = pause;
    const until = Date.now() + Math.ceil(forMs);
    const message = `eBay throttles (429); no call before ${new Date(until).toISOString()}`;
    return new Failure('ebay-throttled', message, { until, reason, status: 429 });
  }
}

function outcomeName(reading: Reading): string {
  if (reading.is === 'body') return 'ok';
  if (reading.is === 'failure') return reading.failure.code;
  return reading.is === 'throttled' ? 'ebay-throttled' : 'token-refused';
}

/** 4xx are eBay's answers like any other; what is no answer, or none of this API, counts against it. */
function outcomeForCircuit(reading: Reading): CallOutcome {
  if (reading.is !== 'failure') return 'answered';
  const { code } = reading.failure;
  if (code === 'interrupted' || code === 'internal') return 'unknown';
  return code === 'ebay-refused' || code === 'item-gone' ? 'answered' : 'failed';
}

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

/** One signal for a call: aborts when the caller's does, or when an attempt takes too long. */
export class Deadline {
  readonly #controller = new AbortController();
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

  get signal(): AbortSignal {
    return this.#controller.signal;
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

/**
 * A `Retry-After` header as a pause in ms: seconds or an HTTP date; anything else is no statement (undefined).
 * Clamped to 1 s … `maxMs`, for it was seen absent, in the past and absurd, but a throttled caller must pause somehow.
 */
export function retryAfterMs(header: string | undefined, now: number, maxMs: number): number | undefined {
  const text = header?.trim() ?? '';
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : dateOf(text) - now;
  if (Number.isNaN(ms)) return undefined;
  return Math.ceil(Math.min(Math.max(ms, Math.min(1000, maxMs)), maxMs));
}

/** HTTP dates begin with the name of a day; `Date.parse` alone would take much else for a date, `-1` for instance. */
function dateOf(text: string): number {
  return /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text) ? Date.parse(text) : Number.NaN;
}

/** What the eBay client needs to know about tokens; `EbayAuthService` is one. */
export interface TokenSource {
  /** A token that should work; mints one if need be. */
  getAccessToken(): Promise<string>;
  /** eBay refused this one: the fleet's next token, minted at most once by whoever comes first. */
  refreshToken(refused?: string): Promise<string>;
  /** The fleet's present token, if any, without minting. */
  cachedToken(): Promise<string | undefined>;
  /** eBay took this one: the credential is sound. */
  accepted(token: string): void | Promise<void>;
}

export interface AxiosClientOptions {
  /** Origin that every path stands below, e.g. `https://api.ebay.com`. */
  origin: string;
  /** Cap on the answer's size after decompression. */
  maxBodyBytes: number;
  userAgent?: string;
}

/** A page of 200 listings unpacks to some 300 KB. */
const PIECE_BYTES = 131_072;

/** axios as this service uses it: one origin, kept-alive connections, no redirects, no proxy from the environment. */
export function axiosClient({ origin, maxBodyBytes, userAgent }: AxiosClientOptions): AxiosInstance {
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
    transformResponse: [
      function (
        this: InternalAxiosRequestConfig,
        body: unknown,
        headers: AxiosResponseHeaders,
        status?: number,
      ) {
        if (!Buffer.isBuffer(body)) return '';
        try {
          return textOf(body, headers, maxBodyBytes);
        } catch (error) {
          // A refusal says enough by its status.
          if (status !== 200) return '';
          throw new AxiosError((error as Error).message, AxiosError.ERR_BAD_RESPONSE, this);
        }
      },
    ],
    // 502–504 reject, for axios-retry looks at rejections only.
    validateStatus: (status) => status < 502 || status > 504,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent ?? 'dropship-product-finder',
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

export function answerOf(response: AxiosResponse): Answer {
  const header = (name: string) => {
    const value: unknown = response.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    status: response.status,
    contentType: header('content-type') ?? '',
    retryAfter: header('retry-after'),
    text: typeof response.data === 'string' ? response.data : '',
  };
}

/** What a request's way out is watched by. */
export interface Watch {
  /** Right before the request is written; throwing keeps it from leaving. */
  leaving(): void;
  written(): void;
}

export interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/**
 * Node's own HTTP for axios, with what axios does not offer: a time limit on the connection alone, a last word before
 * the request is written, and word of when it really has been.
 */
export function transport(connectTimeoutMs: number, watch?: Watch): Transport {
  return {
    request(options, onResponse) {
      watch?.leaving();
      const request = (options.protocol === 'https:' ? https : http).request(options, onResponse);
      if (watch) request.once('finish', () => watch.written());
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
