import { type Answer, empty, json } from './answer.ts';
import type { QuotaState } from './quota.ts';

/**
 * GET /developer/analytics/v1_beta/rate_limit/ for the credential whose quota this is. eBay spells the API
 * "Browse" here although its filter is `browse`; a filter that matches nothing gives 204.
 */
export function rateLimits(quota: QuotaState, query: URLSearchParams): Answer {
  const context = query.get('api_context')?.toLowerCase() ?? 'buy';
  const name = query.get('api_name')?.toLowerCase() ?? 'browse';
  if (context !== 'buy' || name !== 'browse') return empty(204);
  const { limit, used, remaining, reset, timeWindow } = quota;
  const bulk = { count: 0, limit: 5000, remaining: 5000, reset, timeWindow };
  return json(200, {
    rateLimits: [
      {
        apiContext: 'buy',
        apiName: 'Browse',
        apiVersion: 'v1',
        resources: [
          { name: 'buy.browse', rates: [{ count: used, limit, remaining, reset, timeWindow }] },
          { name: 'buy.browse.item.bulk', rates: [bulk] },
        ],
      },
    ],
  });
}
