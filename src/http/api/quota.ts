import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { Caller } from '../auth/authenticator.ts';
import type { Section } from '../section.ts';
import { Quota } from './schemas.ts';

/** How the day's calls stand. */
export function quotaRoute(quotaOf: (tenant: string) => Promise<QuotaReport>): Section {
  return {
    rules: [{ method: 'GET', url: '/v1/quota', access: ['read', 'operate'] }],
    register(app) {
      app.get(
        '/v1/quota',
        { schema: { tags: ['operations'], summary: 'How the day’s calls stand', response: { 200: Quota } } },
        async ({ caller }) => quotaOf((caller as Caller).tenant),
      );
    },
  };
}
