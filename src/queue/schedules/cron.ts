/** A cron expression of five fields, read. All lists ascend. */
export interface Cron {
  minutes: number[];
  hours: number[];
  /** Days of the month; `lastDay` besides them. */
  days: number[];
  lastDay: boolean;
  months: number[];
  /** 0 is Sunday. */
  weekdays: number[];
  /** Whether a day may match by its date, by its weekday, or (both) by either, as cron has it. */
  by: 'date' | 'weekday' | 'either';
}

interface Field {
  name: string;
  from: number;
  to: number;
  words?: readonly string[];
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ');
const FIELDS = {
  minute: { name: 'minute', from: 0, to: 59 },
  hour: { name: 'hour', from: 0, to: 23 },
  day: { name: 'day of month', from: 1, to: 31 },
  month: { name: 'month', from: 1, to: 12, words: MONTHS },
  // 7 is another way to say Sunday.
  weekday: { name: 'day of week', from: 0, to: 7, words: WEEKDAYS },
} as const satisfies Record<string, Field>;

/** The most days that each month can have. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Why a text is no cron expression; the message says what is allowed. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/**
 * Reads `minute hour day-of-month month day-of-week`: numbers, names (`jan`, `mon`), `*`, lists, ranges, steps, and `L`
 * for the last day of a month. @throws CronError
 */
export function parseCron(text: string): Cron {
  const fields = text.trim().split(/\s+/);
  if (fields.length === 6) throw new CronError('has 6 fields: seconds are not supported, use five fields');
  if (fields.length !== 5 || fields[0] === '')
    throw new CronError(
      `needs five fields (minute hour day month weekday), has ${fields[0] === '' ? 0 : fields.length}`,
    );
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const dates = day.split(',').filter((part) => part.toUpperCase() !== 'L');
  const cron: Cron = {
    minutes: parseField(minute, FIELDS.minute),
    hours: parseField(hour, FIELDS.hour),
    days: dates.length === 0 ? [] : parseField(dates.join(','), FIELDS.day),
    lastDay: dates.length < day.split(',').length,
    months: parseField(month, FIELDS.month),
    weekdays: ascending(parseField(weekday, FIELDS.weekday).map((each) => each % 7)),
    by: weekday === '*' ? 'date' : day === '*' ? 'weekday' : 'either',
  };
  if (!canHappen(cron))
    throw new CronError(`never comes: no such day in ${month === '*' ? 'any month' : 'these months'}`);
  return cron;
}

function canHappen({ by, lastDay, months, days }: Cron): boolean {
  return (
    by !== 'date' || lastDay || months.some((month) => (days[0] ?? 32) <= (LONGEST[month - 1] as number))
  );
}

function parseField(text: string, field: Field): number[] {
  return ascending(text.split(',').flatMap((part) => parsePart(part, field)));
}

function parsePart(part: string, field: Field): number[] {
  const [range = '', step, ...more] = part.split('/');
  const every = step === undefined ? 1 : wholeNumber(step);
  if (more.length > 0 || every === undefined || every < 1) throw wrong(part, field);
  const [first = '', last, ...tooMany] = range.split('-');
  const from = range === '*' ? field.from : readValue(first, field);
  // A step after a single value goes on to the end, as in `5/15`.
  const open = range === '*' || (last === undefined && step !== undefined);
  const to = open ? endOf(field) : readValue(last ?? first, field);
  if (tooMany.length > 0 || from === undefined || to === undefined || from > to) throw wrong(part, field);
  return Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, index) => from + index * every);
}

function endOf(field: Field): number {
  return field === FIELDS.weekday ? 6 : field.to;
}

function readValue(text: string, { from, to, words = [] }: Field): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  const value = word < 0 ? wholeNumber(text) : word + from;
  return value === undefined || value < from || value > to ? undefined : value;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function wrong(part: string, { name, from, to, words }: Field): CronError {
  const named = words === undefined ? '' : ` or ${words[0]}-${words.at(-1)}`;
  return new CronError(
    `${JSON.stringify(part.slice(0, 32))} is no ${name} (${from}-${to}${named}, lists, ranges, steps)`,
  );
}

function ascending(values: number[]): number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}
