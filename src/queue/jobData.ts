import type { JobsOptions } from 'bullmq';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { HouseRules } from './houseRules.ts';
import { PRIORITY } from './priorities.ts';

/** What a page's job carries. Written and read by this service only. */
export interface PageJobData {
  v: 1;
  search: SearchRef;
  run: number;
  /** 1, 2, …: unique within the search, all marketplaces together. */
  page: number;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  request: NormalRequest;
}

/** What a page's job returns. The products are in the result store. */
export interface PageJobResult {
  page: number;
  products: number;
  /** Absent: eBay was called. */
  skipped?: 'stored' | 'cancelled';
}

/** How a search is getting on, as BullMQ progress of its job. */
export interface SearchProgress {
  state: 'collecting' | 'waiting';
  /** Pages that are there, and at most needed. */
  pages: number;
  of: number;
  /** Products so far, duplicates between pages included. */
  products: number;
  /** Of `waiting`: why, and until when at the latest as known now (ms since the epoch). */
  because?: string;
  until?: number;
  /** Of `because: 'identical-search'`: the one that it waits for. */
  leader?: string;
}

/** Options of a search job. A search is not retried by BullMQ: its pages are. */
export function searchOptions(request: NormalRequest, { keep }: HouseRules): JobsOptions {
  return { priority: PRIORITY[request.priority], attempts: 1, removeOnComplete: keep, removeOnFail: keep };
}

export function pageOptions(request: NormalRequest, { attempts, backoffMs, keep }: HouseRules): JobsOptions {
  return {
    priority: PRIORITY[request.priority],
    attempts,
    // Jitter keeps the pages that one outage failed from coming back all at once.
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    removeOnComplete: keep,
    removeOnFail: keep,
    // A failed page releases its search, which then says what is missing.
    ignoreDependencyOnFailure: true,
  };
}
