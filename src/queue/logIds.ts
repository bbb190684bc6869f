import type { Job } from 'bullmq';
import type { CallJobData } from './jobData.ts';

/** The ids by which every line about a search can be found, in all components. `run` once it is known. */
export interface SearchIds {
  tenant: string;
  searchId: string;
  run?: number;
  jobId: string;
}

export function idsOfSearch({ tenant }: { tenant: string }, job: Job): SearchIds {
  const id = job.id as string;
  return { tenant, searchId: id, jobId: id };
}

/** The same for one call of a search, with what it is for. */
export function idsOfCall(job: Job, call: CallJobData) {
  const { search, run, marketplace } = call;
  const ids: SearchIds = { tenant: search.tenant, searchId: search.searchId, run, jobId: job.id as string };
  return { ...ids, ...(call.kind === 'page' ? { page: call.page } : { itemId: call.itemId }), marketplace };
}
