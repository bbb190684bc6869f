import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { type ChannelCensus, Outbox } from './alerts/outbox.ts';
import { countQueue, failedJobs } from './bullmq/counts.ts';
import { quarantineKey, wrongKeys } from './bullmq/ownKeys.ts';
import type { QuarantineEntry } from './bullmq/repair.ts';
import { schedulerNames } from './bullmq/repeat.ts';
import { ScheduleStore } from './schedules/store.ts';

interface QueueCheckup {
  redis: Redis;
  tenant: string;
  searches: Queue;
  calls: Queue;
  deliveries: Queue;
  /** Most searches that may wait. */
  backlogLimit: number;
  /** By Redis's clock, ms since the epoch. */
  now: number;
}

/** A job that waited longer than this has not just come at a busy moment. */
const LONG_MS = 15 * 60_000;

/** Checks whether the queues move: how many jobs wait, since when, and what failed. */
export async function checkQueues(parts: QueueCheckup): Promise<Finding[]> {
  const { redis, tenant, searches, calls, deliveries, now } = parts;
  const wrong = (
    await Promise.all([searches, calls, deliveries].map((queue) => wrongKeys(redis, queue)))
  ).flat();
  if (wrong.length > 0) {
    const message = `another program’s jobs are in the place of ${wrong.join(', ')}: nothing goes on`;
    return [fail('queues', 'degraded', message, `start a worker, which puts them aside; ${FIND_IT}`)];
  }
  return [
    await depth(parts),
    await failures(parts),
    ...(await putAside(parts)),
    ...(await schedulers(parts)),
    ...alertFindings(await new Outbox(redis, deliveries.opts.prefix as string, tenant).census(), now),
  ];
}

/** Schedulers that other programs have added, and that no worker has removed yet. */
async function schedulers({ redis, tenant, searches, calls }: QueueCheckup): Promise<Finding[]> {
  const store = new ScheduleStore(redis, searches.opts.prefix as string, tenant);
  const [names, callNames, records] = await Promise.all([
    schedulerNames(searches, redis),
    schedulerNames(calls, redis),
    store.all(),
  ]);
  const own = new Set(records.map(({ definition }) => definition.name));
  const foreign = [...[...names].filter((name) => !own.has(name)), ...callNames].map(oneLine);
  if (foreign.length === 0) return [];
  const message = `schedulers that belong to no schedule: ${foreign.join(', ')}`;
  return [warn('schedulers', message, `a running worker removes them; ${FIND_IT}`)];
}

const FIND_IT = 'find the program that adds them: docs/security.md';

/** What is kept of jobs and schedulers of other programs. */
async function putAside({ redis, searches, now }: QueueCheckup): Promise<Finding[]> {
  const key = quarantineKey(searches);
  const [count, json] = await Promise.all([redis.llen(key), redis.lindex(key, 0)]);
  if (json === null) return [];
  const { queue, id, why, at } = JSON.parse(json) as QuarantineEntry;
  const last = `the last ${durationOf(now - Date.parse(at))} ago: ${oneLine(`${id} of ${queue}, ${why}`)}`;
  return [warn('quarantine', `${count} jobs of other programs were put aside, ${last}`, FIND_IT)];
}

/** Channels of alerts that fail, by name; nothing where there is no channel. @param now ms since the epoch */
export function alertFindings(channels: readonly ChannelCensus[], now: number): Finding[] {
  if (channels.length === 0) return [];
  const failing = channels.filter(({ error, waiting }) => error !== undefined && waiting > 0);
  const lost = channels.filter(({ failed }) => failed > 0);
  const findings = failing.map(({ channel, waiting, oldestAt = now, error = '' }) => {
    const age = durationOf(now - oldestAt);
    const message = `${channel} does not deliver, ${waiting} messages wait, the oldest for ${age}: ${oneLine(error)}`;
    return warn('alerts', message, `correct the channel, then dpf channels test ${channel}`);
  });
  if (lost.length > 0) {
    const each = lost.map(({ channel, failed }) => `${failed} of ${channel}`).join(', ');
    findings.push(
      warn(
        'alerts',
        `messages could not be delivered: ${each}`,
        'dpf channels failed shows why, --retry sends them again',
      ),
    );
  }
  if (findings.length > 0) return findings;
  const waiting = channels.reduce((sum, each) => sum + each.waiting, 0);
  return [ok('alerts', `${channels.length} channels deliver, ${waiting} messages wait`)];
}

async function depth({
  redis,
  searches,
  calls,
  deliveries,
  backlogLimit,
  now,
}: QueueCheckup): Promise<Finding> {
  const queues = [searches, calls];
  const counts = await Promise.all(queues.map((queue) => countQueue(redis, queue, now)));
  const [waiting = 0, callsWaiting = 0] = counts.map(
    ({ states: { waiting = 0, delayed = 0 } }) => waiting + delayed,
  );
  const ages = counts.flatMap(({ classes }) => Object.values(classes).map(({ oldest }) => oldest));
  const oldestMs = Math.max(...ages) * 1000;
  const age = oldestMs > 0 ? `, the oldest for ${durationOf(oldestMs)}` : '';
  const message = `${waiting} searches and ${callsWaiting} calls wait${age}`;
  const all = [...queues, deliveries];
  const pauses = await Promise.all(all.map((queue) => queue.isPaused()));
  const paused = all.flatMap(({ name }, index) => (pauses[index] ? [name] : []));
  const are = paused.length === 1 ? 'is' : 'are';
  if (paused.length > 0)
    return fail('queues', 'degraded', `${paused.join(' and ')} ${are} paused: ${message}`, 'resume them');
  if (waiting >= backlogLimit) {
    const refused = `${message}: new searches are refused at ${backlogLimit} (BACKLOG_LIMIT)`;
    return fail(
      'queues',
      'degraded',
      refused,
      'search less until they are done: more workers make no more calls',
    );
  }
  if (oldestMs > LONG_MS)
    return warn('queues', message, 'dpf quota says whether calls may leave; then see the worker’s log');
  return ok('queues', message);
}

async function failures({ redis, searches, now }: QueueCheckup): Promise<Finding> {
  const { count, oldest } = await failedJobs(redis, searches);
  if (oldest === undefined) return ok('failures', 'no search has failed of those that are kept');
  const kept = count === 1 ? '1 failed search is kept' : `${count} failed searches are kept`;
  const [id, ago] = [oneLine(oldest.id), durationOf(now - oldest.at)];
  return warn(
    'failures',
    `${kept}, the oldest from ${ago} ago: ${id}, ${oneLine(oldest.reason)}`,
    `dpf search --get ${id} shows it, --retry starts it again`,
  );
}

/** Reasons hold what eBay or a caller wrote. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 160);
}

/** `9 s`, `4 min`, `3 h`, `2 days`. */
function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
