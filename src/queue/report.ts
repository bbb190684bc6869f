import type { Job, JobState } from 'bullmq';
import { parseReason } from '../failures.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { Closed } from './context.ts';
import type { SearchProgress } from './jobData.ts';

/** How a search stands. */
export interface SearchReport {
  searchId: string;
  /** `waiting`: for quota, a pause or the circuit; `progress` says why and until when. */
  state: 'queued' | 'collecting' | 'waiting' | 'done';
  progress: SearchProgress | null;
  /** Of a search that is done and did not fail. */
  summary: SearchSummary | null;
  /** Of a search that failed: the closed code and what happened. */
  error: { code: string; message: string } | null;
}

/** @param state read before the job was: of a job that has ended, the end must be in it. */
export function reportOn(job: Job, state: JobState | 'unknown'): SearchReport {
  const progress = isProgress(job.progress) ? job.progress : null;
  const searchId = job.id as string;
  if (state === 'completed')
    return { searchId, state: 'done', progress, summary: job.returnvalue as SearchSummary, error: null };
  if (state === 'failed')
    return { searchId, state: 'done', progress, summary: null, error: parseReason(job.failedReason ?? '') };
  if (progress?.state === 'waiting')
    return { searchId, state: 'waiting', progress, summary: null, error: null };
  const started = state === 'active' || state === 'waiting-children' || progress !== null;
  return { searchId, state: started ? 'collecting' : 'queued', progress, summary: null, error: null };
}

/** What closes the gate; all other reasons to wait are the search's own. */
const GATE_REASONS = new Set(['quota', 'pause', 'circuit']);

/**
 * The report with the gate as it is now: progress was written when a page last moved, and a gate that has closed or
 * opened since concerns this search all the same.
 */
export function besideGate(report: SearchReport, closed: Closed | undefined): SearchReport {
  const { state, progress } = report;
  if (progress === null || (state !== 'collecting' && state !== 'waiting')) return report;
  const { because, until, ...rest } = progress;
  if (closed !== undefined)
    return { ...report, state: 'waiting', progress: { ...rest, state: 'waiting', ...closed } };
  if (state === 'collecting' || !GATE_REASONS.has(because ?? '')) return report;
  return { ...report, state: 'collecting', progress: { ...rest, state: 'collecting' } };
}

function isProgress(value: unknown): value is SearchProgress {
  return typeof value === 'object' && value !== null && 'state' in value;
}
