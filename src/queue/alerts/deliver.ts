import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ChannelKind } from '../../product/channelSchema.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { signals } from '../bullmq/signals.ts';
import { DeliveryError, type OpenChannel, type Sender } from './channels/sender.ts';
import { type Head, Outbox } from './outbox.ts';
import { channelOf, deliveryJobId, wakeChannel } from './wake.ts';

/** What alerts are delivered with. */
export interface DeliveryContext {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** `ebay-alerts`: one job for each channel that has messages. */
  deliveries: Queue;
  senders: ReadonlyMap<ChannelKind, Sender>;
  /** Undefined: there is no such channel. @throws DeliveryError where its secrets cannot be read */
  openChannel: (name: string) => Promise<OpenChannel | undefined>;
  rules: DeliveryRules;
  /** Life of a job's lock, ms. */
  lockMs: number;
  /** Counts what became of an attempt. */
  ended?: (kind: ChannelKind | 'unknown', outcome: 'delivered' | 'postponed' | 'failed') => void;
  scrubber: Scrubber;
  log: Logger;
}

/** Durations in ms. */
export interface DeliveryRules {
  /** Longest time of one attempt. */
  timeoutMs: number;
  /** Wait after the first failure; doubled with each one in a row. */
  retryDelayMs: number;
  /** A message that the receiver has refused so often is given up. */
  attempts: number;
  /** One that is older, and whose delivery was tried a few times, is given up too. */
  maxAgeMs: number;
}

/** After so many failures in a row the channel pauses: for `FIRST_PAUSE` of the first wait, doubled up to `LONGEST_PAUSE`. */
const FAILURES_TO_PAUSE = 5;
const FIRST_PAUSE = 30;
const LONGEST_PAUSE = 900;
/** Longest pause that a receiver may ask for, in waits after a first failure: an hour at the default. */
const LONGEST_ASKED = 3600;
/** Without an answer of the receiver only age counts; one try after a long wait must not be the last. */
const TRIES_OF_OLD = 3;
/** How long a message that was given up is kept, in ages at which it is. */
const FAILED_AGES = 7;
/** Part of a wait that is random, so that channels of one receiver do not come back at once. */
const JITTER = 0.2;

/** Wakes every channel that has messages: what a process that died has not done. */
export async function wakeWaiting({
  redis,
  prefix,
  tenant,
  deliveries,
}: Pick<DeliveryContext, 'redis' | 'prefix' | 'tenant' | 'deliveries'>): Promise<void> {
  const channels = await new Outbox(redis, prefix, tenant).waiting();
  await Promise.all(channels.map((channel) => wakeChannel(deliveries, channel)));
}

/**
 * Sends the messages of a channel, oldest first, until none is left. One that fails stays the oldest, and the job waits. A
 * message is taken off after its receiver has it: one whose process dies in between is sent again, with the same id.
 * @param signal ends the attempt under way
 */
export async function deliver(context: DeliveryContext, job: Job, signal: AbortSignal): Promise<void> {
  const { redis, prefix, tenant, lockMs } = context;
  const channel = channelOf(job);
  if (channel === undefined || job.id !== deliveryJobId(channel)) {
    context.log.warn('job of another program ignored', { queue: context.deliveries.name, jobId: job.id });
    return;
  }
  const outbox = new Outbox(redis, prefix, tenant);
  const clock = clockOf(redis, prefix);
  for (;;) {
    signal.throwIfAborted();
    const head = await outbox.head(channel);
    if (head === undefined) return;
    const now = await clock.current();
    const until = head.until > now ? head.until : await attempt(context, outbox, { channel, head, signal });
    // A process that was stopped for longer than the lock may no longer be the only one.
    if (until === undefined) await job.extendLock(job.token as string, lockMs);
    else {
      await job.moveToDelayed(clock.toHere(until), job.token);
      throw signals.delayed();
    }
  }
}

/** Whether a channel has messages although its job has ended: one came after the last look of the job. */
export async function isLeft(
  { redis, prefix, tenant }: Pick<DeliveryContext, 'redis' | 'prefix' | 'tenant'>,
  channel: string,
): Promise<boolean> {
  return !(await new Outbox(redis, prefix, tenant).isEmpty(channel));
}

