import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobStatus } from '@bull-board/api/typings/app';
import { type FlowProducer, Job, type JobNode, type JobType, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { readJobs, unreadableReason } from '../../queue/bullmq/storedJobs.ts';
import { redact, redactText, visible } from '../../telemetry/scrubber.ts';

export interface QueueViewOptions {
  queue: Queue;
  redis: Redis;
  tenant: string;
  description: string;
  /** Whether anything may be changed through the board. */
  readOnly: boolean;
}

/** Jobs of one state on one page, whatever is asked for. */
const MOST_JOBS = 100;
/** Log lines of one job that a page carries. */
const MOST_LOGS = 100;

/** One queue on the board: titles instead of names, nothing secret or endless, and no job that takes the page down. */
export class QueueView extends BullMQAdapter {
  readonly #queue: Queue;
  readonly #jobs: ShownJobs;

  constructor({ queue, redis, tenant, description, readOnly }: QueueViewOptions) {
    super(queue, { readOnlyMode: readOnly, allowRetries: !readOnly, description });
    this.#queue = queue;
    this.#jobs = new ShownJobs(queue, redis);
    this.setFormatter('name', ({ name, data }: { name: string; data: unknown }) => jobTitle(name, data));
    this.setVisibilityGuard(({ headers }) => headers[TENANT_HEADER] === tenant);
  }

  override async getJob(id: string): Promise<Job | undefined> {
    return (await this.#jobs.read([id]))[0];
  }

  override async getJobs(statuses: JobStatus[], start = 0, end = 0): Promise<Job[]> {
    const types = statuses.map((status): JobType => (status === 'waiting' ? 'wait' : (status as JobType)));
    const last = Math.min(end, start + MOST_JOBS - 1);
    return this.#jobs.read(await this.#queue.getRanges(types, start, last));
  }

  override async getJobLogs(id: string): Promise<string[]> {
    const { logs } = await this.#queue.getJobLogs(id, 0, MOST_LOGS - 1);
    return logs.map(redactText);
  }

  override async getJobSchedulers(): ReturnType<BullMQAdapter['getJobSchedulers']> {
    const schedulers = redact(await super.getJobSchedulers()) as Awaited<
      ReturnType<BullMQAdapter['getJobSchedulers']>
    >;
    return schedulers.map((each) => ({ ...each, name: jobTitle(each.name, each.template?.data) }));
  }

  /** The tree of a search, each job by its title. */
  override async getFlowProducer(): Promise<FlowProducer | null> {
    const producer = await super.getFlowProducer();
    if (producer === null) return null;
    const getFlow: FlowProducer['getFlow'] = async (options) => titled(await producer.getFlow(options));
    return Object.assign(Object.create(producer), { getFlow });
  }
}

/** Set by the section from the login, whatever a client sends. */
export const TENANT_HEADER = 'x-dashboard-tenant';

function titled(node: JobNode): JobNode {
  if (node?.job !== undefined) {
    node.job.name = redactText(jobTitle(node.job.name, node.job.data));
    node.job.progress = redact(node.job.progress) as Job['progress'];
  }
  for (const child of node?.children ?? []) titled(child);
  return node;
}

/** Fields that grow with what somebody wrote into the job. */
const LARGE = ['data', 'returnvalue', 'stacktrace', 'failedReason', 'progress', 'opts', 'name'] as const;

/** Bytes of these fields together that one job may bring onto a page; a summary or a request has some 5 kB at most. */
const MOST_BYTES = 64 * 1024;

/**
 * Jobs as a page may show them: one that nobody can read, or that is larger than a page should carry, comes as a stand-in
 * that says so, and none of them takes the others down. Secrets are masked and long texts cut.
 */
export class ShownJobs {
  readonly #queue: Queue;
  readonly #redis: Redis;

  constructor(queue: Queue, redis: Redis) {
    this.#queue = queue;
    this.#redis = redis;
  }

  /** Those that exist, in this order. */
  async read(ids: readonly string[]): Promise<Job[]> {
    const sizes = await this.#sizes(ids);
    const small = ids.filter((id) => (sizes.get(id) ?? 0) <= MOST_BYTES);
    const fields = new Map(
      (await readJobs(this.#redis, this.#queue, small)).map((each) => [each.id, each.fields]),
    );
    const jobs = await Promise.all(
      ids.map(async (id) => {
        const bytes = sizes.get(id) ?? 0;
        if (bytes === 0) return undefined;
        if (bytes > MOST_BYTES) return this.#standIn(id, `too large to show: ${megabytes(bytes)}`);
        const stored = fields.get(id);
        const why = stored === 'not a hash' || stored === undefined ? 'no job' : unreadableReason(stored);
        return why === undefined ? this.#whole(id) : this.#standIn(id, `cannot be read: ${why}`);
      }),
    );
    return jobs.filter((job) => job !== undefined);
  }

  /** Bytes of the large fields of each; of what is there but no job, 1. */
  async #sizes(ids: readonly string[]): Promise<Map<string, number>> {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) for (const field of LARGE) pipeline.hstrlen(this.#queue.toKey(id), field);
    const replies = (await pipeline.exec()) ?? [];
    return new Map(
      ids.map((id, index) => {
        const own = replies.slice(index * LARGE.length, (index + 1) * LARGE.length);
        const sum = own.reduce((total, [error, bytes]) => total + (error === null ? Number(bytes) : 1), 0);
        return [id, sum];
      }),
    );
  }

  async #whole(id: string): Promise<Job | undefined> {
    const job = await this.#queue.getJob(id).catch(() => this.#standIn(id, 'cannot be read'));
    return job === undefined ? undefined : masked(job);
  }

  async #standIn(id: string, why: string): Promise<Job> {
    const key = this.#queue.toKey(id);
    const [timestamp, processedOn, finishedOn] = await this.#redis
      .hmget(key, 'timestamp', 'processedOn', 'finishedOn')
      .catch(() => []);
    const job = new Job(this.#queue, `(${why})`, { notShown: why }, {}, id);
    job.timestamp = Number(timestamp) || 0;
    if (processedOn) job.processedOn = Number(processedOn);
    if (finishedOn) job.finishedOn = Number(finishedOn);
    return masked(job);
  }
}

/** What the page gets of a job is its JSON. */
function masked(job: Job): Job {
  const whole = job.toJSON.bind(job);
  job.toJSON = () => {
    const json = redact(whole()) as ReturnType<typeof whole>;
    return { ...json, stacktrace: json.stacktrace?.map(shortTrace) ?? null };
  };
  return job;
}

const MOST_LINES = 8;

/** Without the folders that this program happens to be installed in, which help nobody who looks. */
function shortTrace(trace: string): string {
  const lines = trace.split('\n').filter((line) => !line.includes('node:internal'));
  return lines
    .slice(0, MOST_LINES)
    .map((line) => line.replace(/(file:\/\/)?\/\S*?\/(src|dist|node_modules)\//, '$2/'))
    .join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Titles stand in lists, one line each. */
const LONGEST = 120;

/**
 * What a job is about, at a glance: `search “usb c hub” · EBAY_US, EBAY_DE · 450 items`. Whatever the data are: they may be
 * anybody's. The jobs of calls have such names already.
 */
export function jobTitle(name: string, data: unknown): string {
  if (name !== 'search' || typeof data !== 'object' || data === null) return cut(name);
  const { query, categoryIds, marketplaces, maxItems, track, priority } = data as Record<string, unknown>;
  const about = query === undefined ? `category ${listed(categoryIds)}` : `“${told(query)}”`;
  const parts = [
    `search ${about}`,
    listed(marketplaces),
    maxItems === undefined ? '' : `${told(maxItems)} items`,
    track === undefined ? '' : `track ${told(track)}`,
    priority === undefined || priority === 'interactive' ? '' : told(priority),
  ];
  return cut(parts.filter((part) => part !== '').join(' · '));
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 5).map(told).join(', ') : '';
}

function told(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? cut(String(value)) : '?';
}

function cut(text: string): string {
  const line = visible(text.slice(0, LONGEST + 1));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
