import { createHash, randomUUID } from 'node:crypto';
import type { JobsOptions } from 'bullmq';
import { parseSearchRequest } from '../product/request.ts';
import type { NormalRequest, SearchRequest } from '../product/requestSchema.ts';
import type { HouseRules } from './houseRules.ts';
import { searchOptions } from './jobData.ts';
import { SEARCH_JOB } from './names.ts';
import { invalid } from './readJob.ts';

export interface NewSearch {
  name: typeof SEARCH_JOB;
  data: NormalRequest;
  opts: JobsOptions & { jobId: string };
}

export interface NewSearchDefaults {
  tenant: string;
  marketplace: string;
  rules: HouseRules;
}

/**
 * Requests as jobs, in their order.
 * @throws Failure `invalid_request` naming every wrong field of every request; with several, paths begin with the index.
 */
export function newSearches(
  requests: readonly SearchRequest[],
  defaults: NewSearchDefaults,
  idempotencyKey?: string,
): NewSearch[] {
  return checkedRequests(requests, defaults).map((request, index) => ({
    name: SEARCH_JOB,
    data: request,
    opts: {
      ...searchOptions(request, defaults.rules),
      jobId: newId(defaults.tenant, idempotencyKey, index),
    },
  }));
}

/** @throws Failure `invalid_request`, as `newSearches`. */
export function checkedRequests(
  requests: readonly SearchRequest[],
  { tenant, marketplace }: Pick<NewSearchDefaults, 'tenant' | 'marketplace'>,
): NormalRequest[] {
  const parsed = requests.map((request) => parseSearchRequest(ownedBy(tenant, request), { marketplace }));
  const errors = parsed.flatMap((result, index) => {
    if (result.ok) return [];
    if (requests.length === 1) return result.errors;
    return result.errors.map((error) => ({
      ...error,
      path: error.path ? `${index}.${error.path}` : `${index}`,
    }));
  });
  if (errors.length > 0) throw invalid('invalid_request', errors);
  return parsed.flatMap((result) => (result.ok ? [result.request] : []));
}

/** What is no object stays as it is, for the schema to say so. */
function ownedBy(tenant: string, request: unknown): unknown {
  const isObject = typeof request === 'object' && request !== null && !Array.isArray(request);
  return isObject ? { tenant, ...request } : request;
}

/** Callers' words never become ids: BullMQ keeps its own keys beside the jobs, and `meta` would hit one. */
function newId(tenant: string, idempotencyKey: string | undefined, index: number): string {
  if (idempotencyKey === undefined) return `s_${randomUUID().replaceAll('-', '')}`;
  const hash = createHash('sha256').update(JSON.stringify([tenant, idempotencyKey, index]));
  return `s_${hash.digest('hex').slice(0, 32)}`;
}
