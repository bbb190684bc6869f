import { defaultRepeatStrategy, type RepeatOptions } from 'bullmq';
import { nextRun } from './calendar.ts';
import { type Cron, CronError, parseCron } from './cron.ts';

/**
 * How BullMQ finds a cron schedule's next run; must be set on the queue that adds schedules and on the worker that
 * goes on with them. It stands in for cron-parser's rule for clock changes (6.7 runs a skipped 02:30 at 03:30).
 * A scheduler that somebody added with plain BullMQ and in BullMQ's own terms keeps BullMQ's rule.
 */
export function repeatStrategy(after: number, options: RepeatOptions): number | undefined {
  const { pattern = '', tz, startDate, endDate, immediately } = options;
  const cron = readable(pattern);
  if (cron === undefined || tz === undefined) return defaultRepeatStrategy(after, options);
  if (immediately === true) return after;
  const bounds = {
    ...(startDate === undefined ? {} : { start: +new Date(startDate) }),
    ...(endDate === undefined ? {} : { end: +new Date(endDate) }),
  };
  return nextRun({ cron, tz, ...bounds }, after);
}

function readable(pattern: string): Cron | undefined {
  try {
    return parseCron(pattern);
  } catch (error) {
    if (error instanceof CronError) return undefined;
    throw error;
  }
}
