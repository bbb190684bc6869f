import type { PlanEntry, PlanReport } from '../../../product/planReport.ts';
import { searchTitle } from '../../../product/subject.ts';
import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import type { WatchlistReport } from '../../../queue/watch/watchlists/watchlists.ts';
import { alertSourceText, conditionWords } from '../../../text/alerts.ts';
import type { FormValues } from '../../auth/login.ts';
import { conditionTexts } from '../search/searchForm.ts';

/** What is watched, and alerts on it. */
export type Watched = (
  | { kind: 'schedule'; report: ScheduleReport; alerts: readonly AlertReport[] }
  | { kind: 'watchlist'; report: WatchlistReport; alerts: readonly AlertReport[] }
  | { kind: 'alert'; report: AlertReport }
) & {
  /** What the plan expects of it; undefined for an alert. */
  plan?: PlanEntry | undefined;
  /** When the next look is, or is due at the latest, ms since the epoch; infinite where none follows. */
  next: number;
};

export type WatchedKind = Watched['kind'];

export const KINDS: Readonly<Record<WatchedKind, string>> = {
  schedule: 'Search',
  watchlist: 'Watchlist',
  alert: 'Alert',
};
export const STATES = { active: 'Active', paused: 'Paused', done: 'Done' } as const;

export interface Parts {
  schedules: readonly ScheduleReport[];
  watchlists: readonly WatchlistReport[];
  alerts: readonly AlertReport[];
  plan: PlanReport;
  /** Ms since the epoch. */
  now: number;
}

/** All of it in one list: what is looked at next first, and its alerts behind it. */
export function watchedItems({ schedules, watchlists, alerts, plan, now }: Parts): Watched[] {
  const entries = new Map(plan.entries.map((entry) => [`${entry.kind} ${entry.name}`, entry]));
  const items: Watched[] = [
    ...schedules.map((report) => ({
      kind: 'schedule' as const,
      report,
      alerts: alerts.filter((alert) => isAbout(alert, report)),
      plan: entries.get(`schedule ${report.name}`),
      next: nextOfSchedule(report),
    })),
    ...watchlists.map((report) => ({
      kind: 'watchlist' as const,
      report,
      alerts: alerts.filter(({ watchlist }) => watchlist === report.name),
      plan: entries.get(`watchlist ${report.name}`),
      next: nextOfList(report, now),
    })),
  ];
  const nextOf = (alert: AlertReport) =>
    Math.min(
      Number.POSITIVE_INFINITY,
      ...items.flatMap((item) => (item.kind !== 'alert' && item.alerts.includes(alert) ? item.next : [])),
    );
  const own: Watched[] = alerts.map((report) => ({
    kind: 'alert',
    report,
    next: report.state === 'paused' ? Number.POSITIVE_INFINITY : nextOf(report),
  }));
  // The order of equal ones stays. The difference of two infinities is no number.
  return [...items, ...own].sort((one, other) => (one.next === other.next ? 0 : one.next - other.next));
}

/** Whether an alert is about what this schedule finds: by its name, or by its track. */
function isAbout({ schedule, track }: AlertReport, { name, request }: ScheduleReport): boolean {
  return schedule === name || (track !== undefined && track === request.track);
}

function nextOfSchedule({ next, latest }: ScheduleReport): number {
  const at = next ?? latest;
  return at === null || at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at);
}

/** When the next look at one of its listings is due at the latest. */
export function nextOfList({ state, entries, lastLook, nextCheck }: WatchlistReport, now: number): number {
  if (state === 'paused' || entries === 0) return Number.POSITIVE_INFINITY;
  return lastLook === null || nextCheck === null ? now : Date.parse(nextCheck);
}

/** Which of them are shown. */
export interface Choice {
  kind: WatchedKind | undefined;
  state: keyof typeof STATES | undefined;
  /** Words that must all be there; empty: none. */
  text: string;
}

export function choiceFrom({ kind = '', state = '', text = '' }: Partial<FormValues>): Choice {
  return {
    kind: Object.hasOwn(KINDS, kind) ? (kind as WatchedKind) : undefined,
    state: Object.hasOwn(STATES, state) ? (state as keyof typeof STATES) : undefined,
    text: text.trim().slice(0, 200),
  };
}

export function chosen(items: readonly Watched[], { kind, state, text }: Choice): Watched[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((item) => {
    if (kind !== undefined && item.kind !== kind) return false;
    if (state !== undefined && item.report.state !== state) return false;
    const own = wordsOf(item).toLowerCase();
    return words.every((word) => own.includes(word));
  });
}

/** What can be found by text: names, and what is looked for in words. */
function wordsOf(item: Watched): string {
  const { name } = item.report;
  if (item.kind === 'schedule') {
    const { request, when } = item.report;
    return [name, searchTitle(request), ...conditionTexts(request), when, request.track].join(' ');
  }
  if (item.kind === 'watchlist') return [name, item.report.marketplace].join(' ');
  return [name, alertSourceText(item.report), ...item.report.when.map(conditionWords)].join(' ');
}

/** `base`, or the first of `base-2`, `base-3` … that is not taken. @param most characters */
export function freeName(base: string, taken: Iterable<string>, most = 40): string {
  const names = new Set(taken);
  let free = base.slice(0, most);
  for (let number = 2; names.has(free); number++) {
    const end = `-${number}`;
    free = base.slice(0, most - end.length).replace(/-+$/, '') + end;
  }
  return free;
}
