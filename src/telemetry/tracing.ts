import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  type ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseReason } from '../failures.ts';

/**
 * Spans by OpenTelemetry's API alone. Without a tracer provider, which the operator's own file registers before the program
 * starts, each function here does its work and nothing else. Names and attributes follow the semantic conventions of 2025
 * (HTTP 1.23, messaging 1.30). No span has a text that a caller wrote, an API key's id or the message of an error: the log has
 * those, masked, under the same trace id.
 */
const tracer = () => trace.getTracer('dropship-product-finder');

/** Whether a tracer provider is registered. */
export function isTraced(): boolean {
  const provider = trace.getTracerProvider() as Partial<ProxyTracerProvider>;
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer('') !== undefined;
}

/** Does the work within a span of its own, which fails as the work does. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
  parent: Context = context.active(),
): Promise<T> {
  return tracer().startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      noteError(span, typeOf(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

function noteError(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type);
}

/** A failure's code, or a word for what went wrong in a client; never a message. */
function typeOf(thrown: unknown): string {
  const { code, reason, message = '' } = (thrown ?? {}) as Record<string, unknown>;
  const word = [code, reason].find((text) => typeof text === 'string' && /^[\w-]{1,40}$/.test(text));
  return (word as string | undefined) ?? parseReason(String(message)).code;
}

/** For work that goes on for longer than what began it, or without it: what it does belongs to no trace. */
export function untraced<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

/** Runs what is handed to it in the trace that is active now. */
export function tracedAsNow(): <T>(work: () => T) => T {
  const active = context.active();
  return (work) => context.with(active, work);
}

/** For log lines: the span that is active. */
export function spanFields(): { trace_id?: string; span_id?: string } {
  const active = trace.getActiveSpan()?.spanContext();
  return active !== undefined && trace.isSpanContextValid(active)
    ? { trace_id: active.traceId, span_id: active.spanId }
    : {};
}

/** How long the operator's exporter has when the process ends, ms. */
const FLUSH_MS = 2000;

/** Has spans exported that were not yet. Never rejects. */
export async function flushSpans(): Promise<void> {
  const provider = trace.getTracerProvider() as Partial<ProxyTracerProvider>;
  const sdk = (provider.getDelegate?.() ?? provider) as { forceFlush?(): Promise<void> };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  await Promise.race([(async () => sdk.forceFlush?.())().catch(() => undefined), late]);
  clearTimeout(timer);
}

// Jobs. BullMQ's option `telemetry.metadata` carries the trace, as `bullmq-otel` 2 writes and reads it: JSON of the fields of the
// propagator that the operator chose.

/** W3C's `tracestate` may have 512 characters. Any program can add a job with more. */
const LONGEST_METADATA = 2000;

/** What a call of a search passes on: the search's own trace, so that all calls of a search stand beside one another. */
const PASSED_ON = createContextKey('what a call’s jobs carry');

/** The trace of a context as a text; undefined where there is none. Without baggage, which is not ours to store. */
function traceText(from: Context): string | undefined {
  const span = trace.getSpanContext(from);
  if (span === undefined || !trace.isSpanContextValid(span)) return undefined;
  const fields = {};
  propagation.inject(propagation.deleteBaggage(from), fields);
  return Object.keys(fields).length === 0 ? undefined : JSON.stringify(fields);
}

function traceOf(metadata: unknown): Context {
  if (typeof metadata !== 'string' || metadata.length > LONGEST_METADATA) return ROOT_CONTEXT;
  try {
    const fields: unknown = JSON.parse(metadata);
    return propagation.extract(ROOT_CONTEXT, fields ?? {});
  } catch {
    return ROOT_CONTEXT;
  }
}

/** BullMQ's options of a job that is added now. */
export function tracedOptions(): { telemetry?: { metadata: string } } {
  const passedOn = context.active().getValue(PASSED_ON) as string | undefined;
  const metadata = passedOn ?? traceText(context.active());
  return metadata === undefined ? {} : { telemetry: { metadata } };
}

const messaging = (queue: string, operation: 'send' | 'process'): Attributes => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': queue,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
});

/** Adds searches of a caller. @param ids of their jobs */
export function sendSpan<T>(queue: string, ids: readonly string[], send: () => Promise<T>): Promise<T> {
  const [id] = ids;
  const one = { ...(id !== undefined && { 'messaging.message.id': id }) };
  const many = { 'messaging.batch.message_count': ids.length };
  const attributes = { ...messaging(queue, 'send'), ...(ids.length === 1 ? one : many) };
  return inSpan(`send ${queue}`, { kind: SpanKind.PRODUCER, attributes }, send);
}

