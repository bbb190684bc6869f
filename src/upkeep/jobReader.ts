import type { Redis } from 'ioredis';
import { JOB_FIELDS, type JobFields } from './jobFields.ts';

/** The states that a job may be in, by the kind of key that BullMQ keeps them in. */
const LISTS = ['active', 'wait', 'paused'] as const;
const SETS = ['prioritized', 'delayed', 'waiting-children', 'completed', 'failed'] as const;

export const STATES = [...LISTS, ...SETS];
export type State = (typeof STATES)[number];

export interface RawJob {
  id: string;
  fields: JobFields | 'not a hash';
}

/** Jobs as they are stored: BullMQ's own getters throw on the very jobs that this is for. */
export class JobReader {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async ids(queue: string, state: State, from: number, count: number): Promise<string[]> {
    const key = `${this.#prefix}:${queue}:${state}`;
    const to = from + count - 1;
    return isList(state) ? this.#redis.lrange(key, from, to) : this.#redis.zrange(key, `${from}`, `${to}`);
  }

  async read(queue: string, ids: string[]): Promise<RawJob[]> {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.hmgetBuffer(`${this.#prefix}:${queue}:${id}`, ...JOB_FIELDS);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, values], index) => {
      const id = ids[index] as string;
      if (error === null) return { id, fields: named(values as Array<Buffer | null>) };
      if (error.message.startsWith('WRONGTYPE')) return { id, fields: 'not a hash' };
      throw error;
    });
  }
}

function isList(state: State): boolean {
  return (LISTS as readonly string[]).includes(state);
}

/** Latin-1 keeps every byte, so that garbage is recognised as what it is and valid JSON stays valid. */
function named(values: Array<Buffer | null>): JobFields {
  const entries = JOB_FIELDS.map((field, index) => [field, values[index]?.toString('latin1')]);
  return Object.fromEntries(entries);
}
