import type { QuotaReport } from '../ebay/quotaReport.ts';
import type { Caller } from './authenticator.ts';
import { Quota } from './schemas.ts';
import type { Section } from './section.ts';

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
