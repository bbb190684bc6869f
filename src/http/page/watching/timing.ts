import type { Schedule } from '../../../product/scheduleSchema.ts';
import type { Definition } from '../../../queue/schedules/definition.ts';
import { durationText } from '../../../text/values.ts';
import type { FormValues } from '../../auth/login.ts';

type Texts = Readonly<Record<string, string>>;

/** How often a search is looked at, as people choose it. */
export const CHOICES: Texts = {
  '3600': 'Every hour',
  '21600': 'Every six hours',
  day: 'Every day',
  weekdays: 'On working days',
  cron: 'At times of my own',
  auto: 'When it is worth most',
};
/** Of `auto`, and of watchlists: the longest time between two looks, seconds. */
export const GUARANTEES: Texts = {
  '3600': 'an hour',
  '21600': 'six hours',
  '86400': 'a day',
  '604800': 'a week',
};
/** What the fields have at first. */
export const USUAL = { every: '3600', at: '07:00', tz: 'UTC', atLeast: '86400' } as const;

type Timing = Partial<Pick<Schedule, 'cron' | 'tz' | 'every' | 'auto'>>;

/** The timing in a posted form. Invalid values stay as they are, so that the check names their fields. */
export function timingFrom(form: Partial<FormValues>): Timing {
  const given = (name: string) => form[name]?.trim() ?? '';
  const tz = given('tz') || USUAL.tz;
  const every = given('every');
  switch (every) {
    case 'day':
    case 'weekdays': {
      const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)/.exec(given('at')) ?? [];
      const days = every === 'day' ? '*' : '1-5';
      // Without a time it is no cron expression.
      return { cron: hour === undefined ? '' : `${Number(minute)} ${Number(hour)} * * ${days}`, tz };
    }
    case 'cron':
      return { cron: given('cron'), tz };
    case 'auto':
      return { auto: { atLeastEvery: Number(given('atLeast') || USUAL.atLeast) } };
    default:
      return { every: (/^\d+$/.test(every) ? Number(every) : every) as number };
  }
}

/** The same the other way round; bounds of `auto` that the form has no field for are kept by who changes it. */
export function timingValues({ cron = '', tz = USUAL.tz, every, auto }: Partial<Definition>): FormValues {
  if (auto !== undefined) return { every: 'auto', atLeast: String(auto.atLeastEvery) };
  if (every !== undefined) return { every: String(every) };
  const [, minute = '', hour = '', days] = /^(\d{1,2}) (\d{1,2}) \* \* (\*|1-5)$/.exec(cron) ?? [];
  const at = [hour, minute].map((each) => each.padStart(2, '0')).join(':');
  return days === undefined
    ? { every: 'cron', cron, tz }
    : { every: days === '*' ? 'day' : 'weekdays', at, cron, tz };
}

/** `texts` with the number of seconds that a form has, where that is another one. */
export function withSeconds(texts: Texts, seconds: string | undefined, before = ''): Texts {
  if (seconds === undefined || seconds in texts || !/^\d+(\.\d+)?$/.test(seconds)) return texts;
  return { [seconds]: `${before}${durationText(Number(seconds) * 1000)}`, ...texts };
}

/** The field of the form that a path of a schedule belongs to. */
export function timingField(path: string, { every }: Partial<FormValues>): string | undefined {
  if (path === 'tz' || path === 'every') return path;
  if (path === 'cron')
    return every === 'day' || every === 'weekdays' ? 'at' : every === 'cron' ? path : 'every';
  return path.startsWith('auto') ? 'atLeast' : undefined;
}
