import type { JobsOptions } from 'bullmq';

export const BARE_PARENTS = 'bare-search';
export const BARE_PAGES = 'bare-pages';

export interface BarePage {
  parent: string;
  page: number;
}

/** A page as ours are: with a priority, several attempts, an id of its own, a child of its search. */
export function bareJob(data: BarePage) {
  const { parent, page } = data;
  const opts: JobsOptions = {
    priority: 2,
    attempts: 5,
    jobId: `${parent}-p${page}`,
    parent: { id: parent, queue: `bull:${BARE_PARENTS}` },
  };
  return { name: `page ${page}`, data, opts };
}
