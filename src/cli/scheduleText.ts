import Table from 'cli-table3';
import type { ApplyReport } from '../queue/schedules/reconcile.ts';
import type { ScheduleReport } from '../queue/schedules/report.ts';
import { NO_LINES, trimLines } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

/** One line a schedule. */
export function scheduleTable(schedules: readonly ScheduleReport[], { paint }: Terminal): string {
  const table = new Table({
    head: ['Name', 'When', 'Next', 'Last', 'State', 'From'].map((head) => paint('dim', head)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const { name, when, next, lastRuns, state, source } of schedules)
    table.push([name, when, instant(next), lastRun(lastRuns), state, source]);
  return trimLines(table.toString());
}

/** All of one schedule. */
export function scheduleText(report: ScheduleReport, { paint }: Terminal): string {
  const { name, when, state, source, next, start, end, limit, runs, lastRuns, request } = report;
  const bounds = [start && `from ${instant(start)}`, end && `until ${instant(end)}`]
    .filter(Boolean)
    .join(', ');
  const rows: Array<[string, string]> = [
    ['name', name],
    ['when', when],
    ['state', state],
    ['next run', instant(next)],
    ...(bounds === '' ? [] : ([['within', bounds]] as Array<[string, string]>)),
    ['runs so far', limit === undefined ? String(runs) : `${runs} of ${limit}`],
    ['from', source === 'file' ? 'the file of schedules' : 'code or command line'],
    ['search', harmless(request.query ?? `category ${request.categoryIds?.join(', ')}`)],
    ...lastRuns.map(({ at, outcome, searchId }, index): [string, string] => [
      index === 0 ? 'last runs' : '',
      `${instant(at)}  ${(outcome ?? 'under way').padEnd(12)}  ${searchId}`,
    ]),
  ];
  const width = Math.max(...rows.map(([field]) => field.length));
  return rows.map(([field, value]) => `${paint('dim', field.padEnd(width))}  ${value}`).join('\n');
}

export function appliedText({ unchanged, ...changes }: ApplyReport): string {
  const lines = Object.entries(changes).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}${what === 'refused' ? REFUSED : ''}`],
  );
  return [...lines, `unchanged: ${unchanged.length}`].join('\n');
}

const REFUSED = ' (added elsewhere, so the file does not manage them)';

/** `2026-05-01 06:30 UTC`. */
function instant(iso: string | null): string {
  return iso === null ? '–' : `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

function lastRun([last]: ScheduleReport['lastRuns']): string {
  return last === undefined
    ? '–'
    : `${last.outcome ?? 'under way'} ${last.at.slice(5, 16).replace('T', ' ')}`;
}
