import type { ClassReport, QuotaReport } from '../../ebay/gate/quota.ts';
import { withBecause } from '../../failures.ts';
import { callerOf, type Routes } from '../access.ts';
import { Quota } from './schemas.ts';

/** How the day's calls stand. */
export function quotaRoute(quotaOf: (tenant: string) => Promise<QuotaReport>): Routes {
  return (app) => {
    app.get(
      '/v1/quota',
      {
        config: { access: ['read', 'operate'] },
        schema: {
          tags: ['operations'],
          summary: 'Calls of the day, used and left',
          response: { 200: Quota },
        },
      },
      async (request) => quotaJson(await quotaOf(callerOf(request).tenant)),
    );
  };
}

/** With the former names of reasons. */
function quotaJson({ closed, classes, ...rest }: QuotaReport) {
  const { interactive, scheduled, backfill } = classes;
  return {
    ...rest,
    closed: closed && withBecause(closed),
    classes: {
      interactive: classJson(interactive),
      scheduled: classJson(scheduled),
      backfill: classJson(backfill),
    },
  };
}

function classJson({ closed, ...rest }: ClassReport) {
  return { ...rest, closed: closed && withBecause(closed) };
}
