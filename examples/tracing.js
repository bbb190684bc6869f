/**
 * Prints the spans of a worker or a server. Run: NODE_OPTIONS=--import=./examples/tracing.js npx dpf worker
 *
 * In your project replace `ConsoleSpanExporter` by the exporter of your system. `@opentelemetry/sdk-node` does all of this in one
 * call, with an OTLP exporter that OTEL_EXPORTER_OTLP_ENDPOINT configures: see docs/operations.md.
 */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, BatchSpanProcessor, ConsoleSpanExporter } from '@opentelemetry/sdk-trace-base';

// The program flushes this provider when it ends.
const spanProcessors = [new BatchSpanProcessor(new ConsoleSpanExporter())];
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
// Without it every span is the first of its own trace.
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
// What callers send and jobs carry: traceparent and tracestate.
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
