import type { JobsOptions } from 'bullmq';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { ProductDetails } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { HouseRules } from './houseRules.ts';
import { PRIORITY } from './priorities.ts';

/** What the job of one call carries. Written and read by this service only. */
interface OneCall {
  v: 1;
  search: SearchRef;
  run: number;
  marketplace: MarketplaceId;
  request: NormalRequest;
}

/** A page of the search. */
export interface PageJobData extends OneCall {
  kind: 'page';
  /** 1, 2, …: unique within the search, all marketplaces together. */
  page: number;
  offset: number;
  limit: number;
}

/** The details of one product. */
export interface ItemJobData extends OneCall {
  kind: 'item';
  itemId: string;
  /** Items of this search under way at once. */
  lanes: number;
}

export type CallJobData = PageJobData | ItemJobData;

/** Of a job that made no call: why. */
type Skipped = 'stored' | 'cancelled';

/** What a page's job returns. The products are in the result store. */
export interface PageJobResult {
  page: number;
  products: number;
  skipped?: Skipped;
}

/** What an item's job returns. The details are in the result store. */
export interface ItemJobResult {
  itemId: string;
  availability: ProductDetails['availability'] | null;
  skipped?: Skipped;
}

/** How a search is getting on, as BullMQ progress of its job. */
export interface SearchProgress {
  state: 'collecting' | 'waiting';
  /** Pages that are there, and at most needed. */
  pages: number;
  of: number;
  /** Products so far, duplicates between pages included. */
  products: number;
  /** With `details: full`, once the pages are there: products whose details are there, and all of them. */
  details?: { there: number; of: number };
  /** Of `waiting`: why, and until when at the latest as known now (ms since the epoch). */
  because?: string;
  until?: number;
  /** Of `because: 'identical-search'`: the one that it waits for. */
  leader?: string;
  /** Of `because: 'newer-version'`: since when it waits for a worker that can read it, ms since the epoch. */
  since?: number;
}

/** What holds for any job from the moment that a worker has it, before it is known what it carries. */
export function trustedOptions({ keep }: HouseRules): JobsOptions {
  return { attempts: 1, removeOnComplete: keep, removeOnFail: keep };
}

/** Options of a search job. A search is not retried by BullMQ: its pages are. */
export function searchOptions(request: NormalRequest, rules: HouseRules): JobsOptions {
  return { ...trustedOptions(rules), priority: PRIORITY[request.priority] };
}

export function callOptions(request: NormalRequest, { attempts, backoffMs, keep }: HouseRules): JobsOptions {
  return {
    priority: PRIORITY[request.priority],
    attempts,
    // Jitter keeps the calls that one outage failed from coming back all at once.
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    removeOnComplete: keep,
    removeOnFail: keep,
    // A failed call releases its search, which then says what is missing.
    ignoreDependencyOnFailure: true,
  };
}
