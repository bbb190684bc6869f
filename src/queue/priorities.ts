import type { Priority } from '../product/requestSchema.ts';

/**
 * BullMQ's priorities of the classes; lower goes first. Every job has one ≥ 1: BullMQ serves jobs without a priority
 * before all others, so a single one without would starve the rest.
 */
export const PRIORITY: Record<Priority, number> = { interactive: 2, scheduled: 3, backfill: 4 };

/** A search whose pages are done only has to sum up; it must not queue for that behind all that have yet to start. */
export const WOKEN = 1;
