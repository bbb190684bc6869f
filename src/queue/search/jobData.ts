import { Ajv } from 'ajv';
import { DelayedError, type Job, type JobsOptions } from 'bullmq';
import Type from 'typebox';
import { Failure } from '../../failures.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import { parseSearchRequest } from '../../product/parseRequest.ts';
import type { ProductDetails } from '../../product/product.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { SearchRef } from '../../results/runState.ts';
import { PRIORITY, SEARCH_JOB } from '../bullmq/queues.ts';
import type { JobDefaults } from './jobDefaults.ts';

/** What the job of one call carries. Written and read by this service only. */
interface OneCall {
  v: 1;
  search: SearchRef;
  run: number;
  marketplace: MarketplaceId;
  request: NormalRequest;
}

/** A page of the search. */
export interface PageJobData extends OneCall {
  kind: 'page';
  /** 1, 2, …: unique within the search, all marketplaces together. */
  page: number;
  offset: number;
  limit: number;
}

/** The details of one product. */
export interface ItemJobData extends OneCall {
  kind: 'item';
  itemId: string;
  /** Items of this search under way at once. */
  lanes: number;
}

export type CallJobData = PageJobData | ItemJobData;

/** Of a job that made no call: why. */
type Skipped = 'stored' | 'cancelled';

/** What a page's job returns. The products are in the result store. */
export interface PageJobResult {
  page: number;
  products: number;
  skipped?: Skipped;
}

/** What an item's job returns. The details are in the result store. */
export interface ItemJobResult {
  itemId: string;
  availability: ProductDetails['availability'] | null;
  skipped?: Skipped;
}

/** How a search is getting on, as BullMQ progress of its job. */
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
  /** Of `because: 'identical-search'`: the one that it waits for. */
  leader?: string;
  /** Of `because: 'newer-version'`: since when it waits for a worker that can read it, ms since the epoch. */
  since?: number;
}

/** What holds for any job from the moment that a worker has it, before it is known what it carries. */
export function trustedOptions({ keep }: JobDefaults): JobsOptions {
  return { attempts: 1, removeOnComplete: keep, removeOnFail: keep };
}

/** Options of a search job. A search is not retried by BullMQ: its pages are. */
export function searchOptions(request: NormalRequest, rules: JobDefaults): JobsOptions {
  return { ...trustedOptions(rules), priority: PRIORITY[request.priority] };
}

export function callOptions(request: NormalRequest, { attempts, backoffMs, keep }: JobDefaults): JobsOptions {
  return {
    priority: PRIORITY[request.priority],
    attempts,
    // Jitter keeps the calls that one outage failed from coming back all at once.
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    removeOnComplete: keep,
    removeOnFail: keep,
    // A failed call releases its search, which then says what is missing.
    ignoreDependencyOnFailure: true,
  };
}

/**
 * The request that a search job carries. Anyone with BullMQ may have added the job, so everything is checked again.
 * @throws Failure `unknown_job_type`, `unknown_payload_version` or `invalid_payload`, naming each field.
 */
export function readSearch(job: Job, tenant: string, defaults: { marketplace: string }): NormalRequest {
  if (job.name !== SEARCH_JOB)
    throw new Failure(
      'unknown_job_type',
      `job name ${JSON.stringify(job.name)}: only "${SEARCH_JOB}" is known here`,
    );
  const data = sizedData(job);
  refuseNewer(data);
  const parsed = parseSearchRequest(data, defaults);
  if (!parsed.ok) throw invalid('invalid_payload', parsed.errors);
  if (parsed.request.tenant === tenant) return parsed.request;
  if (typeof data === 'object' && data !== null && !('tenant' in data)) return { ...parsed.request, tenant };
  throw invalid('invalid_payload', [
    { path: 'tenant', code: 'invalid_tenant', message: `this queue belongs to tenant ${tenant}` },
  ]);
}

/** What a worker puts in the place of data that is too long to be parsed. */
export const TOO_LARGE = 'data is too large';

function sizedData({ data }: Job): unknown {
  if (data === TOO_LARGE)
    throw new Failure('invalid_payload', 'the job’s data is larger than any valid request');
  return data;
}

/** @throws Failure `unknown_payload_version` */
export function refuseNewer(data: unknown): void {
  if (isNewer(data))
    throw new Failure('unknown_payload_version', 'the data is of a newer version than this program');
}

