import { withBecause } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { Run, SearchRef, SearchStore } from '../../results/searchStore.ts';
import type { QueueContext } from './context.ts';
import { allPages } from './plan.ts';

/** How a search is getting on. */
export interface SearchProgress {
  state: 'collecting' | 'waiting';
  /** Pages that are there, and at most needed. */
  pages: number;
  of: number;
  /** Products so far, duplicates between pages included. */
  products: number;
  /** With `details: full`, once the pages are there: products whose details are there, and all of them. */
  details?: { there: number; of: number };
  /** Of `waiting`: why, and until when at the latest as known now (ms since the epoch). */
  reason?: string;
  until?: number;
  /** @deprecated The name of `reason` in version 0.1. */
  because?: string;
  /** Of the reason `identical-search`: the one that it waits for. */
  leader?: string;
  /** Of the reason `newer-version`: since when it waits for a worker that can read it, ms since the epoch. */
  since?: number;
}

/** Why a search waits. */
export type Waiting = Pick<SearchProgress, 'reason' | 'until' | 'leader'>;

/**
 * Writes the progress of a search job for those who follow the queue: when it begins to collect, when it must wait and
 * when it goes on. The counts of those who ask come from `currentProgress`.
 */
export async function publishProgress(
  { store, searches }: Pick<QueueContext, 'store' | 'searches'>,
  { search, request }: { search: SearchRef; request: NormalRequest },
  waiting: Waiting | undefined,
): Promise<void> {
  const state = waiting === undefined ? 'collecting' : 'waiting';
  const progress: SearchProgress = { state, ...(await counts(store, search, request)), ...waiting };
  // The mark outlives the text in both directions: a step that finds it publishes again.
  if (state === 'waiting') await store.mark(search, 'waiting');
  await searches.updateJobProgress(search.searchId, withBecause(progress));
  if (state === 'collecting') await store.unmark(search, 'waiting');
}

/** The progress of a search from what is stored of it. @param written the progress of its job */
export async function currentProgress(
  store: SearchStore,
  search: SearchRef,
  run: Run | undefined,
  written: SearchProgress | null,
): Promise<SearchProgress | null> {
  if (run?.request === undefined) return written;
  const now = await counts(store, { ...search, ...run.source }, run.request);
  return written?.state === 'waiting' ? { ...written, ...now } : { state: 'collecting', ...now };
}

async function counts(store: SearchStore, search: SearchRef, request: NormalRequest) {
  return { ...(await store.count(search)), of: allPages(request).length };
}
