import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import { waitingCount } from './bullmq/counts.ts';

export type Refusal = 'invalid' | 'backlog' | 'memory' | 'budget' | 'redis';

export interface IntakeLimits {
  /** Most searches that may wait in the queue. */
  backlog: number;
  /** Shares of Redis's `maxmemory` beyond which `backfill` searches, and all searches, are refused. */
  backfillMemory: number;
  memory: number;
}

interface Usage {
  waiting: number;
  /** Share of `maxmemory` in use; 0 where there is no limit. */
  memory: number;
}

/** How long a measurement is used; what this producer adds meanwhile is counted along. */
const USAGE_TTL_MS = 1000;

/** When to try again after a refusal: it is not known when there is room, so not at once. */
const RETRY_AFTER_MS = 10_000;

/**
 * Refuses searches before the queue or Redis's memory is full, while those that wait can still be served.
 * @param limits may change while searches come in
 * @returns admits all of a list or none; it throws Failure `backlog_full` {reason: `backlog` or `memory`, until}
 */
export function createIntake(redis: Redis, queue: Queue, limits: () => IntakeLimits) {
  // Calls at the same time share one measurement: a flood would measure a hundred times at once.
  let measured: Promise<Usage> | undefined;
  let measuredAt = 0;
  return async (requests: readonly NormalRequest[]): Promise<void> => {
    if (measured === undefined || performance.now() - measuredAt >= USAGE_TTL_MS) {
      measuredAt = performance.now();
      measured = measure(redis, queue);
      measured.catch(() => {
        measured = undefined;
      });
    }
    const { backlog, backfillMemory, memory } = limits();
    const usage = await measured;
    if (usage.memory > memory)
      throw full('memory', `Redis uses more than ${percent(memory)} of its memory: try later`);
    if (usage.memory > backfillMemory && requests.some(({ priority }) => priority === 'backfill'))
      throw full('memory', `Redis uses more than ${percent(backfillMemory)} of its memory: backfill later`);
    if (usage.waiting + requests.length > backlog)
      throw full('backlog', `${usage.waiting} searches wait already and ${backlog} may: try later`);
    usage.waiting += requests.length;
  };
}

async function measure(redis: Redis, queue: Queue): Promise<Usage> {
  // The key picks the node of a Cluster that holds the queue.
  const memory = redis.pipeline().exists(queue.toKey('')).info('memory').exec();
  const [waiting, replies] = await Promise.all([waitingCount(queue), memory]);
  const [error, info] = replies?.[1] ?? [];
  if (error) throw error;
  return { waiting, memory: shareUsed(String(info)) };
}

/** Why a search was refused, for the metric; undefined for an internal error. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Failure)) return undefined;
  if (error.code === 'invalid_request' || error.code === 'idempotency_key_reused') return 'invalid';
  if (error.code === 'redis-unavailable') return 'redis';
  if (error.code === 'budget_exceeded') return 'budget';
  return error.code === 'backlog_full' ? (error.detail.reason as 'backlog' | 'memory') : undefined;
}

function full(reason: 'backlog' | 'memory', message: string): Failure {
  return new Failure('backlog_full', message, { reason, until: Date.now() + RETRY_AFTER_MS });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function shareUsed(info: string): number {
  const bytes = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = bytes('maxmemory');
  return limit === 0 ? 0 : bytes('used_memory') / limit;
}
