import { AxiosError, type AxiosInstance, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { type CallSpan, callSpan, inSpan } from '../telemetry/tracing.ts';
import { type Endpoint, type Reading, readAnswer } from './answer.ts';
import type { AttemptGate, CallClass, Slot, ThrottlePause } from './gate/gate.ts';
import {
  circuitOutcome,
  isQuickRetry,
  QUICK_RETRIES,
  quickRetryDelayMs,
  throttlePauseMs,
} from './retryPolicy.ts';
import {
  answerOf,
  axiosClient,
  brokenAttempt,
  closeAxios,
  Deadline,
  networkFailure,
  transport,
} from './transport.ts';

/** What the eBay client needs to know about tokens; `EbayAuthService` is one. */
export interface TokenSource {
  /** A token that should work. @param beforeMint runs before a new one is fetched, and prevents that by throwing. */
  getAccessToken(beforeMint?: () => Promise<unknown>): Promise<string>;
  /** eBay refused this one: the fleet's next token, fetched once however many ask. */
  refreshToken(refused?: string): Promise<string>;
  /** The fleet's present token, if any; never fetches one. */
  cachedToken(): Promise<string | undefined>;
  /** eBay took this one: the credential is sound. */
  accepted(token: string): void | Promise<void>;
}

export interface EbayHttpOptions {
  /** Origin of the API, see `apiOrigin`. */
  origin: string;
  ebay: Pick<
    Config['ebay'],
    'connectTimeout' | 'proxyUrl' | 'callTimeout' | 'maxBodyBytes' | 'quickRetryDelay'
  >;
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
  /** The path without the id of an item. */
  template: string;
  params?: Record<string, string>;
  headers?: Record<string, string>;
  /** JSON, of a POST. It is in no log, error or span. */
  body?: string;
}

/** Pays for the attempts of a call, where somebody has a budget of calls. */
export interface Charge {
  /** Before an attempt. @throws Failure `budget_exceeded` */
  take(): Promise<void>;
  /** After `take`, for an attempt whose request never left. Never rejects. */
  giveBack(): Promise<void>;
}

/** Who a call is made for. */
export interface CallFor {
  class: CallClass;
  charge?: Charge | undefined;
  /** Ends the call, waiting or under way, with `interrupted`. */
  signal?: AbortSignal;
}

export interface EbayAnswer {
  body: Record<string, unknown>;
  /** From the granted slot to the answer that was read, ms; the last attempt's. */
  latencyMs: number;
  /** HTTP attempts that were made, this one included. */
  attempts: number;
}

/**
 * Calls of a process share what it read of the token within this time. A token that another process has replaced since is
 * known from the gate: a call with it would be a call of the day without an answer.
 */
const STALE_TOKEN_MS = 1000;

/** The process was held up between the grant of a slot and the socket: a request now would come too close to the next. */
class SlotMissed extends Error {}

/**
 * Calls to eBay's Browse API. Every attempt, quick retries and the replay after a 401 included, runs through `#admit`
 * (token, gate), the socket, and `#settle` (read and classify): they are interceptors of axios, which axios-retry passes
 * again. No axios object leaves this class: what goes wrong becomes a `Failure`.
 */
export class EbayHttp {
  readonly #options: EbayHttpOptions;
  readonly #axios: AxiosInstance;
  /** The token, and when its reading began, on `performance`'s clock. */
  #token = { value: '', askedAt: Number.NEGATIVE_INFINITY };
  /** The gate's mark when the token was last read because of it. */
  #tokenMark = '';

  constructor(options: EbayHttpOptions) {
    const { origin, ebay } = options;
    this.#options = options;
    this.#axios = axiosClient(origin, ebay);
    this.#axios.interceptors.request.use((config) => this.#admit(config));
    this.#axios.interceptors.response.use(
      async (response) => {
        await this.#settleAnswer(response);
        return response;
      },
      async (error: unknown) => {
        if (error instanceof AxiosError) await this.#settleError(error);
        throw error;
      },
    );
    axiosRetry(this.#axios, {
      retries: QUICK_RETRIES,
      retryCondition: (error) =>
        isQuickRetry(brokenAttempt(error), error.config?.pending?.quickRetries ?? QUICK_RETRIES),
      retryDelay: (retry) => quickRetryDelayMs(retry, ebay.quickRetryDelay),
      onRetry: (_retry, _error, config) => {
        if (config.pending) config.pending.quickRetries += 1;
      },
    });
  }

  /**
   * One GET.
   * @throws Failure: `gate-closed`, `share-spent`, `budget_exceeded`, `redis-unavailable`, `ebay-throttled`, `token-refused`, what the
   * token source throws, `ebay-refused`, `item-gone`, `ebay-bad-answer`, `ebay-timeout`, `ebay-unreachable`,
   * `ebay-server-error`, `interrupted`.
   */
  get(request: Omit<EbayRequest, 'body'>, call: CallFor): Promise<EbayAnswer> {
    return this.#call(request, call);
  }

  /** One POST that only reads, so that it may be repeated like a GET. @throws as `get` */
  post(request: EbayRequest & { body: string }, call: CallFor): Promise<EbayAnswer> {
    const headers = { ...request.headers, 'Content-Type': 'application/json' };
    return this.#call({ ...request, headers }, call);
  }

  async #call(request: EbayRequest, call: CallFor): Promise<EbayAnswer> {
    const { tokens, gate } = this.#options;
    const pending = new PendingCall(request, call);
    try {
      let reading = await this.#send(request, pending);
      if (reading.is === 'token-refused') {
        pending.token = await tokens.refreshToken(pending.token);
        pending.replacesToken = true;
        this.#noteToken(pending.token, performance.now());
        reading = await this.#send(request, pending);
      }
      if (reading.is === 'failure') throw reading.failure;
      if (reading.is === 'throttled') throw await this.#throttled(pending);
      if (reading.is === 'token-refused') {
        const message = 'eBay refused a token and the one fetched after it';
        throw new Failure('token-refused', message, { status: 401 });
      }
      await tokens.accepted(pending.token);
      return { body: reading.body, latencyMs: pending.latencyMs, attempts: pending.attempts };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.code, error.message, { ...error.detail, calls: pending.attempts });
    } finally {
      pending.deadline.close();
      pending.endSpan('interrupted');
      if (pending.missedSlot) await gate.giveBack(pending.missedSlot);
      if (pending.isCharged) await call.charge?.giveBack();
    }
  }

  close(): void {
    closeAxios(this.#axios);
  }

  /** Attempts with the same token until one is answered or no quick retry is left. */
  async #send(request: EbayRequest, pending: PendingCall): Promise<Reading> {
    const { path: url, params, headers, body } = request;
    const { method } = pending;
    // axios would read a text as JSON and write another one.
    const data = body === undefined ? undefined : Buffer.from(body);
    try {
      await this.#axios.request({ method, url, params, headers, data, pending });
    } catch (error) {
      if (error instanceof SlotMissed) return this.#send(request, pending);
      // What stopped the call before an attempt: the token source, the gate, the caller.
      if (error instanceof Failure) throw error;
      if (pending.reading === undefined) throw networkFailure(error, pending.deadline);
    }
    const { reading } = pending;
    // The connection's last request keeps the call in memory.
    pending.reading = undefined;
    return reading as Reading;
  }

  /** Before an attempt: a token, a slot, and the request as it may leave. */
  async #admit(config: InternalAxiosRequestConfig): Promise<InternalAxiosRequestConfig> {
    const { tokens, gate, ebay, origin } = this.#options;
    const pending = config.pending as PendingCall;
    pending.reading = undefined;
    if (pending.deadline.aborted) throw new Failure('interrupted', 'stopped before a call to eBay');
    const { missedSlot: insteadOf } = pending;
    // Where a slot was missed, the token was read a moment ago. No token is fetched while the gate is closed.
    if (insteadOf === undefined && this.#isTokenStale())
      await this.#readToken(() => tokens.getAccessToken(() => gate.check(pending.class)));
    pending.missedSlot = undefined;
    // An attempt that never left is paid for already.
    if (pending.charge !== undefined && !pending.isCharged) {
      await pending.charge.take();
      pending.isCharged = true;
    }
    const attributes = { 'dpf.call.class': pending.class };
    const slot = await inSpan('gate wait', { attributes }, () =>
      gate.enter({
        class: pending.class,
        again: pending.attempts > 0 || insteadOf !== undefined,
        ...(insteadOf ? { insteadOf } : {}),
        ...(pending.signal ? { signal: pending.signal } : {}),
        replacesToken: pending.replacesToken,
        beforeSend: async (mark) => {
          if (mark === undefined ? !this.#isTokenStale() : mark === this.#tokenMark) return;
          await this.#readToken(() => tokens.cachedToken());
          this.#tokenMark = mark ?? this.#tokenMark;
        },
      }),
    );
    pending.replacesToken = false;
    pending.token = this.#token.value;
    pending.slot = slot;
    pending.attempts += 1;
    pending.grantedAt = performance.now();
    config.headers.set('authorization', `Bearer ${pending.token}`);
    config.transport = transport(ebay.maxBodyBytes, {
      beforeWrite: () => {
        if (slot.isOver) throw this.#missed(pending, slot);
        pending.span = callSpan(pending.method, origin, pending.template, pending.attempts - 1);
      },
      afterWrite: () => {
        slot.sent();
        pending.isCharged = false;
      },
    });
    config.signal = pending.deadline.signal;
    pending.deadline.start(ebay.callTimeout * 1000);
    return config;
  }

  #isTokenStale(): boolean {
    return performance.now() - this.#token.askedAt >= STALE_TOKEN_MS;
  }

  async #readToken(read: () => Promise<string | undefined>): Promise<void> {
    const askedAt = performance.now();
    const value = await read();
    if (value !== undefined) this.#noteToken(value, askedAt);
  }

  /** Of two readings that overlap the one that began later counts: the other may have found a token that was replaced since. */
  #noteToken(value: string, askedAt: number): void {
    if (askedAt >= this.#token.askedAt) this.#token = { value, askedAt };
  }

  /** Nothing left: no attempt was made, and the call goes back to the head of the line. */
  #missed(pending: PendingCall, slot: Slot): SlotMissed {
    pending.deadline.stop();
    pending.attempts -= 1;
    pending.slot = undefined;
    pending.missedSlot = slot;
    return new SlotMissed();
  }

  async #settleAnswer(response: AxiosResponse): Promise<void> {
    const pending = response.config.pending as PendingCall;
    const answer = answerOf(response);
    pending.retryAfter = answer.retryAfter;
    // The kept-alive connection holds its last response, and a page's text is large.
    response.data = undefined;
    await this.#settle(pending, readAnswer(answer, pending.endpoint), answer.status);
  }

  async #settleError(error: AxiosError): Promise<void> {
    const pending = error.config?.pending;
    if (pending === undefined) return;
    const { response } = error;
    const isAnswer = brokenAttempt(error).status !== undefined;
    const reading: Reading =
      response && isAnswer
        ? readAnswer(answerOf(response), pending.endpoint)
        : { is: 'failure', failure: networkFailure(error, pending.deadline) };
    await this.#settle(pending, reading, response?.status);
  }

  /** After an attempt: the gate and the metrics learn how it ended. */
  async #settle(pending: PendingCall, reading: Reading, status?: number): Promise<void> {
    const { gate, metrics } = this.#options;
    pending.deadline.stop();
    pending.latencyMs = performance.now() - pending.grantedAt;
    pending.reading = reading;
    const outcome = outcomeName(reading);
    metrics?.called(pending.endpoint, outcome, pending.latencyMs);
    pending.endSpan(outcome, status);
    if (!pending.slot) return;
    const counted = circuitOutcome(reading.is === 'failure' ? reading.failure : undefined);
    await gate.report(pending.slot, counted);
    if (!pending.slot.wasSent) await gate.giveBack(pending.slot);
  }

  async #throttled(pending: PendingCall): Promise<Failure> {
    const { gate, pace, checkQuota } = this.#options;
    const named = throttlePauseMs(pending.retryAfter, Date.now(), pace.maxThrottlePause * 1000);
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
    const message = `eBay throttles (429): no call for ${Math.ceil(forMs / 1000)} s`;
    return new Failure('ebay-throttled', message, { until, reason, status: 429 });
  }
}

