import type { Job, JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Static } from 'typebox';
import { Failure, withBecause } from '../../failures.ts';
import { MARKETPLACE_IDS } from '../../product/marketplaces.ts';
import {
  isObject,
  type ParsedRequest,
  parseSearchRequest,
  type RequestDefaults,
} from '../../product/parseRequest.ts';
import type { ProductDetails } from '../../product/product.ts';
import type { NormalRequest, Priority } from '../../product/requestSchema.ts';
import type { InputError } from '../../product/schemaErrors.ts';
import { Type } from '../../product/type.ts';
import { violations } from '../../product/violations.ts';

import { clockOf } from '../../redis/redisClock.ts';
import { unusableId } from '../bullmq/ownKeys.ts';

import { PRIORITY, SEARCH_JOB } from '../bullmq/queues.ts';
import { type JobDefaults, nextLookAtNewerVersion } from './retryPolicy.ts';

/** The newest versions of job data that this release reads. It reads all earlier ones too. */
export const SEARCH_VERSION = 1;
export const CALL_VERSION = 3;
/** What release 0.2 reads. It would make another call than a later version asks for, or drop a part of the answer. */
export const EARLIER_CALL_VERSION = 2;

/** Fields of a request that release 0.2 knows. It reads the request of a run unchecked and leaves out all others. */
const EARLIER_FIELDS = new Set(
  (
    'v query categoryIds marketplaces maxItems maxCalls sort filters shipTo title seller excludePickupOnly details track ' +
    'maxAge onFailure strictFilters priority tenant'
  ).split(' '),
);
const EARLIER_FILTERS = new Set(
  (
    'price conditions conditionIds buyingOptions deliveryCountry deliveryPostalCode itemLocationCountry freeShipping ' +
    'returnsAccepted sellers excludeSellers sellerAccountTypes searchInDescription aspects'
  ).split(' '),
);

/** The version of the calls for a request: the earlier one only where release 0.2 makes the same calls as this release. */
export function callVersion(request: NormalRequest, campaignId: string): CallJobData['v'] {
  const { filters, details } = request;
  const given = (fields: object) =>
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const isEarlier =
    campaignId === '' &&
    details !== 'new' &&
    given(request).every((name) => EARLIER_FIELDS.has(name)) &&
    given(filters).every((name) => EARLIER_FILTERS.has(name));
  return isEarlier ? EARLIER_CALL_VERSION : CALL_VERSION;
}

const oneCall = {
  v: Type.Enum([1, EARLIER_CALL_VERSION, CALL_VERSION]),
  search: Type.Object({ tenant: Type.String(), searchId: Type.String(), timestamp: Type.Number() }),
  run: Type.Integer({ minimum: 1 }),
  marketplace: Type.Enum(MARKETPLACE_IDS),
};
/** `page` is unique within the search, all marketplaces together: 1, 2, … */
const PageSchema = Type.Object({
  ...oneCall,
  kind: Type.Literal('page'),
  page: Type.Integer({ minimum: 1 }),
  offset: Type.Integer({ minimum: 0 }),
  limit: Type.Integer({ minimum: 1, maximum: 200 }),
});
const ItemSchema = Type.Object({
  ...oneCall,
  kind: Type.Literal('item'),
  itemId: Type.String({ minLength: 1, maxLength: 100 }),
});
const CallSchema = Type.Union([PageSchema, ItemSchema]);

/** What the job of a page, and of an item (`ItemReference`), carries. What the search asks for is in the search store. */
export type PageJobData = Static<typeof PageSchema>;
export type ItemJobData = Static<typeof ItemSchema>;
export type CallJobData = PageJobData | ItemJobData;

/** Why a job made no call. */
interface Skipped {
  skipped?: 'stored' | 'cancelled' | 'ended' | 'astray';
}

/** What a job returns. Products and details are in the search store. */
export type PageJobResult = Skipped & { page: number; products: number };
export type ItemJobResult = Skipped & {
  itemId: string;
  availability: ProductDetails['availability'] | null;
};
export type CallJobResult = PageJobResult | ItemJobResult;

/** What holds for any job from the moment that a worker has it, before it is known what it carries. */
export function trustedOptions({ keep }: JobDefaults): JobsOptions {
  return { attempts: 1, removeOnComplete: keep, removeOnFail: keep };
}

/** Options of a search job. A search is not retried by BullMQ: its pages are. */
export function searchOptions(request: NormalRequest, rules: JobDefaults): JobsOptions {
  return { ...trustedOptions(rules), priority: PRIORITY[request.priority] };
}

export function callOptions({ attempts, backoffMs, keep }: JobDefaults): JobsOptions {
  return {
    attempts,
    // Jitter keeps the calls that one outage failed from coming back all at once.
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    // BullMQ spends three commands on removing old jobs, of all that have ended: one completion in fifty does it for all.
    removeOnComplete: Math.random() < 0.02 ? keep : false,
    removeOnFail: keep,
    // A failed call releases its search, which then says what is missing.
    ignoreDependencyOnFailure: true,
  };
}

type JobRequestDefaults = RequestDefaults & { tenant: string };

