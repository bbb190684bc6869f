import type { Redis } from 'ioredis';
import { nextRun } from './calendar.ts';
import { type Definition, timingOf } from './definition.ts';

/** A schedule as this service keeps it, apart from the BullMQ scheduler, which exists only while runs follow. */
export interface ScheduleRecord {
  definition: Definition;
  /** Only what came from the file is managed by the file. */
  source: 'file' | 'code';
  paused: boolean;
  /** Where `every` counts from when no start says so, ms since the epoch: it survives pauses and changes. */
  anchor: number;
}

/** Whether no run follows any more. */
export function isOver({ definition, anchor }: ScheduleRecord, runs: number, now: number): boolean {
  const { limit = Number.POSITIVE_INFINITY } = definition;
  return runs >= limit || nextRun(timingOf(definition, anchor), now) === undefined;
}

/** The schedules of one tenant: a hash, name → record. */
export class ScheduleRecords {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#key = `${prefix}:schedules:${tenant}`;
  }

  async get(name: string): Promise<ScheduleRecord | undefined> {
    const json = await this.#redis.hget(this.#key, name);
    return json === null ? undefined : (JSON.parse(json) as ScheduleRecord);
  }

  /** By name. */
  async all(): Promise<ScheduleRecord[]> {
    const found = Object.values(await this.#redis.hgetall(this.#key)).map(
      (json) => JSON.parse(json) as ScheduleRecord,
    );
    return found.sort((one, other) => (one.definition.name < other.definition.name ? -1 : 1));
  }

  async put(record: ScheduleRecord): Promise<void> {
    await this.#redis.hset(this.#key, record.definition.name, JSON.stringify(record));
  }

  async delete(name: string): Promise<void> {
    await this.#redis.hdel(this.#key, name);
  }
}
