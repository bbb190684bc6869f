import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ItemAnswer } from '../collector/itemAnswer.ts';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import type { EventStream } from '../events/stream.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest, Priority } from '../product/requestSchema.ts';
import type { IdenticalSearches } from '../results/identicalSearches.ts';
import type { ResultStore } from '../results/resultStore.ts';
import type { RunStates } from '../results/runState.ts';
import type { Tracks } from '../results/tracks.ts';
import type { Fields, Logger } from '../telemetry/logger.ts';
import type { QueueMetrics } from '../telemetry/queueMetrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { HouseRules } from './houseRules.ts';
import type { SuspectRoom } from './suspectRoom.ts';

/** Makes one call to eBay. Throws a `Failure`. */
export interface Collector {
  collectPage(call: PageCall): Promise<PageAnswer>;
  /** An item that eBay no longer has is an answer, not a failure. */
  collectDetails(call: ItemCall): Promise<ItemAnswer>;
}

export interface PageCall {
  request: NormalRequest;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  class: Priority;
  /** Aborts the call when the process has to go. */
  signal?: AbortSignal;
  /** Ids for log lines about it. */
  ids?: Fields;
}

export interface ItemCall extends Omit<PageCall, 'offset' | 'limit'> {
  itemId: string;
}

/** Whether a class of searches may spend calls now; asks without changing anything. */
export interface Admission {
  closedFor(callClass: Priority): Promise<Closed | undefined>;
}

/** Why no call may be made, and until when, ms since the epoch. */
export interface Closed {
  until: number;
  because: string;
}

/** What the jobs of one tenant work with. */
export interface QueueContext {
  tenant: string;
  redis: Redis;
  searches: Queue;
  calls: Queue;
  results: ResultStore;
  runs: RunStates;
  tracks: Tracks;
  identical: IdenticalSearches;
  events: EventStream;
  collector: Collector;
  admission: Admission;
  rules: HouseRules;
  suspects: SuspectRoom;
  /** Marketplace of a search that names none. */
  marketplace: string;
  /** Ms between two calls of the fleet now; 0 for none. It may change while a process runs. */
  intervalMs: () => number;
  /** How old a search may get, ms. */
  deadlineMs: number;
  metrics: QueueMetrics;
  scrubber: Scrubber;
  log: Logger;
}