interface TracedJob {
  id?: string | undefined;
  attemptsMade: number;
  opts: { telemetry?: { metadata?: string } };
}

/** What BullMQ 6.7.0's errors begin with by which a job is moved; they are no failures. */
const MOVED = 'bullmq:';

/**
 * Runs a job in the trace that it carries, or in a new one.
 * @param options.isCall the jobs that it adds stand beside it, as the calls of a search do, and not below it
 */
export function jobSpan<T>(
  queue: string,
  { id = '', attemptsMade, opts }: TracedJob,
  run: () => Promise<T>,
  { isCall = false } = {},
): Promise<T> {
  const carried = traceOf(opts.telemetry?.metadata);
  // Written again, not copied: any program can add a job, and a copy has its baggage and all its other fields.
  const passedOn = isCall ? traceText(carried) : undefined;
  const parent = passedOn === undefined ? carried : carried.setValue(PASSED_ON, passedOn);
  const attributes = {
    ...messaging(queue, 'process'),
    'messaging.message.id': id,
    'dpf.job.attempt': attemptsMade + 1,
  };
  const work = async (span: Span) => {
    try {
      return { result: await run() };
    } catch (error) {
      const message = String((error as Error | undefined)?.message ?? '');
      if (!message.startsWith(MOVED)) throw error;
      span.setAttribute('dpf.job.moved', message.slice(MOVED.length));
      return { moved: error };
    }
  };
  const ended = inSpan(`process ${queue}`, { kind: SpanKind.CONSUMER, attributes }, work, parent);
  return ended.then((end) => {
    if ('moved' in end) throw end.moved;
    return end.result;
  });
}

/** For the result of a search that answers others too: the trace that made its calls. */
export function sharedTrace(): { trace?: string } {
  const own = traceText(context.active());
  return own === undefined ? {} : { trace: own };
}

/** The active span was answered by calls of another trace. @param shared what `sharedTrace` gave there */
export function linkTo({ trace: shared }: { trace?: string }): void {
  const other = trace.getSpanContext(traceOf(shared));
  if (other !== undefined) trace.getActiveSpan()?.addLink({ context: other });
}

// HTTP.

/** A call to eBay, whose span is not active: `end` ends it. eBay gets no header of the trace. */
export interface CallSpan {
  /** @param outcome `ok` or a failure's code */
  end(outcome: string, status?: number): void;
}

/** Options of the span of a call. Without `url.full`, which has what is searched for. @param path without ids */
export function clientOptions(method: string, origin: string, path: string): SpanOptions {
  const { hostname, port, protocol } = new URL(origin);
  const attributes = {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    'url.template': path,
  };
  return { kind: SpanKind.CLIENT, attributes };
}

/** @param resent how many attempts the call had before */
export function callSpan(method: string, origin: string, path: string, resent: number): CallSpan {
  const span = tracer().startSpan(`${method} ${path}`, clientOptions(method, origin, path));
  if (resent > 0) span.setAttribute('http.request.resend_count', resent);
  return {
    end(outcome, status) {
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (outcome !== 'ok') noteError(span, outcome);
      span.end();
    },
  };
}

/** An HTTP request to this service, in the trace that its caller names. */
export interface RequestSpan {
  readonly traceId: string | undefined;
  /** Goes on within the span. */
  run(next: () => void): void;
  /** The answer is a problem of this code. */
  failed(code: string): void;
  /** The answer is sent, or its connection broken. @param status none where nothing was sent */
  end(status: number | undefined): void;
}

/** @param route as it is declared; undefined for none @param path of the request, masked */
export function requestSpan(
  { method, headers }: { method: string; headers: object },
  { route, path }: { route: string | undefined; path: string },
): RequestSpan {
  // An instrumentation of Node's own server, where the operator has one, has read the headers.
  const outer =
    trace.getActiveSpan() === undefined ? propagation.extract(ROOT_CONTEXT, headers) : context.active();
  const attributes = {
    'http.request.method': method,
    'url.scheme': 'http',
    'url.path': path,
    ...(route !== undefined && { 'http.route': route }),
  };
  const name = route === undefined ? method : `${method} ${route}`;
  const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, outer);
  const active = trace.setSpan(outer, span);
  const { traceId } = span.spanContext();
  let code: string | undefined;
  return {
    traceId: trace.isSpanContextValid(span.spanContext()) ? traceId : undefined,
    run: (next) => context.with(active, next),
    failed(problem) {
      code = problem;
    },
    end(status) {
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (status !== undefined && status >= 500) noteError(span, code ?? String(status));
      span.end();
    },
  };
}
