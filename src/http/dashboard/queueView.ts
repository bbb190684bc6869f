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
  readOnly: boolean;
}

/** The dashboard sets it from the login and replaces what a client sent. */
export const TENANT_HEADER = 'x-dashboard-tenant';

/** Jobs of one state on a page, and log lines of one job. */
const MAX_JOBS = 100;
const MAX_LOGS = 100;
/** Of the large fields of one job together, bytes; a summary or a request has about 5 kB. */
const MAX_BYTES = 64 * 1024;
const LARGE = ['data', 'returnvalue', 'stacktrace', 'failedReason', 'progress', 'opts', 'name'] as const;

type JobSchedulers = Awaited<ReturnType<BullMQAdapter['getJobSchedulers']>>;

/**
 * One queue on the board. Jobs have titles, secrets are masked and long texts cut. A job that cannot be read or is too large
 * is replaced by a stand-in that says so: without it one such job breaks the whole page.
 */
export class QueueView extends BullMQAdapter {
  readonly #queue: Queue;
  readonly #redis: Redis;

  constructor({ queue, redis, tenant, description, readOnly }: QueueViewOptions) {
    super(queue, { readOnlyMode: readOnly, allowRetries: !readOnly, description });
    this.#queue = queue;
    this.#redis = redis;
    this.setFormatter('name', ({ name, data }: { name: string; data: unknown }) => jobTitle(name, data));
    this.setVisibilityGuard(({ headers }) => headers[TENANT_HEADER] === tenant);
  }

  override getJob(id: string): Promise<Job | undefined> {
    return this.#read(id);
  }

  override async getJobs(statuses: JobStatus[], start = 0, end = 0): Promise<Job[]> {
    const types = statuses.map((status): JobType => (status === 'waiting' ? 'wait' : (status as JobType)));
    const ids = await this.#queue.getRanges(types, start, Math.min(end, start + MAX_JOBS - 1));
    return (await Promise.all(ids.map((id) => this.#read(id)))).filter((job) => job !== undefined);
  }

  override async getJobLogs(id: string): Promise<string[]> {
    const { logs } = await this.#queue.getJobLogs(id, 0, MAX_LOGS - 1);
    return logs.map(redactText);
  }

  override async getJobSchedulers(): Promise<JobSchedulers> {
    const schedulers = redact(await super.getJobSchedulers()) as JobSchedulers;
    return schedulers.map((each) => ({ ...each, name: jobTitle(each.name, each.template?.data) }));
  }

  /** For the tree of a search. */
  override async getFlowProducer(): Promise<FlowProducer | null> {
    const producer = await super.getFlowProducer();
    if (producer === null) return null;
    const getFlow: FlowProducer['getFlow'] = async (options) => titled(await producer.getFlow(options));
    return Object.assign(Object.create(producer), { getFlow });
  }

  /** Undefined where there is no such job. */
  async #read(id: string): Promise<Job | undefined> {
    const key = this.#queue.toKey(id);
    const sizes = this.#redis.pipeline();
    for (const field of LARGE) sizes.hstrlen(key, field);
    const replies = (await sizes.exec()) ?? [];
    // A key that holds no hash counts as small.
    const bytes = replies.reduce((sum, [error, size]) => sum + (error === null ? Number(size) : 1), 0);
    if (bytes === 0) return undefined;
    if (bytes > MAX_BYTES)
      return this.#standIn(id, `too large to show: ${(bytes / 1024 / 1024).toFixed(1)} MB`);
    const [stored] = await readJobs(this.#redis, this.#queue, [id]);
    const fields = stored?.fields ?? 'not a hash';
    const reason = fields === 'not a hash' ? 'no job' : unreadableReason(fields);
    if (reason !== undefined) return this.#standIn(id, `cannot be read: ${reason}`);
    const job = await this.#queue.getJob(id).catch(() => this.#standIn(id, 'cannot be read'));
    return job && masked(job);
  }

  async #standIn(id: string, reason: string): Promise<Job> {
    const [timestamp, processedOn, finishedOn] = await this.#redis
      .hmget(this.#queue.toKey(id), 'timestamp', 'processedOn', 'finishedOn')
      .catch(() => []);
    const job = new Job(this.#queue, `(${reason})`, { notShown: reason }, {}, id);
    job.timestamp = Number(timestamp) || 0;
    if (processedOn) job.processedOn = Number(processedOn);
    if (finishedOn) job.finishedOn = Number(finishedOn);
    return masked(job);
  }
}

function titled(node: JobNode): JobNode {
  if (node?.job !== undefined) {
    node.job.name = redactText(jobTitle(node.job.name, node.job.data));
    node.job.progress = redact(node.job.progress) as Job['progress'];
  }
  for (const child of node?.children ?? []) titled(child);
  return node;
}

/** The board shows the JSON of a job. */
function masked(job: Job): Job {
  const whole = job.toJSON.bind(job);
  job.toJSON = () => {
    const json = redact(whole()) as ReturnType<typeof whole>;
    return { ...json, stacktrace: json.stacktrace?.map(shortTrace) ?? null };
  };
  return job;
}

const MAX_TRACE_LINES = 8;

/** Without the folders of this machine. */
function shortTrace(trace: string): string {
  const lines = trace.split('\n').filter((line) => !line.includes('node:internal'));
  const shown = lines.slice(0, MAX_TRACE_LINES).join('\n');
  return shown.replace(/(file:\/\/)?\/\S*?\/(src|dist|node_modules)\//g, '$2/');
}

/** Of a title, characters. */
const MAX_TITLE = 120;

/** `search “usb c hub” · EBAY_US, EBAY_DE · 450 items`. Other programs write into the queue: data may be of any form. */
function jobTitle(name: string, data: unknown): string {
  if (name !== 'search' || typeof data !== 'object' || data === null) return cut(name);
  const { query, categoryIds, marketplaces, maxItems, track, priority } = data as Record<string, unknown>;
  const parts = [
    `search ${query === undefined ? `category ${listText(categoryIds)}` : `“${valueText(query)}”`}`,
    listText(marketplaces),
    maxItems !== undefined && `${valueText(maxItems)} items`,
    track !== undefined && `track ${valueText(track)}`,
    priority !== undefined && priority !== 'interactive' && valueText(priority),
  ];
  return cut(parts.filter(Boolean).join(' · '));
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 5).map(valueText).join(', ') : '';
}

function valueText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? cut(String(value)) : '?';
}

function cut(text: string): string {
  const line = visible(text.slice(0, MAX_TITLE + 1));
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE)}…` : line;
}
