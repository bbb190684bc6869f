import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { type ApiKey, ApiKeys, ROLES, type Role } from '../http/auth/apiKeys.ts';
import { instantText } from '../text/values.ts';
import { forTenant, withRedis } from './commandSetup.ts';
import { EXIT, type SetExit, UsageError } from './exit.ts';
import { tenantName } from './flags.ts';
import { table, whenText } from './table.ts';
import { printData, type Terminal } from './terminal.ts';

interface AddFlags {
  tenant: string;
  roles: Role[];
  expires?: number;
  json?: boolean;
}

export function command(terminal: Terminal, setExit: SetExit): Command {
  return new Command('keys')
    .description('Keys for the HTTP API: who may call, as which tenant, and what.')
    .helpCommand(false)
    .addCommand(
      new Command('add')
        .description('Create a key and print it, only this once: the hash alone is stored.')
        .argument('<name>', 'who uses it: a-z, 0-9, dot and hyphen', keyName)
        .option('--roles <list>', `of ${ROLES.join(', ')}`, rolesOf, ['enqueue', 'read'])
        .option('--tenant <name>', 'tenant whose searches and calls it uses', tenantName, 'default')
        .option(
          '--expires <when>',
          'days such as 90d, or a time such as 2030-01-31T00:00:00Z (never)',
          expiryOf,
        )
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
            printData(terminal, json, listed, keyTable(listed, terminal));
          }),
        ),
    )
    .addCommand(
      new Command('revoke')
        .description('Revoke a key; it works for at most two more seconds.')
        .argument('<id or name>', 'as `dpf keys list` shows it; a name revokes all keys of that name')
        .option('--json', 'print as JSON')
        .action((which: string, { json }: { json?: boolean }) =>
          withKeys(async (keys) => {
            const revoked = await keys.revoke(which);
            if (revoked.length === 0) {
              setExit(EXIT.failed);
              if (!json) return terminal.note(`dpf: no key has the id or name ${JSON.stringify(which)}`);
            }
            const text = revoked.map(({ id, name }) => `revoked ${id} (${name})`).join('\n');
            printData(terminal, json, revoked, text);
          }),
        ),
    );
}

async function add(terminal: Terminal, name: string, flags: AddFlags): Promise<void> {
  const { tenant, roles, expires: expiresAt = null, json } = flags;
  await forTenant(loadConfig(), tenant);
  await withKeys(async (keys) => {
    const { key, record } = await keys.add({ name, tenant, roles, expiresAt });
    printData(terminal, json, { key, ...record }, key);
    if (json) return;
    const end =
      record.expiresAt === null ? 'never expires' : `expires ${whenText(record.expiresAt, Date.now())}`;
    terminal.note(
      `${name} (${record.id}) may ${roles.join(', ')} as tenant ${tenant}; ${end}.\n` +
        'The key is not shown again. Send it as: Authorization: Bearer dpf_live_…',
    );
  });
}

function withKeys<T>(use: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const config = loadConfig();
  return withRedis(config, (redis) => use(new ApiKeys(redis, config.queue.prefix)));
}

function keyName(name: string): string {
  if (/^[a-z0-9.-]{1,60}$/.test(name)) return name;
  throw new UsageError(
    `NAME must be 1 to 60 of the characters a-z, 0-9, dot and hyphen; got ${JSON.stringify(name.slice(0, 64))}`,
  );
}

function rolesOf(list: string): Role[] {
  const names = [...new Set(list.split(',').map((role) => role.trim()))];
  const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (unknown === undefined) return names as Role[];
  throw new UsageError(
    `--roles must be of ${ROLES.join(', ')}, separated by commas; got ${JSON.stringify(unknown)}`,
  );
}

const DAY_MS = 24 * 3600 * 1000;

/** Ms since the epoch. */
function expiryOf(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const isTime = /^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const until = days === undefined ? Date.parse(text) : Date.now() + Number(days) * DAY_MS;
  if ((days !== undefined || isTime) && until > Date.now()) return until;
  throw new UsageError(
    `--expires must be days such as 90d or a future time such as 2030-01-31T00:00:00Z; got ${JSON.stringify(text)}`,
  );
}

function keyTable(keys: ReadonlyArray<ApiKey & { lastUsedAt: string | null }>, terminal: Terminal): string {
  if (keys.length === 0) return 'no keys; create one with dpf keys add NAME';
  const instant = (iso: string | null) => (iso === null ? 'never' : instantText(iso));
  const rows = keys.map(({ id, name, tenant, roles, createdAt, expiresAt, lastUsedAt }) => [
    ...[id, name, tenant, roles.join(','), createdAt.slice(0, 10)],
    ...[instant(expiresAt), instant(lastUsedAt)],
  ]);
  return table(rows, terminal, {
    head: ['Id', 'Name', 'Tenant', 'Roles', 'Created', 'Expires', 'Last used'],
  });
}
