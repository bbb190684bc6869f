import Table from 'cli-table3';
import type { Versioned } from '../tenants/document.ts';
import type { ProcessReport } from '../tenants/fleetStore.ts';
import { NO_LINES, trimLines } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Rows below their heads, without lines. */
export function lineTable(head: string[], rows: string[][], { paint }: Terminal): string {
  const table = new Table({
    head: head.map((each) => paint('dim', each)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  table.push(...rows);
  return trimLines(table.toString());
}

/** The newest version, and which process runs which. */
export function fleetText(
  { version, document }: Versioned,
  processes: readonly ProcessReport[],
  terminal: Terminal,
): string {
  const parts = (['settings', 'tenants', 'schedules'] as const).flatMap((name) => {
    const part = document[name];
    return part === undefined ? [] : [`${name} of ${new Date(part.at).toISOString()}`];
  });
  const newest =
    version === 0 ? 'nothing was published yet' : `version ${version}: ${parts.join(', ') || 'tenants'}`;
  if (processes.length === 0) return `${newest}\nno process reports`;
  const rows = processes.map(({ role, host, pid, version: runs, tenants, refused }) => [
    role,
    host,
    String(pid),
    String(runs),
    tenants.join(' '),
    refused ?? (runs === version ? '' : 'not yet'),
  ]);
  return `${newest}\n${lineTable(['Role', 'Host', 'Pid', 'Version', 'Tenants', ''], rows, terminal)}`;
}
