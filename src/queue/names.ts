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

/** `SEARCH-rRUN-iITEM`, ITEM without eBay's `v1|` and with a point for its other pipe. */
export function itemJobId(searchId: string, run: number, itemId: string): string {
  const [, legacyId, variation] = /^v1\|(\d+)\|(\d+)$/.exec(itemId) ?? [];
  const item = legacyId === undefined ? hashed(itemId) : `${legacyId}.${variation}`;
  return `${jobIdPart(searchId)}-r${run}-i${item}`;
}

function jobIdPart(searchId: string): string {
  return searchId.includes(':') ? hashed(searchId) : searchId;
}

function hashed(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 32);
}
