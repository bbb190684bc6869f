import Table from 'cli-table3';
import type { ApiKey } from '../http/apiKeys.ts';
import { NO_LINES, trimLines } from './table.ts';
import type { Terminal } from './terminal.ts';

export type ListedKey = ApiKey & { lastUsedAt: string | null };

/** One line a key. */
export function keyTable(keys: readonly ListedKey[], { paint }: Terminal): string {
  const table = new Table({
    head: ['Id', 'Name', 'Tenant', 'Roles', 'Made', 'Expires', 'Last used'].map((head) => paint('dim', head)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const { id, name, tenant, roles, createdAt, expiresAt, lastUsedAt } of keys)
    table.push([
      id,
      name,
      tenant,
      roles.join(','),
      createdAt.slice(0, 10),
      expiresAt === null ? 'never' : minute(expiresAt),
      lastUsedAt === null ? 'never' : minute(lastUsedAt),
    ]);
  return trimLines(table.toString());
}

/** `2026-05-01 06:30 UTC`. */
function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
