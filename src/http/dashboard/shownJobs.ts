import { Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redact } from '../../telemetry/redact.ts';
import { brokenBecause } from '../../upkeep/jobFields.ts';
import { JobReader } from '../../upkeep/jobReader.ts';

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
  readonly #raw: JobReader;

  constructor(queue: Queue, redis: Redis) {
    this.#queue = queue;
    this.#redis = redis;
    this.#raw = new JobReader(redis, queue.opts.prefix as string);
  }

  /** Those that exist, in this order. */
  async read(ids: readonly string[]): Promise<Job[]> {
    const sizes = await this.#sizes(ids);
    const small = ids.filter((id) => (sizes.get(id) ?? 0) <= MOST_BYTES);
    const fields = new Map(
      (await this.#raw.read(this.#queue.name, small)).map((each) => [each.id, each.fields]),
    );
    const jobs = await Promise.all(
      ids.map(async (id) => {
        const bytes = sizes.get(id) ?? 0;
        if (bytes === 0) return undefined;
        if (bytes > MOST_BYTES) return this.#standIn(id, `too large to show: ${megabytes(bytes)}`);
        const stored = fields.get(id);
        const why = stored === 'not a hash' || stored === undefined ? 'no job' : brokenBecause(stored);
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
