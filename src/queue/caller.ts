import type { Job } from 'bullmq';
import { scheduleOf } from './schedules/scheduledRun.ts';
import { watchLookOf } from './watch/watchlists/lookIds.ts';

/** Through what a search was asked for, where its job says so. */
const GIVEN = ['http', 'page', 'cli', 'mcp'] as const;

/** Through what, and with which API key, somebody asks for a search. */
export interface AskedBy {
  via: (typeof GIVEN)[number];
  /** Id of the API key, which is no secret; absent where none is needed. */
  key?: string | undefined;
}

export const CALLER_KINDS = [...GIVEN, 'schedule', 'watchlist', 'library', 'unknown'] as const;

/** Who asked for a search. */
export interface SearchCaller {
  /** `library`: a program with this package, or release 0.2; `unknown`: a program with plain BullMQ. */
  kind: (typeof CALLER_KINDS)[number];
  /** Of `http`, `page` and `mcp`: the id of the API key; null without keys. */
  key: string | null;
  /** The key's, the schedule's or the watchlist's; null where it has none, or the key is gone. */
  name: string | null;
}

const TEXT = /^(http|page|cli|mcp)(?::([0-9a-z]{1,20}))?$/;
/** A call that schedules share, see `watch/sharedLooks.ts`. */
const SHARED_LOOK = /^shared_[0-9a-f]{12}_\d{1,15}$/;
/** Ids that `SearchProducer` gives. */
const OWN_ID = /^s_[0-9a-f]{32}$/;

/**
 * BullMQ's options of a job with who asked for it. BullMQ 6.7.0 stores options that it does not know as they are. Workers of
 * release 0.2 leave them alone, whereas they refuse a request with an unknown field.
 */
export function callerOptions(by: AskedBy | undefined): { askedBy?: string } {
  if (by === undefined) return {};
  const text = by.key === undefined ? by.via : `${by.via}:${by.key}`;
  return TEXT.test(text) ? { askedBy: text } : {};
}

/** Who asked for the search of a job, without the name of a key. Anyone may have added the job. */
export function callerOf(
  job: Pick<Job, 'repeatJobKey' | 'timestamp'> & { id: string; opts: unknown },
): SearchCaller {
  const { id, opts } = job;
  const schedule = scheduleOf(job);
  if (schedule !== null) return { kind: 'schedule', key: null, name: schedule };
  if (SHARED_LOOK.test(id)) return { kind: 'schedule', key: null, name: null };
  const watchlist = watchLookOf(id)?.list;
  if (watchlist !== undefined) return { kind: 'watchlist', key: null, name: watchlist };
  const { askedBy } = (opts ?? {}) as { askedBy?: unknown };
  const [, via, key = null] = (typeof askedBy === 'string' && TEXT.exec(askedBy)) || [];
  if (via !== undefined) return { kind: via as AskedBy['via'], key, name: null };
  return { kind: OWN_ID.test(id) ? 'library' : 'unknown', key: null, name: null };
}
