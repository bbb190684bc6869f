import type { Job } from 'bullmq';
import { type Compared, eventOfFailure, eventsOfEnd, type Teller } from '../events/searchEvents.ts';
import { Failure } from '../failures.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import { redisFailure } from '../redis/failure.ts';
import { productsOf } from '../results/productsOf.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { QueueContext } from './context.ts';
import { scheduleOf } from './schedules/scheduledRun.ts';

/**
 * Tells how a search ended and what its track found, before its job ends: whoever takes over from a worker that died in
 * between tells it again, which has no effect.
 */
export async function announceEnd(
  context: QueueContext,
  job: Job,
  request: NormalRequest,
  summary: SearchSummary,
): Promise<void> {
  const search = refOf(context, job);
  const compared = await comparedBy(context, search, request);
  const told = eventsOfEnd(tellerOf(context, job), summary, compared);
  const added = await context.events.append(search, told);
  if (told.length > 1)
    context.log.info('news told', {
      searchId: search.searchId,
      events: added,
      heldBack: told.length - added,
    });
}

/** Tells that a search failed; the failure that its job is then to end with, or that Redis cannot be told now. */
export async function announceFailure(context: QueueContext, job: Job, failure: Failure): Promise<Failure> {
  if (failure.code === 'redis-unavailable') return failure;
  const search = refOf(context, job);
  try {
    await context.events.append(search, [eventOfFailure(tellerOf(context, job), failure, new Date())]);
    return failure;
  } catch (thrown) {
    return redisFailure(thrown) ?? failure;
  }
}

/** Tells of a search whose job was taken out of its queue because nobody can read it. */
export async function announceLoss(
  { events, tenant }: Pick<QueueContext, 'events' | 'tenant'>,
  { searchId, timestamp }: Omit<SearchRef, 'tenant'>,
  why: string,
): Promise<void> {
  const search = { tenant, searchId, timestamp };
  const failure = new Failure('invalid_payload', `the job could not be read: ${why}`);
  const teller: Teller = { search, life: 'quarantined', schedule: null, query: null };
  await events.append(search, [eventOfFailure(teller, failure, new Date())]);
}

/** What the search's own comparison came to, as it is kept with its result. */
async function comparedBy(
  { results }: QueueContext,
  search: SearchRef,
  request: NormalRequest,
): Promise<Compared | undefined> {
  if (request.track === undefined) return undefined;
  const content = await results.readAll(search);
  if (content.verdict === undefined) return undefined;
  return { name: request.track, verdict: content.verdict, products: productsOf(request, content) };
}

function tellerOf(context: QueueContext, job: Job): Teller {
  const query = (job.data as { query?: unknown } | null)?.query;
  return {
    search: refOf(context, job),
    life: job.attemptsMade,
    schedule: scheduleOf(job),
    query: typeof query === 'string' ? query.slice(0, LONGEST_QUERY) : null,
  };
}

/** Of data that was refused nobody knows how long it is. */
const LONGEST_QUERY = 100;

function refOf({ tenant }: QueueContext, job: Job): SearchRef {
  return { tenant, searchId: job.id as string, timestamp: job.timestamp };
}
