import { AxiosError, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { CallMetrics } from '../telemetry/callMetrics.ts';
import { type Endpoint, type Reading, readAnswer } from './answer.ts';
import { answerOf, axiosClient, closeAxios } from './axiosClient.ts';
import type { CallGate, CallOutcome, ClosedBecause, Slot } from './gate.ts';
import { isBrief, networkFailure } from './networkFailure.ts';
import { type CallFor, PendingCall } from './pendingCall.ts';
import { retryAfterMs } from './retryAfter.ts';
import type { TokenSource } from './tokenSource.ts';
import { transport } from './transport.ts';

export interface EbayHttpOptions {
  /** Origin of the API, see `apiOrigin`. */
  origin: string;
  ebay: Pick<Config['ebay'], 'connectTimeout' | 'callTimeout' | 'maxBodyBytes' | 'quickRetryDelay'>;
  pace: Pick<Config['pace'], 'throttlePause' | 'maxThrottlePause'>;
  gate: CallGate;
  tokens: TokenSource;
  /** Compares the ledger with eBay's own count; asked by the one process whose 429 began a pause. */
  checkQuota?: (signal?: AbortSignal) => Promise<unknown>;
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
    let forMs = named ?? pace.throttlePause * 1000;
    let because: ClosedBecause = 'pause';
    try {
      const pause = await gate.throttled(named);
      forMs = pause.forMs;
      if (pause.began) {
        await checkQuota?.(pending.signal);
        const { closed, now } = await gate.read();
        if (closed) [forMs, because] = [closed.until - now, closed.because];
      }
    } catch {
      // Redis is away: nobody can call, and this call waits for as long as eBay asked.
    }
    const until = Date.now() + Math.ceil(forMs);
    const message = `eBay throttles (429); no call before ${new Date(until).toISOString()}`;
    return new Failure('ebay-throttled', message, { until, because, status: 429 });
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