/** Whether a newer release than this one has written the data. No `v` means 1. */
export function isNewer(data: unknown): boolean {
  const version = typeof data === 'object' && data !== null && 'v' in data ? data.v : undefined;
  return Number.isInteger(version) && (version as number) > 1;
}

/** A refusal of what a caller wrote, all of it in one message. */
export function invalid(
  code: 'invalid_request' | 'invalid_payload',
  errors: ReadonlyArray<{ path: string; code: string; message: string }>,
): Failure {
  const message = errors.map((error) => `${error.path || 'request'}: ${error.message}`).join('; ');
  return new Failure(code, message, { errors });
}

const oneCall = {
  v: Type.Literal(1),
  search: Type.Object({ tenant: Type.String(), searchId: Type.String(), timestamp: Type.Number() }),
  run: Type.Integer({ minimum: 1 }),
  marketplace: Type.String(),
  request: Type.Object({}),
};
const CallJobSchema = Type.Union([
  Type.Object({
    ...oneCall,
    kind: Type.Literal('page'),
    page: Type.Integer({ minimum: 1 }),
    offset: Type.Integer({ minimum: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 200 }),
  }),
  Type.Object({
    ...oneCall,
    kind: Type.Literal('item'),
    itemId: Type.String({ minLength: 1, maxLength: 100 }),
    lanes: Type.Integer({ minimum: 1 }),
  }),
]);
const isCallJob = new Ajv({ strictTypes: false }).compile<CallJobData>(CallJobSchema);

/**
 * @throws Failure `invalid_payload` when this is no call of ours, or its request has been tampered with;
 * `unknown_payload_version`.
 */
export function readCall(job: Job, defaults: { marketplace: string }): CallJobData {
  const data = sizedData(job);
  refuseNewer(data);
  if (!isCallJob(data)) throw new Failure('invalid_payload', 'not the data of a page or item job');
  const parsed = parseSearchRequest(data.request, defaults);
  if (!parsed.ok) throw invalid('invalid_payload', parsed.errors);
  return { ...data, request: parsed.request };
}

/** A newer worker may be there already: an older one, which knows when the job's wait ends, is only too often first. */
const FIRST_LOOK_MS = 1000;

/**
 * Puts a job aside that a newer release has written: during a deploy a worker that can read it is on its way. Since when
 * it waits stands in its progress, where people see it too. Does nothing with other jobs and with one that has waited
 * long enough, but that from now on our own options hold for it, whatever it carries.
 * @throws BullMQ's signal of a job that was delayed
 */
export async function deferNewerVersion(
  { rules }: { rules: JobDefaults },
  job: Job,
  token: string,
): Promise<void> {
  Object.assign(job.opts, trustedOptions(rules));
  if (!isNewer(job.data)) return;
  const { longestDelayMs, patienceMs } = rules.newerVersion;
  const now = Date.now();
  const since = waitsSince(job.progress) ?? now;
  if (now - since >= patienceMs) {
    // Should somebody retry it, its wait begins anew.
    await job.updateProgress({});
    return;
  }
  // As long again as it has waited: soon while the deploy is young, seldom when no newer worker comes.
  const delayMs = Math.min(Math.max(now - since, FIRST_LOOK_MS), longestDelayMs);
  const until = Math.min(now + delayMs, since + patienceMs);
  const progress: SearchProgress = {
    state: 'waiting',
    pages: 0,
    of: 0,
    products: 0,
    reason: 'newer-version',
    until,
    since,
  };
  await job.updateProgress(progress);
  await job.moveToDelayed(until, token);
  throw new DelayedError();
}

function waitsSince(progress: Job['progress']): number | undefined {
  if (typeof progress !== 'object' || progress === null || !('since' in progress)) return undefined;
  return typeof progress.since === 'number' ? progress.since : undefined;
}

/** The ids by which every line about a search can be found, in all components. `run` once it is known. */
export interface SearchIds {
  tenant: string;
  searchId: string;
  run?: number;
  jobId: string;
}

export function idsOfSearch({ tenant }: { tenant: string }, job: Job): SearchIds {
  const id = job.id as string;
  return { tenant, searchId: id, jobId: id };
}

/** The same for one call of a search, with what it is for. */
export function idsOfCall(job: Job, call: CallJobData) {
  const { search, run, marketplace } = call;
  const ids: SearchIds = { tenant: search.tenant, searchId: search.searchId, run, jobId: job.id as string };
  return { ...ids, ...(call.kind === 'page' ? { page: call.page } : { itemId: call.itemId }), marketplace };
}
