import { isDeepStrictEqual } from 'node:util';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { HouseRules } from '../houseRules.ts';
import type { Definition } from './definition.ts';
import { displace, place, placedNames } from './placing.ts';
import { isOver, type ScheduleRecord, type ScheduleRecords } from './records.ts';
import type { RunLog } from './runLog.ts';

/** What changing schedules takes. */
export interface Parts {
  searches: Queue;
  redis: Redis;
  rules: HouseRules;
  records: ScheduleRecords;
  log: RunLog;
  now: () => number;
}

/** What applying a file came to; names of schedules. */
export interface ApplyReport {
  added: string[];
  changed: string[];
  removed: string[];
  unchanged: string[];
  /** Left alone: the name belongs to a schedule that did not come from the file. */
  refused: string[];
}

interface Plan extends Omit<ApplyReport, 'added' | 'changed'> {
  added: Definition[];
  changed: Definition[];
  /** Of any source: what died between two steps of a change left the scheduler missing or too many. */
  mended: ScheduleRecord[];
}

/** The way from what there is to what the file wants. */
export async function planOf(parts: Parts, wanted: readonly Definition[]): Promise<Plan> {
  const present = new Map((await parts.records.all()).map((record) => [record.definition.name, record]));
  const plan: Plan = { added: [], changed: [], removed: [], unchanged: [], refused: [], mended: [] };
  for (const definition of wanted) {
    const record = present.get(definition.name);
    if (record === undefined) plan.added.push(definition);
    else if (record.source !== 'file') plan.refused.push(definition.name);
    else if (isDeepStrictEqual(record.definition, definition)) plan.unchanged.push(definition.name);
    else plan.changed.push(definition);
  }
  const names = new Set(wanted.map(({ name }) => name));
  for (const { source, definition } of present.values())
    if (source === 'file' && !names.has(definition.name)) plan.removed.push(definition.name);
  const placed = await placedNames(parts.searches, parts.redis);
  const touched = new Set([...plan.changed.map(({ name }) => name), ...plan.removed]);
  for (const record of present.values())
    if (!touched.has(record.definition.name) && (await isBroken(parts, record, placed)))
      plan.mended.push(record);
  return plan;
}

export function isNothing({ added, changed, removed, mended }: Plan): boolean {
  return added.length + changed.length + removed.length + mended.length === 0;
}

export async function carryOut(parts: Parts, plan: Plan, renew: () => Promise<void>): Promise<void> {
  for (const name of plan.removed) {
    await renew();
    await drop(parts, name);
  }
  for (const definition of [...plan.added, ...plan.changed]) {
    await renew();
    await put(parts, definition, 'file');
  }
  for (const record of plan.mended) {
    await renew();
    const { runs } = await parts.log.read(record.definition.name);
    await place(parts.searches, parts.rules, record, { runs, now: parts.now(), isNew: false });
  }
}

async function isBroken(
  { log, now }: Parts,
  record: ScheduleRecord,
  placed: ReadonlySet<string>,
): Promise<boolean> {
  const { name } = record.definition;
  const isPlaced = placed.has(name);
  if (isPlaced || record.paused) return isPlaced && record.paused;
  return !isOver(record, (await log.read(name)).runs, now());
}

/** Adds or changes one schedule; the same once more changes nothing. */
export async function put(
  parts: Parts,
  definition: Definition,
  source: ScheduleRecord['source'],
): Promise<void> {
  const { searches, rules, records, log } = parts;
  const before = await records.get(definition.name);
  if (before !== undefined && isDeepStrictEqual(before.definition, definition)) return;
  const now = parts.now();
  const record: ScheduleRecord = {
    definition,
    source,
    paused: before?.paused ?? false,
    anchor: before?.anchor ?? now,
  };
  if (before === undefined) {
    // The record first: it is what a start mends by, should this process die before the next line.
    await records.put(record);
    await place(searches, rules, record, { runs: 0, now, isNew: true });
    return;
  }
  const { runs } = await log.read(definition.name);
  await place(searches, rules, record, { runs, now, before, isNew: false });
  await records.put(record);
}

export async function drop({ searches, records, log }: Parts, name: string): Promise<void> {
  await displace(searches, name);
  await records.delete(name);
  await log.forget(name);
}
