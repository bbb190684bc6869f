import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobStatus } from '@bull-board/api/typings/app';
import type { FlowProducer, Job, JobNode, JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redact, redactText } from '../../telemetry/redact.ts';
import { jobTitle } from './jobTitle.ts';
import { ShownJobs } from './shownJobs.ts';

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
