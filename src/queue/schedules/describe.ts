import { type Cron, parseCron } from './cron.ts';
import type { Definition } from './definition.ts';

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** When a schedule runs, for people: `at 02:30 every day (Europe/Berlin)`. */
export function describeTiming({
  cron,
  tz = 'UTC',
  every = 0,
}: Pick<Definition, 'cron' | 'tz' | 'every'>): string {
  return cron === undefined ? `every ${duration(every)}` : `${byClock(parseCron(cron), cron)} (${tz})`;
}

function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) as (typeof UNITS)[number];
  const count = seconds / size;
  return count === 1 ? unit : `${count} ${unit}s`;
}

/** The usual shapes in words, the others as they are written. */
function byClock(cron: Cron, text: string): string {
  const [minute = '', hour = ''] = text.split(' ');
  const days = daysInWords(cron);
  if (days === undefined) return `cron ${text}`;
  const [at] = cron.minutes;
  if (cron.minutes.length === 1 && cron.hours.length <= 4)
    return `at ${list(cron.hours.map((each) => clock(each, at as number)))} ${days}`;
  if (hour !== '*') return `cron ${text}`;
  if (minute === '*') return `every minute ${days}`;
  if (cron.minutes.length === 1) return `${at} minutes past every hour ${days}`;
  const step = Number(/^\*\/(\d+)$/.exec(minute)?.[1]);
  return 60 % step === 0 ? `every ${step} minutes ${days}` : `cron ${text}`;
}

function daysInWords({ by, days, lastDay, months, weekdays }: Cron): string | undefined {
  if (by === 'either') return undefined;
  const season =
    months.length === 12 ? '' : ` in ${list(months.map((month) => MONTHS[month - 1] as string))}`;
  if (by === 'weekday')
    return weekdays.join() === '1,2,3,4,5'
      ? `on working days${season}`
      : `on ${list(weekdays.map((day) => WEEKDAYS[day] as string))}${season}`;
  if (days.length === 31) return `every day${season}`;
  const dates = [...days.map(String), ...(lastDay ? ['the last day'] : [])];
  return `on ${list(dates)} of ${season === '' ? 'each month' : season.slice(4)}`;
}

function clock(hour: number, minute: number): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

function list(words: string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
