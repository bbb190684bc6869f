import { foreignDelivery } from '../queue/alerts/wake.ts';
import { couldNeverStart } from '../queue/bullmq/crashLimit.ts';
import { LONGEST_ID, quarantineKey, repairKeys, unusableId } from '../queue/bullmq/ownKeys.ts';
import { quarantineJob, quarantineScheduler, settleSearches } from '../queue/bullmq/repair.ts';
import { plannedRun, schedulerNames } from '../queue/bullmq/repeat.ts';
import {
  idsInState,
  type JobFields,
  readJobs,
  STATES,
  type State,
  type StoredJob,
  unreadableReason,
} from '../queue/bullmq/storedJobs.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { answersOf } from '../results/searchStore.ts';
import type { QueueMetrics } from '../telemetry/metrics.ts';

type Queue = QueueContext['searches'];

interface SweepOptions extends Pick<QueueContext, 'redis' | 'searches' | 'calls' | 'deliveries' | 'log'> {
  /** WORKER_MAX_RESTARTS. */
  maxRestarts: number;
  /** Called for a search that cannot be read and had not ended. */
  searchLost: (searchId: string, timestamp: number, why: string) => Promise<void>;
  /** Whether a search that waits for its calls has waited until its deadline; its next run then ends it. */
  markOverdue: (searchId: string, timestamp: number) => Promise<boolean>;
  /** Removes the schedulers of other programs from the search queue, and puts those of the schedules right. */
  expelForeign: () => Promise<Array<{ name: string; why: string; quarantined: boolean }>>;
  budgets: Pick<QueueContext['budgets'], 'holders' | 'settle'>;
  metrics: Pick<QueueMetrics, 'quarantined' | 'settled'>;
}

/** Jobs of a state read in one round; active ones are all read, there are at most as many as workers' slots. */
const PER_ROUND = 1000;
/** Of ended jobs fewer: thousands are kept, no worker runs them, and a broken one only harms the lists that show it. */
const ENDED_PER_ROUND = 25;
/** One pipeline's worth: keeps a single read short for Redis and for this process's event loop. */
const BATCH = 100;

/** States in which a page only exists for its search. */
const PENDING: readonly State[] = ['wait', 'prioritized', 'delayed'];

const ENDED: readonly State[] = ['completed', 'failed'];

/** A job of the same id has taken the place of a key of BullMQ: nothing in its queue goes on before that key is back. */
export async function repairQueue(
  { redis, log, metrics }: Pick<SweepOptions, 'redis' | 'log' | 'metrics'>,
  queue: Queue,
): Promise<void> {
  const { keys, rescued } = await repairKeys(redis, queue);
  if (keys.length === 0 && rescued.length === 0) return;
  for (const _ of keys) metrics.quarantined(queue.name);
  const why = 'jobs had the ids of these keys of BullMQ';
  const key = quarantineKey(queue);
  log.error('queue repaired', { queue: queue.name, keys, why, rescued: rescued.length, key });
}

/**
 * Finds what BullMQ would never end: jobs that cannot be read, which it delivers again for ever and on which its lists
 * fail; searches that wait for pages that are gone; pages whose search is gone; calls that are reserved for such a search.
 */
