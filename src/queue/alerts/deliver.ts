import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { AlertMessage } from '../../product/alertMessage.ts';
import type { ChannelKind } from '../../product/channelSchema.ts';
import { redisFailure } from '../../redis/failure.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { isSignal, signals } from '../bullmq/signals.ts';
import { DeliveryError, type OpenChannel, type Sender } from './channels/sender.ts';
import { type Head, Outbox } from './outbox.ts';
import { channelOf, deliveryJobId, ENDED_JOBS, wakeChannel } from './wake.ts';

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
  /** Counts what became of an attempt. @param ms since the message was made; undefined: it has not arrived, or is a test */
  ended: (
    kind: ChannelKind | 'unknown',
    outcome: 'delivered' | 'postponed' | 'failed',
    ms?: number | undefined,
  ) => void;
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
/** Answers in place of a receiver that is away: of a gateway, and of a mail server that stops (421). */
const AWAY: ReadonlySet<number> = new Set([421, 502, 503, 504]);
/** A message is set aside whose sending has so often begun without an end: each time the worker's process died. */
const MOST_BEGINS = 3;
/** How long a message that was given up is kept, in ages at which it is. */
const FAILED_AGES = 7;
/** Of an error that is kept, characters. */
const LONGEST_ERROR = 300;
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
 * Sends the messages of a channel, tests first and then the oldest, until none is left. One that fails stays the oldest, and the
 * job waits. A message is taken off after its receiver has it: one whose process dies in between is sent again, with the same id.
 * @param options.isStopping whether this process ends: the job then goes to another one @param options.signal ends the attempt
 *   under way
 */
export async function deliver(
  context: DeliveryContext,
  job: Job,
  { signal, isStopping }: { signal: AbortSignal; isStopping: () => boolean },
): Promise<typeof ALL_SENT | undefined> {
  const { redis, prefix, tenant, deliveries, rules, log } = context;
  const channel = channelOf(job);
  // One that stays keeps the channel from being woken: any program may have added it with other options.
  Object.assign(job.opts, ENDED_JOBS);
  if (channel === undefined || job.id !== deliveryJobId(channel)) {
    log.warn('job of another program ignored', { queue: deliveries.name, jobId: job.id });
    return undefined;
  }
  const outbox = new Outbox(redis, prefix, tenant);
  const clock = clockOf(redis, prefix);
  const lock = new Lock(job, context.lockMs);
  const refused = () => log.warn('entry of another program removed from an outbox', { channel });
  /** Why the channel has failed in this run; undefined: it has not. */
  let failed: Postponed | undefined;
  for (;;) {
    if (isStopping() || signal.aborted) throw signals.handBack();
    const [head] = await Promise.all([outbox.head(channel, refused), lock.extend()]);
    if (head === undefined) return ALL_SENT;
    const now = await clock.current();
    const isTest = head.message.kind === 'test';
    if (failed !== undefined && !isTest && isOld(head.message, now, rules)) {
      // What has just been seen of the channel is true of the others that are too old, too: each would cost a long pause.
      await giveUp(context, outbox, { channel, head, now, ...failed });
      continue;
    }
    if (!isTest && head.until > now) return wait(job, clock.toHere(head.until));
    const end = await attempt(context, outbox, { channel, head, signal, lock });
    if (end?.until !== undefined) return wait(job, clock.toHere(end.until));
    failed = end;
  }
}

/** What a run of a job that has not ended otherwise returns: the outbox was empty. */
export const ALL_SENT = 'all sent';

/** @param at by this process's clock */
async function wait(job: Job, at: number): Promise<never> {
  await job.moveToDelayed(at, job.token);
  throw signals.delayed();
}

/** The lock of a channel's job. A process that was stopped for longer than its life may no longer be the only one that sends. */
class Lock {
  readonly #job: Job;
  readonly #ms: number;
  #extendedAt = performance.now();

  constructor(job: Job, ms: number) {
    this.#job = job;
    this.#ms = ms;
  }

