import type { QuotaReport } from '../../ebay/gate/quota.ts';
import { withBecause } from '../../failures.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import { Quota } from './schemas.ts';

/** The calls of the day. */
export function quotaRoute(quotaOf: (tenant: string) => Promise<QuotaReport>): Routes {
  return (app) => {
    const options = keyed(['read', 'operate'], 'operations', 'Calls of the day, used and left', {
      response: { 200: Quota },
    });
    app.get('/v1/quota', options, async (request) => {
      const { classes, ...whole } = await quotaOf(callerOf(request).tenant);
      const { interactive, scheduled, backfill } = classes;
      return {
        ...withFormerName(whole),
        classes: {
          interactive: withFormerName(interactive),
          scheduled: withFormerName(scheduled),
          backfill: withFormerName(backfill),
        },
      };
    });
  };
}

function withFormerName<Report extends Pick<QuotaReport, 'closed'>>(report: Report) {
  return { ...report, closed: report.closed && withBecause(report.closed) };
}