export class Sweep {
  readonly #options: SweepOptions;
  /** Where the next round continues, per queue and state. */
  readonly #cursors = new Map<string, number>();
  /** Searches that had calls reserved in the last round and were not under way. */
  #idle = new Set<string>();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /**
   * All active jobs and the next ones of each other state, in all queues. A part that fails, on what another program has put
   * in the place of a key say, keeps no other from being done.
   * @throws the first error
   */
  async round(signal: AbortSignal): Promise<void> {
    const { searches, calls, deliveries } = this.#options;
    const errors: unknown[] = [];
    const attempt = async (part: Promise<void>) => part.catch((error) => errors.push(error));
    for (const queue of [calls, searches, deliveries]) {
      await attempt(repairQueue(this.#options, queue));
      await attempt(this.#expelSchedulers(queue));
      for (const state of STATES) if (!signal.aborted) await attempt(this.#check(queue, state));
    }
    if (!signal.aborted) await attempt(this.#releaseReservations());
    if (errors.length > 0) throw errors[0];
  }

  /** The keys and the active jobs of one queue; also called when a worker received something unreadable. */
  async active(name: string): Promise<void> {
    const { searches, calls, deliveries } = this.#options;
    const queue = [calls, deliveries].find((each) => each.name === name) ?? searches;
    await repairQueue(this.#options, queue);
    await this.#check(queue, 'active');
  }

  async #expelSchedulers(queue: Queue): Promise<void> {
    const { searches, redis, log, metrics, expelForeign } = this.#options;
    const found = queue === searches ? await expelForeign() : [];
    for (const name of queue === searches ? [] : await schedulerNames(queue, redis)) {
      const why = 'no schedule is in this queue';
      await quarantineScheduler(redis, queue, name, why);
      found.push({ name, why, quarantined: true });
    }
    for (const { name, why, quarantined } of found) {
      if (!quarantined) {
        log.warn('schedule repaired', { queue: queue.name, schedule: name, why });
        continue;
      }
      metrics.quarantined(queue.name);
      log.error('scheduler removed', { queue: queue.name, scheduler: name.slice(0, LONGEST_ID), why });
    }
  }

  /** Runs that their scheduler does not plan: BullMQ plans no further one where a job has its id. */
  async #removeUnplanned(
    queue: Queue,
    state: State,
    jobs: Array<{ id: string; fields: JobFields }>,
  ): Promise<void> {
    for (const job of jobs) {
      const run = plannedRun(job.id);
      if (run === undefined) continue;
      const next = await this.#options.redis.zscore(queue.toKey('repeat'), run.scheduler);
      if (next !== null && run.at > Number(next))
        await this.#quarantine(queue, state, job, 'its id is that of a run which is not planned yet');
    }
  }

  async #check(queue: Queue, state: State): Promise<void> {
    const { redis, searches, calls, deliveries } = this.#options;
    const ids = await this.#nextIds(queue, state);
    for (let from = 0; from < ids.length; from += BATCH) {
      const sound: Array<{ id: string; fields: JobFields }> = [];
      for (const job of await readJobs(redis, queue, ids.slice(from, from + BATCH))) {
        const why = this.#brokenReason(job) ?? (queue === deliveries ? foreignDelivery(job) : undefined);
        if (why !== undefined) await this.#quarantine(queue, state, job, why);
        else sound.push(job as (typeof sound)[number]);
      }
      if (!ENDED.includes(state)) await this.#removeUnplanned(queue, state, sound);
      if (queue === searches && state === 'waiting-children') await this.#settle(sound);
      if (queue === calls && PENDING.includes(state)) await this.#removeOrphans(sound);
      // No call of ours has children.
      if (queue === calls && state === 'waiting-children') for (const { id } of sound) await calls.remove(id);
    }
  }

  async #nextIds(queue: Queue, state: State): Promise<string[]> {
    const { redis } = this.#options;
    if (state === 'active') return idsInState(redis, queue, state);
    const cursor = `${queue.name}:${state}`;
    const from = this.#cursors.get(cursor) ?? 0;
    const most = ENDED.includes(state) ? ENDED_PER_ROUND : PER_ROUND;
    const ids = await idsInState(redis, queue, state, [from, from + most - 1]);
    this.#cursors.set(cursor, ids.length < most ? 0 : from + ids.length);
    return ids;
  }

  #brokenReason({ id, fields }: StoredJob): string | undefined {
    const unusable = unusableId(id, fields !== 'not a hash' && fields.rjk !== undefined);
    if (unusable !== undefined) return unusable;
    if (fields === 'not a hash') return 'the job is not a hash';
    if (couldNeverStart(Number(fields.stc ?? 0), this.#options.maxRestarts))
      return 'no worker could even begin it';
    return unreadableReason(fields);
  }

  async #quarantine(queue: Queue, state: State, job: StoredJob, why: string): Promise<void> {
    const { redis, log, metrics, searchLost, searches, calls } = this.#options;
    const children = await quarantineJob(redis, { queue, searches }, job, why);
    if (children === undefined) return;
    metrics.quarantined(queue.name);
    const jobId = job.id.slice(0, LONGEST_ID);
    log.error('job quarantined', { queue: queue.name, jobId, why, key: quarantineKey(queue) });
    if (queue === searches && !ENDED.includes(state) && jobId === job.id)
      await searchLost(job.id, job.fields === 'not a hash' ? 0 : Number(job.fields.timestamp) || 0, why);
    const base = calls.toKey('');
    for (const child of children) if (child.startsWith(base)) await calls.remove(child.slice(base.length));
  }

  async #settle(waiting: Array<{ id: string; fields: JobFields }>): Promise<void> {
    const { redis, searches, calls, metrics, log, markOverdue } = this.#options;
    const searchesHere = await Promise.all(
      waiting.map(async ({ id, fields }) => ({
        id,
        isOverdue: await markOverdue(id, Number(fields.timestamp)),
      })),
    );
    const settled = await settleSearches(redis, searches, calls, searchesHere);
    for (const [index, { id: searchId, released, struck, foreign }] of settled.entries()) {
      // The search adds those again that it wants.
      for (const id of foreign)
        if ((await calls.remove(id)) === 1) log.warn('job removed that had the id of a call', { jobId: id });
      const isOverdue = searchesHere[index]?.isOverdue;
      if (isOverdue && (released || struck > 0))
        log.warn('search past its deadline', { searchId, waitedFor: struck });
      else if (struck > 0) log.warn('children of other programs left behind', { searchId, children: struck });
      else if (released) log.warn('search released: its pages are gone', { searchId });
      if (released) metrics.settled('search');
    }
  }

  /**
   * A job was removed, or a worker of release 0.2 ended it. A search that is only just being added has a reservation before its
   * job is there: a second round confirms what the first one saw.
   */
  async #releaseReservations(): Promise<void> {
    const { redis, searches, budgets, log } = this.#options;
    const holders = await budgets.holders();
    const idle = new Set<string>();
    for (let from = 0; from < holders.length; from += BATCH) {
      const ids = holders.slice(from, from + BATCH);
      const commands = redis.pipeline();
      for (const id of ids) commands.hmget(searches.toKey(id), 'timestamp', 'finishedOn');
      for (const [index, fields] of (await answersOf(commands)).entries()) {
        const [timestamp, finishedOn] = fields as Array<string | null>;
        if (timestamp === null || finishedOn !== null) idle.add(ids[index] as string);
      }
    }
    for (const searchId of idle)
      if (this.#idle.has(searchId)) {
        await budgets.settle(searchId);
        log.warn('reserved calls released: their search is not under way', { searchId });
      }
    this.#idle = idle;
  }

  async #removeOrphans(pages: Array<{ id: string; fields: JobFields }>): Promise<void> {
    const { redis, searches, calls, metrics, log } = this.#options;
    // A page has a search of this tenant, or none.
    const searchOf = ({ fields: { parentKey = '' } }: { fields: JobFields }) =>
      parentKey.startsWith(searches.toKey('')) ? parentKey : undefined;
    const children = pages.filter(({ fields }) => fields.parentKey !== undefined);
    const parents = [...new Set(children.flatMap((page) => searchOf(page) ?? []))];
    // All of them are nearly always there: one command says so.
    const areThere = parents.length === 0 || (await redis.exists(...parents)) === parents.length;
    for (const page of children) {
      const search = searchOf(page);
      if (search !== undefined && (areThere || (await redis.exists(search)) === 1)) continue;
      const { id } = page;
      // A page that is being worked on stays.
      if ((await calls.remove(id)) !== 1) continue;
      metrics.settled('page');
      log.warn('page removed: its search is gone', { page: id });
    }
  }
}
