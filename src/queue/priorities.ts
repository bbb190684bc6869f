import type { Priority } from '../product/requestSchema.ts';

/**
 * BullMQ's priorities of the classes; lower goes first. Every job has one ≥ 1: BullMQ serves jobs without a priority
 * before all others, so a single one without would starve the rest.
 */
export const PRIORITY: Record<Priority, number> = { interactive: 1, scheduled: 2, backfill: 3 };
