import Table from 'cli-table3';
import { Command } from 'commander';
import type { Redis } from 'ioredis';
import { loadConfig } from '../config/load.ts';
import { type ApiKey, ApiKeys, ROLES, type Role } from '../http/auth/apiKeys.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { forTenant, quietLog, REDIS_WAIT_MS } from './commandSetup.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { NO_LINES, trimLines, whenText } from './table.ts';
import type { Terminal } from './terminal.ts';

interface AddFlags {
  tenant: string;
  roles: string;
  expires?: string;
  json?: boolean;
}

export function keysCommand(terminal: Terminal, setExit: (code: ExitCode) => void): Command {
  return new Command('keys')
    .description('Keys for the HTTP API: who may call, as which tenant, and what.')
    .helpCommand(false)
    .addCommand(
      new Command('add')
        .description('Make a key and print it, this once: only its hash is kept.')
        .argument('<name>', 'whom it is for: a-z, 0-9, dot and hyphen')
        .option('--roles <list>', `of ${ROLES.join(', ')}`, 'enqueue,read')
        .option('--tenant <name>', 'whose searches and calls', 'default')
        .option('--expires <when>', 'days such as 90d, or a time such as 2030-01-31T00:00:00Z (never)')
        .option('--json', 'print as JSON')
        .action((name: string, flags: AddFlags) => add(terminal, name, flags)),
    )
    .addCommand(
      new Command('list')
        .description('Show all keys; never the keys themselves.')
        .option('--json', 'print as JSON')
        .action(({ json }: { json?: boolean }) =>
          withKeys(async (keys) => {
            const listed = await keys.list();
            terminal.print(json ? JSON.stringify(listed, null, 2) : tableOf(listed, terminal));
          }),
        ),
    )
    .addCommand(
      new Command('revoke')
        .description('Take a key back; it works at most two more seconds.')
        .argument('<id or name>', 'as `dpf keys list` shows it; a name takes back all keys of that name')
        .option('--json', 'print as JSON')
        .action((which: string, { json }: { json?: boolean }) =>
          withKeys(async (keys) => {
            const gone = await keys.revoke(which);
            if (gone.length === 0) setExit(EXIT.failed);
            if (json) terminal.print(JSON.stringify(gone, null, 2));
            else if (gone.length === 0)
              terminal.note(`dpf: no key has the id or name ${JSON.stringify(which)}`);
            else for (const { id, name } of gone) terminal.print(`took back ${id} (${name})`);
          }),
        ),
    );
}

async function add(terminal: Terminal, name: string, flags: AddFlags): Promise<void> {
  const wanted = {
    name: checked('NAME', name, /^[a-z0-9.-]{1,60}$/, '1 to 60 of the characters a-z, 0-9, dot and hyphen'),
    tenant: checked(
      '--tenant',
      flags.tenant,
      /^[a-z0-9-]{1,40}$/,
      '1 to 40 of the characters a-z, 0-9 and hyphen',
    ),
    roles: rolesOf(flags.roles),
    expiresAt: flags.expires === undefined ? null : expiryOf(flags.expires, Date.now()),
  };
  await forTenant(loadConfig(), wanted.tenant);
  await withKeys(async (keys) => {
    const { key, record } = await keys.add(wanted);
    if (flags.json) {
      terminal.print(JSON.stringify({ key, ...record }, null, 2));
      return;
    }
    terminal.print(key);
    const until =
      record.expiresAt === null ? 'never expires' : `expires ${whenText(record.expiresAt, Date.now())}`;
    terminal.note(
      `${record.name} (${record.id}) may ${record.roles.join(', ')} as tenant ${record.tenant}; ${until}.\n` +
        'This is the only time that the key is shown. Send it as: Authorization: Bearer dpf_live_…',
    );
  });
}

function tableOf(listed: ListedKey[], terminal: Terminal): string {
  return listed.length === 0 ? 'no keys; make one with dpf keys add NAME' : keyTable(listed, terminal);
}

function rolesOf(list: string): Role[] {
  const names = [...new Set(list.split(',').map((role) => role.trim()))];
  const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `--roles takes ${ROLES.join(', ')}, separated by commas; got ${JSON.stringify(unknown)}`,
    );
  return names as Role[];
}

const DAY_MS = 24 * 3600 * 1000;

/** Ms since the epoch. */
export function expiryOf(text: string, now: number): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const until = days === undefined ? Date.parse(text) : now + Number(days) * DAY_MS;
  const isTime = days !== undefined || /^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  if (isTime && until > now) return until;
  throw new UsageError(
    `--expires must be days such as 90d or a coming time such as 2030-01-31T00:00:00Z; got ${JSON.stringify(text)}`,
  );
}

function checked(what: string, value: string, pattern: RegExp, allowed: string): string {
  if (pattern.test(value)) return value;
  throw new UsageError(`${what} must be ${allowed}; got ${JSON.stringify(value.slice(0, 64))}`);
}

async function withKeys<T>(ask: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const redis: Redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    return await ask(new ApiKeys(redis, config.queue.prefix));
  } finally {
    redis.disconnect();
  }
}

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
