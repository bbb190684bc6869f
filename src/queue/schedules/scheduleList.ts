import type { InputError } from '../../product/inputErrors.ts';
import { type Circumstances, type Definition, parseSchedule } from './definition.ts';

/**
 * A list of schedules as a file has it, with everything wrong in it; paths begin with the index. An end that is past is
 * fine here: the file stays valid as time goes by, and the schedule is done.
 */
export function parseScheduleList(
  wanted: readonly unknown[],
  circumstances: Omit<Circumstances, 'now'>,
): { definitions: Definition[]; errors: InputError[] } {
  const parsed = wanted.map((schedule) => parseSchedule(schedule, { ...circumstances, now: 0 }));
  const errors = parsed.flatMap((each, index) => {
    if (!each.ok) return each.errors.map((error) => ({ ...error, path: `${index}.${error.path}` }));
    const { name } = each.definition;
    const first = parsed.findIndex((other) => other.ok && other.definition.name === name);
    if (first === index) return [];
    return [
      { path: `${index}.name`, code: 'duplicate_name', message: `${name} is the name of ${first} already` },
    ];
  });
  return { definitions: parsed.flatMap((each) => (each.ok ? [each.definition] : [])), errors };
}
