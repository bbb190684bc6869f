import type { Redis } from 'ioredis';
import { Failure, reasonOf } from '../failures.ts';
import { fingerprint, type JobFields } from './jobFields.ts';
import { QUARANTINE } from './quarantineScript.ts';

/** What is kept of a job that was taken out; newest first in `PREFIX:quarantine`. */
export interface QuarantineEntry {
  queue: string;
  id: string;
  why: string;
  /** ISO 8601. */
  at: string;
  /** The stored fields as text, cut off. */
  fields: Partial<JobFields>;
}

/** Enough to find out what happened without keeping what an attacker may pour in. */
const ENTRIES_KEPT = 1000;
const KEPT_MS = 7 * 24 * 3600 * 1000;
const LONGEST_FIELD = 500;

export interface Quarantined {
  /** Keys of the jobs that the broken one was waiting for. */
  children: string[];
}

/** The place for jobs that nobody can read. */
export class Quarantine {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #searchesBase: string;

  /** @param searchQueue the queue that parents stand in */
  constructor(redis: Redis, prefix: string, searchQueue: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#searchesBase = `${prefix}:${searchQueue}:`;
  }

  /** Takes the job out of its queue, unless it has changed since; undefined if it was left alone. */
  async put(
    queue: string,
    id: string,
    why: string,
    seen: JobFields | 'not a hash',
  ): Promise<Quarantined | undefined> {
    const fields = seen === 'not a hash' ? {} : seen;
    const base = `${this.#prefix}:${queue}:`;
    const entry: QuarantineEntry = { queue, id, why, at: new Date().toISOString(), fields: shown(fields) };
    const reply = await this.#redis.eval(
      QUARANTINE,
      1,
      this.#key,
      base,
      id,
      seen === 'not a hash' ? await this.#redis.type(base + id) : fingerprint(seen),
      JSON.stringify(entry),
      ENTRIES_KEPT,
      KEPT_MS,
      reasonOf(new Failure('invalid_payload', `the page's job could not be read: ${why}`)),
      this.#searchesBase,
    );
    return reply === null ? undefined : { children: reply as string[] };
  }

  /** Newest first. */
  async list(most = ENTRIES_KEPT): Promise<QuarantineEntry[]> {
    const entries = await this.#redis.lrange(this.#key, 0, most - 1);
    return entries.map((entry) => JSON.parse(entry));
  }

  get #key(): string {
    return `${this.#prefix}:quarantine`;
  }
}

function shown(fields: Partial<JobFields>): Partial<JobFields> {
  const entries = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[name, Buffer.from(value.slice(0, LONGEST_FIELD), 'latin1').toString('utf8')]],
  );
  return Object.fromEntries(entries);
}
