import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EbayProductCollector } from '../../collector/collector.ts';
import type { EventStream } from '../../events/stream.ts';
import { asFailure, Failure } from '../../failures.ts';
import type { Priority } from '../../product/requestSchema.ts';
import type { CoalescedSearches } from '../../results/coalescedSearches.ts';
import type { ItemAnswers } from '../../results/itemAnswers.ts';
import type { SearchStore } from '../../results/searchStore.ts';
import type { Tracks } from '../../results/tracks.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { QueueMetrics } from '../../telemetry/metrics.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import type { AlertsContext } from '../alerts/evaluate.ts';
import type { Budgets } from '../budgets.ts';
import type { JobDefaults } from './retryPolicy.ts';

/** What the jobs of one tenant work with. */
export interface QueueContext {
  tenant: string;
  redis: Redis;
  searches: Queue;
  calls: Queue;
  /** Deliveries of alerts. */
  deliveries: Queue;
  store: SearchStore;
  tracks: Tracks;
  coalesced: CoalescedSearches;
  itemAnswers: ItemAnswers;
  events: EventStream;
  collector: Collector;
  admission: Admission;
  budgets: Budgets;
  /** Calls that a class has left today. */
  callsLeft: (callClass: Priority) => Promise<number>;
  rules: JobDefaults;
  /** Whether a job runs in this process that has taken down workers. */
  crashIsolation: { busy: boolean };
  /** Marketplace of a search that names none. */
  marketplace: string;
  /** The tenant's own, for a search without costs; as its setting is written. Empty: none. */
  costs: unknown;
  /** Empty: no affiliate links, and no search may name a reference for them. */
  affiliateCampaignId: string;
  /** Ms between two calls of the fleet now; 0 for none. It may change while a process runs. */
  intervalMs: () => number;
  /** How old a search may get, ms. */
  deadlineMs: number;
  /** Undefined: every schedule makes calls of its own. @property dayMs length of the planner's day */
  sharing?: { dayMs: number };
  /** Undefined: each item takes a call. @property restsUntil when several may share one again, on `performance`'s clock */
  bulk?: { restsUntil: number; refusals: number };
  /** Watchlists: how long what was seen of a listing is kept, and the length of the planner's day, ms. */
  watch: { ttlMs: number; dayMs: number };
  alerts: AlertsContext;
  metrics: QueueMetrics;
  scrubber: Scrubber;
  log: Logger;
}

/** Makes one call to eBay. Throws a `Failure`; an item that eBay no longer has is an answer. */
export type Collector = Pick<EbayProductCollector, 'collectPage' | 'collectItem' | 'collectBulk'>;

/** Whether a class of searches may spend calls now; asking changes nothing. */
export interface Admission {
  closedFor(callClass: Priority): Promise<Closed | undefined>;
}

/** Why no call may be made, and until when, ms since the epoch. */
export interface Closed {
  until: number;
  reason: string;
}

/** eBay, or a proxy on the way, may repeat parts of our request in errors and warnings, which are stored in several places. */
export function scrubbedCollector(collector: Collector, scrubber: Scrubber): Collector {
  const throwClean = (thrown: unknown): never => {
    const { code, message, detail } = asFailure(thrown);
    throw new Failure(code, scrubber.text(message), scrubber.value(detail));
  };
  return {
    async collectPage(call) {
      const answer = await collector.collectPage(call).catch(throwClean);
      return { ...answer, warnings: scrubber.value(answer.warnings) };
    },
    collectItem: (call) => collector.collectItem(call).catch(throwClean),
    collectBulk: (call) => collector.collectBulk(call).catch(throwClean),
  };
}
