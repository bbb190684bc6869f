import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest, Priority } from '../product/requestSchema.ts';
import type { IdenticalSearches } from '../results/identicalSearches.ts';
import type { ResultStore } from '../results/resultStore.ts';
import type { RunStates } from '../results/runState.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HouseRules } from './houseRules.ts';

/** Gets one page from eBay. Throws a `Failure`. */
export interface PageCollector {
  collectPage(call: PageCall): Promise<PageAnswer>;
}

export interface PageCall {
  request: NormalRequest;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  class: Priority;
  /** Aborts the call when the process has to go. */
  signal?: AbortSignal;
}

/** Whether a class of searches may spend calls now; asks without changing anything. */
export interface Admission {
  closedFor(callClass: Priority): Promise<{ until: number; because: string } | undefined>;
}

/** What the jobs of one tenant work with. */
export interface QueueContext {
  tenant: string;
  redis: Redis;
  searches: Queue;
  calls: Queue;
  results: ResultStore;
  runs: RunStates;
  identical: IdenticalSearches;
  collector: PageCollector;
  admission: Admission;
  rules: HouseRules;
  /** Marketplace of a search that names none. */
  marketplace: string;
  /** Ms between two calls; 0 for none. */
  intervalMs: number;
  /** How old a search may get, ms. */
  deadlineMs: number;
  log: Logger;
}