function outcomeName(reading: Reading): string {
  if (reading.is === 'body') return 'ok';
  if (reading.is === 'failure') return reading.failure.code;
  return reading.is === 'throttled' ? 'ebay-throttled' : 'token-refused';
}

/**
 * One call on its way through the HTTP client, over all its attempts. It travels inside axios's request configuration:
 * an instance of a class, which axios passes on by reference where it copies plain objects.
 */
class PendingCall {
  readonly endpoint: Endpoint;
  readonly template: string;
  readonly method: 'GET' | 'POST';
  readonly class: CallClass;
  readonly signal: AbortSignal | undefined;
  readonly deadline: Deadline;
  readonly charge: Charge | undefined;
  /** Its next attempt is paid for: no request has left since. */
  isCharged = false;
  attempts = 0;
  quickRetries = 0;
  token = '';
  /** The next attempt is the first with another token than eBay refused. */
  replacesToken = false;
  slot: Slot | undefined;
  /** One whose time passed before the request was written. */
  missedSlot: Slot | undefined;
  /** When the present attempt got its slot, on `performance`'s clock. */
  grantedAt = 0;
  latencyMs = 0;
  /** How the last attempt ended; undefined if none was made. */
  reading: Reading | undefined;
  retryAfter: string | undefined;

  /** Of the present attempt, from its writing on. */
  span: CallSpan | undefined;

  constructor({ endpoint, template, body }: EbayRequest, call: CallFor) {
    this.endpoint = endpoint;
    this.template = template;
    this.method = body === undefined ? 'GET' : 'POST';
    this.class = call.class;
    this.signal = call.signal;
    this.charge = call.charge;
    this.deadline = new Deadline(call.signal);
  }

  endSpan(outcome: string, status?: number): void {
    this.span?.end(outcome, status);
    this.span = undefined;
  }
}

declare module 'axios' {
  interface AxiosRequestConfig {
    pending?: PendingCall;
  }
}
