import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import type { NormalRequest } from '../product/requestSchema.ts';

export type Refusal = 'invalid' | 'backlog' | 'memory' | 'redis';

export interface IntakeLimits {
  /** Most searches that may wait in the queue. */
  backlog: number;
  /** Shares of Redis's `maxmemory` beyond which `backfill` searches, and all searches, are refused. */
  backfillMemory: number;
  memory: number;
}

export interface IntakeOptions {
  redis: Redis;
  queue: Queue;
  /** They may change while searches come in. */
  limits: () => IntakeLimits;
}

/** What was seen of Redis at `at`, ms since the epoch. */
interface Sight {
  at: number;
  waiting: number;
  /** Share of `maxmemory` in use; 0 where there is no limit. */
  memory: number;
}

/** A look serves for this long; what this producer adds meanwhile is counted along. */
const SIGHT_MS = 1000;

/** When it makes sense to try again: nobody knows, so not at once. */
const TRY_AGAIN_MS = 10_000;

/** Turns searches away before the queue or Redis's memory is full, while those who wait can still be served. */
export class Intake {
  readonly #options: IntakeOptions;
  #sight: Sight | undefined;
  #looking: Promise<Sight> | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Lets all of them in or none. @throws Failure `backlog_full` {because: `backlog` or `memory`, until} */
  async admit(requests: readonly NormalRequest[]): Promise<void> {
    const { backlog, backfillMemory, memory } = this.#options.limits();
    const sight = await this.#look();
    if (sight.memory > memory)
      throw full('memory', `Redis uses more than ${percent(memory)} of its memory: try later`);
    if (sight.memory > backfillMemory && requests.some(({ priority }) => priority === 'backfill'))
      throw full('memory', `Redis uses more than ${percent(backfillMemory)} of its memory: backfill later`);
    if (sight.waiting + requests.length > backlog)
      throw full('backlog', `${sight.waiting} searches wait already and ${backlog} may: try later`);
    sight.waiting += requests.length;
  }

  /** Whoever comes while one looks waits for what that one sees: a flood would else look a hundred times at once. */
  async #look(): Promise<Sight> {
    if (this.#sight !== undefined && Date.now() - this.#sight.at < SIGHT_MS) return this.#sight;
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<Sight> {
    const at = Date.now();
    const { redis, queue } = this.#options;
    const replies = await redis
      .pipeline()
      .llen(queue.toKey('wait'))
      .zcard(queue.toKey('prioritized'))
      .zcard(queue.toKey('delayed'))
      .info('memory')
      .exec();
    const [wait, prioritized, delayed, info] = (replies ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    this.#sight = {
      at,
      waiting: Number(wait) + Number(prioritized) + Number(delayed),
      memory: shareUsed(String(info)),
    };
    return this.#sight;
  }
}

/** Why a search was not let in; undefined for a defect of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Failure)) return undefined;
  if (error.code === 'invalid_request' || error.code === 'idempotency_key_reused') return 'invalid';
  if (error.code === 'redis-unavailable') return 'redis';
  return error.code === 'backlog_full' ? (error.detail.reason as 'backlog' | 'memory') : undefined;
}

function full(reason: 'backlog' | 'memory', message: string): Failure {
  return new Failure('backlog_full', message, { reason, until: Date.now() + TRY_AGAIN_MS });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function shareUsed(info: string): number {
  const bytes = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = bytes('maxmemory');
  return limit === 0 ? 0 : bytes('used_memory') / limit;
}
