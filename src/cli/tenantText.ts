import { declarationsOf, type FleetDocument } from '../tenants/document.ts';
import type { ProcessReport } from '../tenants/fleetStore.ts';
import { lineTable } from './fleetText.ts';
import type { Terminal } from './terminal.ts';

/** A tenant as people see it. */
export interface TenantRow {
  name: string;
  source: 'file' | 'command';
  /** What is its own; what is missing it shares with the process that serves it. */
  marketplace: string | null;
  minApiCallInterval: number | null;
  dailyCallLimit: number | null;
  /** Processes that serve it now. */
  workers: number;
}

export function tenantRows(
  document: FleetDocument,
  processes: readonly ProcessReport[],
  only?: string,
): TenantRow[] {
  return Object.entries(declarationsOf(document))
    .filter(([name]) => only === undefined || name === only)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, own]) => ({
      name,
      source: document.tenants?.value[name] === undefined ? 'command' : 'file',
      marketplace: own.marketplace ?? null,
      minApiCallInterval: own.minApiCallInterval ?? null,
      dailyCallLimit: own.dailyCallLimit ?? null,
      workers: processes.filter(({ role, tenants }) => role === 'worker' && tenants.includes(name)).length,
    }));
}

export function tenantText(rows: readonly TenantRow[], terminal: Terminal): string {
  const shown = (value: string | number | null) => (value === null ? '–' : String(value));
  return lineTable(
    ['Tenant', 'From', 'Marketplace', 'Interval', 'Daily limit', 'Workers'],
    rows.map((row) => [
      row.name,
      row.source,
      shown(row.marketplace),
      shown(row.minApiCallInterval),
      shown(row.dailyCallLimit),
      String(row.workers),
    ]),
    terminal,
  );
}
