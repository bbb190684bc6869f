/** An SDK as an operator has one, whose exporter throws each batch away. */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const exporter = { export: (_spans, done) => done({ code: 0 }), shutdown: async () => undefined };
// The default queue of 2,048 spans would drop some of them, and so cost less.
const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 100_000 });
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
