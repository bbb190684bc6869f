import { FlowProducer, Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { itemJobId, pageJobId } from '../../src/queue/bullmq/queues.ts';

const PREFIX = '{ebay}';

/** A search of somebody else that has begun. */
export interface Victim {
  searchId: string;
  /** When it was added, ms since the epoch. */
  timestamp: number;
  /** The number of a page that it has not asked for yet. */
  nextPage: number;
}

/** Job ids with any number of colons, which clients in other languages and older ones let pass. */
class LooseJob extends Job {
  override validateOptions(): void {}
}
class LooseQueue extends Queue {
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ declares it
  override get Job(): any {
    return LooseJob;
  }
}

/** A program with plain BullMQ and the right to write to Redis, which means harm. */
export class HostileProducer {
  readonly searches: Queue;
  readonly calls: Queue;
  readonly looseSearches: Queue;
  /** A queue of its own that nobody works on, and one in which every job fails. */
  readonly idle: Queue;
  readonly failing: Queue;
  readonly flows: FlowProducer;
  readonly #worker: Worker;
  readonly #blocking: Redis;

  constructor(connection: Redis, blocking: Redis) {
    const options = { connection, prefix: PREFIX };
    this.searches = new Queue('ebay-search', options);
    this.looseSearches = new LooseQueue('ebay-search', options);
    this.calls = new Queue('ebay-calls', options);
    this.idle = new Queue('idle', options);
    this.failing = new Queue('failing', options);
    this.flows = new FlowProducer(options);
    this.#blocking = blocking;
    const fail = async (): Promise<void> => {
      throw new Error('ebay-refused: 400');
    };
    this.#worker = new Worker('failing', fail, { connection: blocking, prefix: PREFIX, drainDelay: 1 });
    // BullMQ prints an error without a listener.
    for (const queue of this.#queues) queue.on('error', () => undefined);
    this.flows.on('error', () => undefined);
    this.#worker.on('error', () => undefined);
  }

  get #queues(): Queue[] {
    return [this.searches, this.looseSearches, this.calls, this.idle, this.failing];
  }

  async close(): Promise<void> {
    await this.#worker.close(true);
    await Promise.all([...this.#queues, this.flows].map((each) => each.close()));
    this.#blocking.disconnect();
  }
}

/** One attack. */
interface Shape {
  /** Calls to eBay that it may ask for as anybody may: its own searches. */
  calls?: number;
  /** What the log then says. */
  logs?: RegExp;
  attack(by: HostileProducer, victim: Victim): Promise<unknown>;
}

const DAY = 24 * 3600 * 1000;
const YEAR = 365 * DAY;

const parentOf = ({ searchId }: Victim) => ({ id: searchId, queue: `${PREFIX}:ebay-search` });

/** What a search's own call of its next page carries. */
const nextPage = ({ searchId, timestamp, nextPage: page }: Victim) => ({
  ...{ v: 2, kind: 'page', search: { tenant: 'default', searchId, timestamp }, run: 1, page },
  ...{ marketplace: 'EBAY_US', offset: (page - 1) * 200, limit: 200 },
});
const nextId = (victim: Victim, run = 1) => pageJobId(victim.searchId, run, victim.nextPage);

/** Adds the victim's next page before it does. */
const page =
  (change: object | ((victim: Victim) => object), options: object = {}, isChild = true) =>
  (by: HostileProducer, victim: Victim) => {
    const changed = typeof change === 'function' ? change(victim) : change;
    const parent = isChild ? { parent: parentOf(victim) } : {};
    const data = { ...nextPage(victim), ...changed };
    return by.calls.add('page', data, { jobId: nextId(victim), priority: 1, ...parent, ...options });
  };

const REMOVED = /job removed that had the id of a call/;
const LEFT = /children of other programs left behind/;
const PAGE_FAILED = /page failed.*(invalid_payload|search_not_found)/;

/** Searches that anybody may ask for, each of one call. */
const search = (options: object, data: object = {}, calls = 1): Shape => ({
  calls,
  attack: (by) => by.searches.add('search', { query: 'yoga mat', maxItems: 1, maxAge: 0, ...data }, options),
});

const GREEDY = {
  attempts: 1e9,
  backoff: 1,
  removeOnComplete: false,
  removeOnFail: false,
  keepLogs: 1e9,
  stackTraceLimit: 1e9,
};

/** What programs that write to Redis with BullMQ have been seen to do, or could. */
export const SHAPES: Record<string, Shape> = {
  // Calls.
  'a page of a search that does not exist': {
    logs: PAGE_FAILED,
    attack: (by, victim) => {
      const data = { ...nextPage(victim), search: { tenant: 'default', searchId: 'nobody', timestamp: 1 } };
      return by.calls.add('page', data, { jobId: 'nobody-r1-p1', priority: 1 });
    },
  },
  'a page of another tenant': {
    logs: PAGE_FAILED,
    attack: page(({ searchId, timestamp }) => ({ search: { tenant: 'shop-a', searchId, timestamp } })),
  },
  'a page at an enormous offset': { logs: PAGE_FAILED, attack: page({ offset: 1e15, page: 5e12 + 1 }) },
  'the next page without its search': { logs: PAGE_FAILED, attack: page({}, {}, false) },
  'the next page of another place': { logs: PAGE_FAILED, attack: page({ offset: 7 }) },
  'the next page of another place, whose failure its search is to take as its own': {
    logs: PAGE_FAILED,
    attack: page({ offset: 7 }, { ignoreDependencyOnFailure: true }),
  },
  'the next page of another place, whose failure is to fail its search': {
    logs: PAGE_FAILED,
    attack: page({ offset: 7 }, { failParentOnFailure: true }),
  },
  'the next page with data of another kind': {
    attack: page({ kind: 'item', itemId: 'v1|1|0' }, { ignoreDependencyOnFailure: true }),
  },
  'the next page with no data': {
    attack: (by, victim) => {
      const options = { parent: parentOf(victim), ignoreDependencyOnFailure: true };
      return by.calls.add('page', null, { jobId: nextId(victim), priority: 1, ...options });
    },
  },
  'the next page, of a later run': {
    logs: PAGE_FAILED,
    attack: (by, victim) => {
      const options = { jobId: nextId(victim, 2), priority: 1, parent: parentOf(victim) };
      return by.calls.add('page', { ...nextPage(victim), run: 2 }, options);
    },
  },
  'the next page in a year': { logs: REMOVED, attack: page({}, { delay: YEAR }) },
  'a page in a year that is never asked for': {
    logs: REMOVED,
    attack: (by, victim) => page({}, { delay: YEAR })(by, { ...victim, nextPage: victim.nextPage + 7 }),
  },
  'a page behind all others that is never asked for': {
    attack: (by, victim) =>
      page({}, { priority: 2_000_000 })(by, { ...victim, nextPage: victim.nextPage + 7 }),
  },
  'the next page behind all others': { attack: page({}, { priority: 2_000_000 }) },
  'the next page with greedy options': { attack: page({}, { ...GREEDY, lifo: true }) },
  'the next page as the parent of a job that never ends': {
    attack: (by, victim) =>
      by.flows.add({
        ...{ name: 'page', queueName: 'ebay-calls', data: nextPage(victim) },
        opts: { jobId: nextId(victim), priority: 1, parent: parentOf(victim) },
        children: [{ name: 'never', queueName: 'idle' }],
      }),
  },
  'a page under another id': {
    logs: PAGE_FAILED,
    attack: (by, victim) =>
      by.calls.add('page', nextPage(victim), { jobId: 'odd', priority: 1, parent: parentOf(victim) }),
  },
  'the page under way once more, whose failure is to fail its search': {
    attack: (by, victim) => {
      const jobId = pageJobId(victim.searchId, 1, victim.nextPage - 1);
      return by.calls.add('page', {}, { jobId, parent: parentOf(victim), failParentOnFailure: true });
    },
  },
  'details of a product that the search does not want': {
    logs: /item failed.*invalid_payload/,
    attack: (by, victim) => {
      const { page: _, offset, limit, ...data } = nextPage(victim);
      const jobId = itemJobId(victim.searchId, 1, 'v1|1|0');
      const options = { jobId, priority: 1, parent: parentOf(victim) };
      return by.calls.add('item', { ...data, kind: 'item', itemId: 'v1|1|0' }, options);
    },
  },
  // Children of a search under way.
  'a child that never ends': {
    logs: LEFT,
    attack: (by, victim) => by.idle.add('never', {}, { parent: parentOf(victim) }),
  },
  'a child among the calls, in a year': {
    logs: LEFT,
    attack: (by, victim) => by.calls.add('never', {}, { parent: parentOf(victim), delay: YEAR }),
  },
  'a search as its child, in a year': {
    logs: LEFT,
    attack: (by, victim) =>
      by.searches.add('search', { query: 'yoga mat' }, { parent: parentOf(victim), delay: YEAR }),
  },
  'a child whose failure is to fail it': {
    attack: (by, victim) =>
      by.failing.add('job', {}, { parent: parentOf(victim), failParentOnFailure: true }),
  },
  'a child whose failure is to let it go on': {
    attack: (by, victim) =>
      by.failing.add('job', {}, { parent: parentOf(victim), continueParentOnFailure: true }),
  },
  'a child in another queue with the id of its next page, which fails': {
    attack: (by, victim) =>
      by.failing.add(
        'job',
        {},
        { jobId: nextId(victim), parent: parentOf(victim), ignoreDependencyOnFailure: true },
      ),
  },
  'the search itself once more, as a child': {
    attack: async (by, victim) => {
      const parent = await by.idle.add('parent', {});
      const options = {
        jobId: victim.searchId,
        parent: { id: parent.id as string, queue: `${PREFIX}:idle` },
      };
      return by.searches.add('search', { query: 'yoga mat' }, options);
    },
  },
  // Searches.
  'a search with greedy options': search(GREEDY),
  'a search before all others': search({ lifo: true }),
  'a search behind all others': search({ priority: 2_000_000 }),
  'a search with a backoff that nobody knows': search({ attempts: 9, backoff: { type: 'unknown' } }),
  'a search that was added in the year 5138': search({ timestamp: 1e14 }),
  'a search that was added before 1970': search({ timestamp: -1 }),
  'a search in a year': search({ delay: YEAR }, {}, 0),
  'a search with a deduplication of its own': search({
    deduplication: { id: 'x', ttl: 1000, replace: true, keepLastIfActive: true },
  }),
  'a search as the parent of a job that never ends': {
    attack: (by) =>
      by.flows.add({
        ...{ name: 'search', queueName: 'ebay-search', data: { query: 'yoga mat', maxItems: 1 } },
        children: [{ name: 'never', queueName: 'idle' }],
      }),
  },
  'a search of the year 5138 as the parent of a job that never ends': {
    logs: /search past its deadline/,
    attack: (by) =>
      by.flows.add({
        ...{ name: 'search', queueName: 'ebay-search', data: { query: 'yoga mat', maxItems: 1 } },
        opts: { timestamp: 1e14 },
        children: [{ name: 'never', queueName: 'idle' }],
      }),
  },
  'a search with the id of the hash in others’ pages': search({ jobId: 'f'.repeat(32) }),
  'data of 10 MB': search({}, { query: 'x'.repeat(1e7) }, 0),
  'a name of 1 MB': { attack: (by) => by.searches.add('x'.repeat(1e6), {}) },
  'options of 5 MB': search({ junk: 'x'.repeat(5e6) }),
  'an id of 1 MB': search({ jobId: 'x'.repeat(1e6) }, {}, 0),
  'a job of another kind': { attack: (by) => by.searches.add('mail', { to: 'x' }, GREEDY) },
  // Ids that are keys of BullMQ.
  ...Object.fromEntries(
    [
      ['active', 'wait', 'paused', 'prioritized', 'delayed'],
      ['waiting-children', 'completed', 'failed', 'marker', 'stalled'],
      ['stalled-check', 'limiter', 'id', 'pc', 'meta', 'events', 'repeat'],
      ['0:a:b', 'de:a:b', 'metrics:completed:data'],
    ].map((ids): [string, Shape] => [
      `jobs with the ids ${ids.join(', ')}`,
      {
        attack: (by) =>
          Promise.allSettled(
            ids.flatMap((jobId) => [
              by.searches.add('search', {}, { jobId, delay: DAY }),
              by.calls.add('page', {}, { jobId, priority: 9 }),
            ]),
          ),
      },
    ]),
  ),
  'jobs with the ids of the search’s own keys': {
    attack: (by, { searchId }) =>
      Promise.allSettled(
        ['lock', 'dependencies', 'processed', 'failed', 'unsuccessful', 'logs'].map((part) =>
          by.looseSearches.add('search', {}, { jobId: `${searchId}:${part}`, delay: DAY }),
        ),
      ),
  },
  // Schedulers.
  'a scheduler of searches that runs every 50 ms': {
    logs: /scheduler removed/,
    attack: (by) =>
      by.searches.upsertJobScheduler('often', { every: 50 }, { name: 'search', data: { query: 'yoga mat' } }),
  },
  'a scheduler of calls that runs every 50 ms': {
    logs: /scheduler removed/,
    attack: (by, victim) =>
      by.calls.upsertJobScheduler('often', { every: 50 }, { name: 'page', data: nextPage(victim) }),
  },
  'a run of a schedule that does not exist': {
    attack: (by) => by.searches.add('search', { query: 'yoga mat' }, { jobId: 'repeat:none:1700000000000' }),
  },
  'a run of a schedule that does not exist, with its name': {
    attack: (by) => {
      const options = { jobId: 'repeat:none:1700000000000', repeatJobKey: 'none' };
      return by.searches.add('search', { query: 'yoga mat' }, options as object);
    },
  },
};
