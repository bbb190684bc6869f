import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A span that has ended, as `spansToFile.js` writes it too. */
export interface EndedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  attributes: Record<string, unknown>;
  /** 2: error. */
  status: number;
  /** Ids of the spans that it has links to. */
  links: string[];
}

/** The suite runs with a tracer provider of its own, which keeps what ends in memory. Before `useService` and its like. */
export function useSpans(): { ended(name?: string | RegExp): EndedSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  before(() => {
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    // As the SDK for Node has them.
    const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
    propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
  });
  beforeEach(() => exporter.reset());
  after(() => {
    for (const api of [trace, context, propagation]) api.disable();
  });
  return {
    ended: (name = /./) =>
      exporter
        .getFinishedSpans()
        .map((span) => ({
          name: span.name,
          kind: span.kind,
          traceId: span.spanContext().traceId,
          spanId: span.spanContext().spanId,
          parentId: span.parentSpanContext?.spanId,
          attributes: span.attributes,
          status: span.status.code,
          links: span.links.map((link) => link.context.spanId),
        }))
        .filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name))),
  };
}