interface Attempt {
  channel: string;
  head: Head;
  signal: AbortSignal;
}

/** Sends the head. @returns until when the channel waits, ms since the epoch; undefined: it goes on */
async function attempt(
  context: DeliveryContext,
  outbox: Outbox,
  { channel, head, signal }: Attempt,
): Promise<number | undefined> {
  const { redis, prefix, senders, openChannel, rules, scrubber, log } = context;
  const clock = clockOf(redis, prefix);
  let kind: ChannelKind | 'unknown' = 'unknown';
  const timeout = AbortSignal.timeout(rules.timeoutMs);
  try {
    const opened = await openChannel(channel);
    if (opened === undefined) {
      await outbox.drop(channel);
      return undefined;
    }
    kind = opened.kind;
    const sender = senders.get(kind);
    if (sender === undefined) throw new DeliveryError(`cannot send to ${kind} here`, { fault: 'channel' });
    const message = await outbox.withTexts(head.message);
    await sender.send(opened, message, AbortSignal.any([signal, timeout]));
  } catch (thrown) {
    // The process stops: that says nothing of the receiver.
    if (signal.aborted) throw thrown;
    const failure = timeout.aborted ? noAnswer(rules) : thrown;
    // Redis failed, or this program did: the job fails, and the channel is woken again.
    if (!(failure instanceof DeliveryError)) throw thrown;
    const error = scrubber.text(failure.message).slice(0, 300);
    const now = await clock.current();
    const next = afterFailure(failure, head, now, rules);
    const { failures } = next;
    const about = { channel, messageId: head.message.id, error, failures };
    if (next.isGivenUp || head.message.kind === 'test') {
      await outbox.giveUp(channel, head, { now, error, failures, lifeMs: FAILED_AGES * rules.maxAgeMs });
      context.ended?.(kind, 'failed');
      log.warn('message given up', about);
      return undefined;
    }
    const { until, tries, attempts } = next;
    await outbox.postpone(channel, head, { until, error, failures, tries, attempts });
    context.ended?.(kind, 'postponed');
    log.info('message postponed', { ...about, until: new Date(until).toISOString() });
    return until;
  }
  await outbox.delivered(channel, head, await clock.current());
  context.ended?.(kind, 'delivered');
  return undefined;
}

function noAnswer({ timeoutMs }: DeliveryRules): DeliveryError {
  return new DeliveryError(`the receiver did not answer within ${timeoutMs / 1000} s`, { fault: 'channel' });
}

/** What follows from a failure of the oldest message of a channel. Pure but for the random part of a wait. */
export function afterFailure(
  { fault, status, retryAfterMs }: Pick<DeliveryError, 'fault' | 'status' | 'retryAfterMs'>,
  head: Pick<Head, 'message' | 'failures' | 'tries' | 'attempts'>,
  now: number,
  { retryDelayMs, attempts: mostAttempts, maxAgeMs }: DeliveryRules,
) {
  const tries = head.tries + 1;
  // A receiver that asks for a pause has refused nothing, and one that does not answer may be away.
  const attempts = head.attempts + (fault !== 'busy' && status !== undefined ? 1 : 0);
  const failures = fault === 'channel' ? head.failures + 1 : head.failures;
  const isOld = now - Date.parse(head.message.at) > maxAgeMs && tries >= TRIES_OF_OLD;
  const isGivenUp = fault === 'message' || attempts >= mostAttempts || isOld;
  const waits =
    failures < FAILURES_TO_PAUSE
      ? 2 ** Math.max(0, Math.max(failures, tries) - 1)
      : Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - FAILURES_TO_PAUSE));
  const wait = Math.min(waits, LONGEST_PAUSE) * retryDelayMs;
  const asked = Math.min(retryAfterMs ?? 0, LONGEST_ASKED * retryDelayMs);
  const until = Math.ceil(
    now +
      Math.max(asked, fault === 'busy' && retryAfterMs !== undefined ? 0 : wait) +
      wait * JITTER * Math.random(),
  );
  return { isGivenUp, until, tries, attempts, failures };
}
