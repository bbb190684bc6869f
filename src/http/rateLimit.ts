import rateLimit from '@fastify/rate-limit';
import { problem } from './problem.ts';
import type { App } from './section.ts';

/**
 * So many requests a minute of one key to this process. Counted here and not in Redis: what it protects is this process,
 * and a count of the fleet would cost every request a question. Comes before the routes.
 */
export async function limitRates(app: App, requestsAMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: requestsAMinute,
    timeWindow: 60_000,
    keyGenerator: ({ caller }) => caller?.id ?? '',
    // Health and docs are for everybody; what has a login of its own limits itself.
    allowList: ({ caller }) => caller === null,
    errorResponseBuilder: (_, { ttl }) =>
      problem(429, 'rate_limited', `this key may send ${requestsAMinute} requests a minute`, {
        retryAfter: Math.max(1, Math.ceil(ttl / 1000)),
      }),
  });
}