/**
 * The request that a search job carries. Anyone with BullMQ may have added the job, so everything is checked.
 * @throws Failure `unknown_job_type`, `unknown_payload_version` or `invalid_payload`, naming each field.
 */
export function readSearch(job: Job, defaults: JobRequestDefaults): NormalRequest {
  const name = JSON.stringify(job.name.slice(0, 64));
  if (job.name !== SEARCH_JOB)
    throw new Failure('unknown_job_type', `job name ${name}: only "${SEARCH_JOB}" is known here`);
  const data = sizedData(job);
  refuseNewer(data, SEARCH_VERSION);
  return checkedRequest(data, defaults);
}

/** @throws Failure `invalid_payload` */
export function checkedRequest(data: unknown, defaults: JobRequestDefaults): NormalRequest {
  const parsed = parseOwnRequest(data, defaults);
  if (!parsed.ok) throw invalid('invalid_payload', parsed.errors);
  return parsed.request;
}

/** A request of the tenant whose queue it is, also where it names none. */
export function parseOwnRequest(data: unknown, { tenant, ...defaults }: JobRequestDefaults): ParsedRequest {
  // What is no object stays as it is: the schema refuses it.
  const parsed = parseSearchRequest(isObject(data) ? { tenant, ...data } : data, defaults);
  if (!parsed.ok || parsed.request.tenant === tenant) return parsed;
  const message = `this queue belongs to tenant ${tenant}`;
  return { ok: false, errors: [{ path: 'tenant', code: 'invalid_tenant', message }] };
}

/** What a worker puts in the place of data that is too long to be parsed. */
export const TOO_LARGE = 'data is too large';

function sizedData({ data }: Job): unknown {
  if (data === TOO_LARGE)
    throw new Failure('invalid_payload', 'the job’s data is larger than any valid request');
  return data;
}

/** @throws Failure `unknown_payload_version` */
export function refuseNewer(data: unknown, newest = SEARCH_VERSION): void {
  if (isNewer(data, newest))
    throw new Failure('unknown_payload_version', 'the data is of a newer version than this program');
}

/** Whether a newer release than this one has written the data. No `v` means 1. */
export function isNewer(data: unknown, newest = SEARCH_VERSION): boolean {
  const version = typeof data === 'object' && data !== null && 'v' in data ? data.v : undefined;
  return Number.isInteger(version) && (version as number) > newest;
}

/** Errors in what stands at a path of something larger. */
export function below(path: string | number, errors: readonly InputError[]): InputError[] {
  return errors.map((error) => ({ ...error, path: error.path === '' ? `${path}` : `${path}.${error.path}` }));
}

/** A refusal of what a caller wrote, all of it in one message. */
export function invalid(code: 'invalid_request' | 'invalid_payload', errors: readonly InputError[]): Failure {
  const message = errors.map((error) => `${error.path || 'request'}: ${error.message}`).join('; ');
  return new Failure(code, message, { errors });
}

/** @throws Failure `invalid_payload` when this is no call of ours; `unknown_payload_version` */
export function readCall(job: Job): CallJobData {
  const data = sizedData(job);
  refuseNewer(data, CALL_VERSION);
  if (violations(CallSchema, data).length > 0)
    throw new Failure('invalid_payload', 'not the data of a page or item job');
  return data as CallJobData;
}

/** The class with which a call was added. */
export function classOfCall({ opts }: Pick<Job, 'opts'>): Priority {
  const classes = Object.keys(PRIORITY) as Priority[];
  return classes.find((name) => PRIORITY[name] === opts.priority) ?? 'interactive';
}

/**
 * Gives a job our own options. One that a newer release has written is delayed, unless it has waited long enough: during a
 * deploy a worker that can read it starts soon.
 * @throws BullMQ's signal of a job that was delayed; Failure `invalid_payload` for an id that no job may have
 */
export async function deferNewerVersion(
  { rules, redis }: { rules: JobDefaults; redis: Redis },
  job: Job,
  newest: number,
): Promise<void> {
  Object.assign(job.opts, trustedOptions(rules));
  const unusable = unusableId(job.id as string, job.repeatJobKey !== undefined);
  if (unusable !== undefined) {
    // Not kept: it would go on being in the way of what has this name.
    job.opts.removeOnFail = true;
    throw new Failure('invalid_payload', unusable);
  }
  if (!isNewer(job.data, newest)) return;
  const clock = clockOf(redis);
  const now = await clock.current();
  const noted = (job.progress as { since?: unknown } | null)?.since;
  const since = typeof noted === 'number' ? noted : now;
  const until = nextLookAtNewerVersion(since, now, rules);
  if (until === undefined) {
    // A retry begins a wait of its own.
    await job.updateProgress({});
    return;
  }
  const waiting = { state: 'waiting', pages: 0, of: 0, products: 0, reason: 'newer-version', until, since };
  await job.updateProgress(withBecause(waiting));
  await job.moveToDelayed(clock.toHere(until), job.token);
  // Workers alone come here: a producer, which reads jobs with this module, does not load BullMQ before it connects.
  const { DelayedError } = await import('bullmq');
  throw new DelayedError();
}

/** The ids by which every log line about a search can be found, in all components. `run` once it is known. */
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
