/** The planner's name for a group of a watchlist, and for what it learns of its changes. */
export function watchUnit(list: string, group: string): string {
  return `watch:${list}:${group}`;
}

/** The job of a look that does this step. Every id follows from the look, so no job is added twice. */
export interface WatchLook {
  list: string;
  group: string;
  number: number;
  /** From 1. */
  step: number;
}

export function watchJobId({ list, group, number, step }: WatchLook): string {
  return `watch_${list}_${group}_${number}${step === 1 ? '' : `_${step}`}`;
}

const JOB = /^watch_([a-z0-9-]{1,60})_([a-z0-9]{1,40})_(\d{1,15})(?:_(\d{1,6}))?$/;
const UNIT = /^watch:([a-z0-9-]{1,60}):([a-z0-9]{1,40})$/;

/** The look that a search belongs to; undefined for other searches. */
export function watchLookOf(searchId: string): WatchLook | undefined {
  const [, list, group, number, step = '1'] = JOB.exec(searchId) ?? [];
  if (list === undefined || group === undefined) return undefined;
  return { list, group, number: Number(number), step: Number(step) };
}

export function groupOfUnit(unit: string): Pick<WatchLook, 'list' | 'group'> | undefined {
  const [, list, group] = UNIT.exec(unit) ?? [];
  return list === undefined || group === undefined ? undefined : { list, group };
}
