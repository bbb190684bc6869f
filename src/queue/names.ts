import { createHash } from 'node:crypto';

/** The public queue: searches. Tenants other than `default` have their own. */
export function searchQueueName(tenant: string): string {
  return tenant === 'default' ? 'ebay-search' : `ebay-search-${tenant}`;
}

/** The limited queue: one job, one call. */
export function callsQueueName(tenant: string): string {
  return tenant === 'default' ? 'ebay-calls' : `ebay-calls-${tenant}`;
}

/** The only job name of the public queue. */
export const SEARCH_JOB = 'search';

/**
 * `SEARCH-rRUN-pN`. The run is part of it because BullMQ keeps a failed child, and a parent that adds the id of a kept
 * failed child again waits for ever. Ids of scheduled searches hold colons, which a custom job id may not: those are hashed.
 */
export function pageJobId(searchId: string, run: number, page: number): string {
  return `${jobIdPart(searchId)}-r${run}-p${page}`;
}

function jobIdPart(searchId: string): string {
  return searchId.includes(':') ? createHash('sha256').update(searchId).digest('hex').slice(0, 32) : searchId;
}

/** The run and page that a page's job id or key names; undefined for any other text. */
export function parsePageJobId(id: string): { run: number; page: number } | undefined {
  const match = /-r(\d+)-p(\d+)$/.exec(id);
  return match === null ? undefined : { run: Number(match[1]), page: Number(match[2]) };
}
