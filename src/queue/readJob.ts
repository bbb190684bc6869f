import { Ajv } from 'ajv';
import type { Job } from 'bullmq';
import Type from 'typebox';
import { Failure } from '../failures.ts';
import { parseSearchRequest } from '../product/request.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { CallJobData } from './jobData.ts';
import { SEARCH_JOB } from './names.ts';

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