  /** @throws BullMQ's signal of a job that is no longer this worker's */
  async extend(): Promise<void> {
    const at = performance.now();
    // 6.7.0 answers 0 where another worker, or none, has it.
    if ((await this.#job.extendLock(this.#job.token as string, this.#ms)) !== 1) throw signals.delayed();
    this.#extendedAt = at;
  }

  /** The same, without asking Redis where it cannot have run out. */
  async hold(): Promise<void> {
    if (performance.now() - this.#extendedAt > this.#ms / 2) await this.extend();
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
  lock: Lock;
}

/** What a failure of a channel brings. */
interface Postponed {
  kind: ChannelKind | 'unknown';
  error: string;
  failures: number;
  /** Until when the channel waits, ms since the epoch; undefined: the message was given up because of its age. */
  until?: number | undefined;
}

/** Sends the head. @returns undefined where the channel goes on */
async function attempt(
  context: DeliveryContext,
  outbox: Outbox,
  { channel, head, signal, lock }: Attempt,
): Promise<Postponed | undefined> {
  const { redis, prefix, senders, openChannel, rules, scrubber, log } = context;
  const clock = clockOf(redis, prefix);
  let kind: ChannelKind | 'unknown' = 'unknown';
  let partly = '';
  try {
    const opened = await openChannel(channel);
    if (opened === undefined) {
      if (await outbox.drop(channel)) return undefined;
      throw new DeliveryError('the channel cannot be read: put it again', { fault: 'channel' });
    }
    kind = opened.kind;
    const sender = senders.get(kind);
    if (sender === undefined) throw new DeliveryError(`cannot send to ${kind} here`, { fault: 'channel' });
    const [message, begins] = await Promise.all([
      outbox.withTexts(head.message),
      outbox.begin(channel, head),
    ]);
    if (begins > MOST_BEGINS)
      throw new DeliveryError(`its sending ended the worker ${MOST_BEGINS} times in a row`, {
        fault: 'message',
      });
    await lock.hold();
    partly = await send(sender, opened, message, { timeoutMs: rules.timeoutMs, ending: signal });
  } catch (thrown) {
    // Redis failed, or the job is another worker's: the channel is woken again.
    const isReceiver = thrown instanceof DeliveryError;
    const isElsewhere = !isReceiver && (isSignal(thrown) || redisFailure(thrown) !== undefined);
    if (signal.aborted || isElsewhere) await outbox.takeBack(channel, head).catch(() => undefined);
    // The process stops: that says nothing of the receiver.
    if (signal.aborted) throw signals.handBack();
    if (isElsewhere) throw thrown;
    const failure = asDeliveryError(thrown);
    const error = scrubber.text(failure.message).slice(0, LONGEST_ERROR);
    const now = await clock.current();
    const next = afterFailure(failure, head, now, rules);
    const { failures, attempts, tries, until } = next;
    if (next.isGivenUp || head.message.kind === 'test') {
      const given = { ...head, attempts };
      await giveUp(context, outbox, { channel, head: given, now, kind, error, failures });
      // A test, and a message that others differ from, say nothing of those that wait.
      const isAlone = failure.fault === 'message' || head.message.kind === 'test';
      return isAlone ? undefined : { kind, error, failures };
    }
    await outbox.postpone(channel, head, { until, error, failures, tries, attempts });
    context.ended(kind, 'postponed');
    const about = { channel, messageId: head.message.id, error, failures };
    log.info('message postponed', { ...about, until: new Date(until).toISOString() });
    return { kind, error, failures, until };
  }
  // Without asking Redis: a worker that dies before the next command sends the message again.
  const now = clock.now();
  const refused = scrubber.text(partly).slice(0, LONGEST_ERROR);
  await outbox.delivered(channel, head, now, refused);
  if (refused !== '')
    log.warn('message delivered to some receivers only', {
      channel,
      messageId: head.message.id,
      error: refused,
    });
  const isTest = head.message.kind === 'test';
  context.ended(kind, 'delivered', isTest ? undefined : Math.max(0, now - Date.parse(head.message.at)));
  return undefined;
}

/**
 * No AbortSignal.any: Node 20 keeps a trace of each one at `ending`, which lives as long as the process.
 * @returns what the receiver did not take of it, in words; empty: it took all
 */
async function send(
  sender: Sender,
  channel: OpenChannel,
  message: AlertMessage,
  { timeoutMs, ending }: { timeoutMs: number; ending: AbortSignal },
): Promise<string> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  let isLate = false;
  let partly = '';
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, timeoutMs);
  ending.addEventListener('abort', stop);
  if (ending.aborted) stop();
  try {
    await sender.send(channel, message, stopping.signal, (words) => {
      partly = words;
    });
    return partly;
  } catch (error) {
    if (isLate)
      throw new DeliveryError(`the receiver did not answer within ${timeoutMs / 1000} s`, {
        fault: 'channel',
      });
    // A connection that fails here is the receiver's, with the codes that one to Redis has.
    throw asDeliveryError(error);
  } finally {
    clearTimeout(timer);
    ending.removeEventListener('abort', stop);
  }
}

async function giveUp(
  context: DeliveryContext,
  outbox: Outbox,
  {
    channel,
    head,
    now,
    kind,
    error,
    failures,
  }: Pick<Attempt, 'channel' | 'head'> & Postponed & { now: number },
): Promise<void> {
  const lifeMs = FAILED_AGES * context.rules.maxAgeMs;
  await outbox.giveUp(channel, head, { now, error, failures, attempts: head.attempts, lifeMs });
  context.ended(kind, 'failed');
  context.log.warn('message given up', { channel, messageId: head.message.id, error, failures });
}

/** What is wrong in this program is found out by the message that it happens with: it counts as refused. */
function asDeliveryError(thrown: unknown): DeliveryError {
  if (thrown instanceof DeliveryError) return thrown;
  return new DeliveryError(`it cannot be sent: ${String(thrown)}`, { fault: 'channel', status: 0 });
}

function isOld({ at }: AlertMessage, now: number, { maxAgeMs }: DeliveryRules): boolean {
  // What has no time of its own has waited for as long as can be.
  return !(now - Date.parse(at) <= maxAgeMs);
}

/** What follows from a failure of the oldest message of a channel. Pure but for the random part of a wait. */
export function afterFailure(
  { fault, status, retryAfterMs }: Pick<DeliveryError, 'fault' | 'status' | 'retryAfterMs'>,
  head: Pick<Head, 'message' | 'failures' | 'tries' | 'attempts'>,
  now: number,
  rules: DeliveryRules,
) {
  const { retryDelayMs, attempts: mostAttempts } = rules;
  const tries = head.tries + 1;
  // A receiver that asks for a pause has refused nothing, and one that does not answer may be away.
  const attempts = head.attempts + (fault !== 'busy' && status !== undefined && !AWAY.has(status) ? 1 : 0);
  const failures = fault === 'channel' ? head.failures + 1 : head.failures;
  const isGivenUp =
    fault === 'message' ||
    attempts >= mostAttempts ||
    (tries >= TRIES_OF_OLD && isOld(head.message, now, rules));
  const waits =
    failures < FAILURES_TO_PAUSE
      ? 2 ** Math.max(0, Math.max(failures, tries) - 1)
      : FIRST_PAUSE * 2 ** (failures - FAILURES_TO_PAUSE);
  const asked = fault === 'busy' ? retryAfterMs : undefined;
  const wait = Math.min(waits, LONGEST_PAUSE) * retryDelayMs;
  const least = Math.min(retryAfterMs ?? 0, LONGEST_ASKED * retryDelayMs);
  // A receiver that says when it is ready is believed, but one that always says "now" is not asked without a break.
  const chosen = Math.max(least, asked === undefined ? wait : retryDelayMs);
  return {
    isGivenUp,
    until: Math.ceil(now + chosen * (1 + JITTER * Math.random())),
    tries,
    attempts,
    failures,
  };
}
