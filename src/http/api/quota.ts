import type { QuotaReport } from '../../ebay/gate/quota.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import { Quota } from './schemas.ts';

/** The calls of the day. */
export function quotaRoute(quotaOf: (tenant: string) => Promise<QuotaReport>): Routes {
  return (app) => {
    const options = keyed(['read', 'operate'], 'operations', 'Calls of the day, used and left', {
      response: { 200: Quota },
    });
    app.get('/v1/quota', options, (request) => quotaOf(callerOf(request).tenant));
  };
}
