import type { Priority } from '../product/requestSchema.ts';

/**
 * BullMQ's priorities of the classes; lower goes first. Every job has one ≥ 1: BullMQ serves jobs without a priority
 * before all others, so a single one without would starve the rest.
 */
export const PRIORITY: Record<Priority, number> = { interactive: 2, scheduled: 3, backfill: 4 };

/**
 * Before all classes: a search that only has to sum up must not queue for that behind all that have yet to start, nor a
 * call that its worker died over behind all that came later.
 */
export const FIRST = 1;

/** The class that a search's data asks for; of data that nobody has checked yet, the default. */
export function classOf(data: unknown): Priority {
  const asked = (data as { priority?: unknown } | null)?.priority;
  return typeof asked === 'string' && Object.hasOwn(PRIORITY, asked) ? (asked as Priority) : 'interactive';
}
