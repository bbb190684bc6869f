import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { type ApiKey, ApiKeys, MOST_DAILY_CALLS, ROLES, type Role } from '../http/auth/apiKeys.ts';
import { dayOrInstantIn } from '../product/instant.ts';
import { Budgets } from '../queue/budgets.ts';
import { countText, instantText, numberText } from '../text/values.ts';
import { type Answer, answering, withRedis, withTenant } from './commandSetup.ts';
import { EXIT, wrongValue } from './exit.ts';
import { tenantName } from './flags.ts';
import { table, whenText } from './table.ts';
import type { Terminal } from './terminal.ts';

type AddFlags = {
  tenant: string;
  roles: Role[];
  expires?: Expiry;
  dailyCalls?: number | 'none';
  json?: boolean;
};

export function command(terminal: Terminal): Command {
  const add = new Command('add')
    .description('Create a key and print it, only this once: the hash alone is stored.')
    .argument('<name>', 'who uses it: a-z, 0-9, dot and hyphen', keyName)
    .option('--roles <list>', `of ${ROLES.join(', ')}`, rolesOf, ['enqueue', 'read'])
    .option('--tenant <name>', 'tenant whose searches and calls it uses', tenantName, 'default')
    .option('--expires <when>', 'days such as 90d, or a time such as 2030-01-31T00:00:00Z (never)', expiryOf)
    .option(
      '--daily-calls <n>',
      'its budget: calls to eBay a day that its searches may spend (none)',
      callsOf,
    );
  const budget = new Command('budget')
    .description(
      'Change the budget of a key: from its next call on. A first budget is for searches put in from now on.',
    )
    .argument('<id or name>', 'as `dpf keys list` shows it; a name changes all keys of that name')
    .argument('<calls>', 'calls to eBay a day, or none');
  const list = new Command('list').description('Show all keys; never the keys themselves.');
  const revoke = new Command('revoke')
    .description(
      'Revoke a key; it works for at most two more seconds. The favourites and notes of its person go with it.',
    )
    .argument('<id or name>', 'as `dpf keys list` shows it; a name revokes all keys of that name');
  return new Command('keys')
    .description('Keys for the HTTP API: who may call, as which tenant, and what.')
    .helpCommand(false)
    .addCommand(answering(add, terminal, addKey))
    .addCommand(answering(budget, terminal, setBudget))
    .addCommand(answering(list, terminal, () => listKeys(terminal)))
    .addCommand(answering(revoke, terminal, revokeKeys));
}

function addKey({ tenant, roles, expires, dailyCalls, json }: AddFlags, name = ''): Promise<Answer> {
  const config = loadConfig();
  return withTenant(config, tenant, async (_, redis) => {
    const keys = new ApiKeys(redis, config.queue.prefix);
    const expiry = expires === undefined ? null : expires(await keys.now());
    const { key, record } = await keys.add({
      name,
      tenant,
      roles,
      expiresAt: expiry,
      ...budgetOf(dailyCalls),
    });
    const { id, expiresAt } = record;
    const end = expiresAt === null ? 'never expires' : `expires ${whenText(expiresAt, await keys.now())}`;
    const most = record.dailyCalls === undefined ? '' : `; ${callsText(record.dailyCalls)}`;
    const notes = [
      `${name} (${id}) may ${roles.join(', ')} as tenant ${tenant}${most}; ${end}.`,
      'The key is not shown again. Send it as: Authorization: Bearer dpf_live_…',
    ];
    return { data: { key, ...record }, text: key, notes: json ? [] : notes };
  });
}

function listKeys(terminal: Terminal): Promise<Answer> {
  return withKeys(async (keys, spent) => {
    const data = await Promise.all(
      (await keys.list()).map(async (key) => ({ ...key, ...(await spent(key)) })),
    );
    return { data, text: keyTable(data, terminal) };
  });
}

function revokeKeys({ json }: { json?: boolean }, which = ''): Promise<Answer> {
  return withKeys(async (keys) => {
    const data = await keys.revoke(which);
    if (data.length > 0)
      return { data, text: data.map(({ id, name }) => `revoked ${id} (${name})`).join('\n') };
    return noSuchKey(which, json);
  });
}

function setBudget({ json }: { json?: boolean }, which = '', calls = ''): Promise<Answer> {
  const most = callsOf(calls);
  return withKeys(async (keys) => {
    const data = await keys.setBudget(which, most === 'none' ? null : most);
    if (data.length === 0) return noSuchKey(which, json);
    const text = data.map(({ id, name, dailyCalls }) => `${id} (${name}): ${callsText(dailyCalls)}`);
    return { data, text: text.join('\n') };
  });
}

function noSuchKey(which: string, json: boolean | undefined): Answer {
  const note = `dpf: no key has the id or name ${JSON.stringify(which)}`;
  return { data: [], notes: json ? [] : [note], exit: EXIT.failed };
}

/** What a key has spent today of its budget. */
type Spent = (key: ApiKey) => Promise<{ dailyCalls: number | null; usedToday: number | null }>;

function withKeys<T>(use: (keys: ApiKeys, spent: Spent) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const { prefix } = config.queue;
  return withRedis(config, (redis) =>
    use(new ApiKeys(redis, prefix), async ({ id, tenant, dailyCalls = null }) => {
      const options = { redis, prefix, tenant, tenantCalls: () => 0, runsTtlMs: 0 };
      const [budget] = dailyCalls === null ? [] : await new Budgets(options).read([`key:${id}`]);
      return { dailyCalls, usedToday: budget?.used ?? null };
    }),
  );
}

function budgetOf(calls: number | 'none' | undefined): { dailyCalls?: number } {
  return calls === undefined || calls === 'none' ? {} : { dailyCalls: calls };
}

function callsText(calls: number | undefined): string {
  return calls === undefined ? 'no budget of its own' : `at most ${countText(calls, 'call')} a day`;
}

function callsOf(text: string): number | 'none' {
  if (text === 'none') return text;
  if (/^\d{1,7}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_DAILY_CALLS) return Number(text);
  throw wrongValue(`the calls a day must be a whole number from 1 to ${MOST_DAILY_CALLS}, or none`, text);
}

function keyName(name: string): string {
  if (/^[a-z0-9.-]{1,60}$/.test(name)) return name;
  throw wrongValue('NAME must be 1 to 60 of the characters a-z, 0-9, dot and hyphen', name);
}

function rolesOf(list: string): Role[] {
  const names = [...new Set(list.split(',').map((role) => role.trim()))];
  const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (unknown === undefined) return names as Role[];
  throw wrongValue(`--roles must be of ${ROLES.join(', ')}, separated by commas`, unknown);
}

const DAY_MS = 24 * 3600 * 1000;

/** When a key expires, ms since the epoch. @param now by Redis's clock */
type Expiry = (now: number) => number;

function expiryOf(text: string): Expiry {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined && Number(days) > 0) return (now) => now + Number(days) * DAY_MS;
  const until = dayOrInstantIn(text);
  if (until !== undefined && until > Date.now()) return () => until;
  throw wrongValue('--expires must be days such as 90d or a future time such as 2030-01-31T00:00:00Z', text);
}

type ListedKey = Omit<ApiKey, 'dailyCalls'> & { lastUsedAt: string | null } & Awaited<ReturnType<Spent>>;

function keyTable(keys: readonly ListedKey[], terminal: Terminal): string {
  if (keys.length === 0) return 'no keys; create one with dpf keys add NAME';
  const instant = (iso: string | null) => (iso === null ? 'never' : instantText(iso));
  const spent = ({ dailyCalls, usedToday }: Pick<ListedKey, 'dailyCalls' | 'usedToday'>) =>
    dailyCalls === null ? '–' : `${numberText(usedToday ?? 0)} of ${numberText(dailyCalls)}`;
  const rows = keys.map(({ id, name, tenant, roles, createdAt, expiresAt, lastUsedAt, ...key }) => [
    ...[id, name, tenant, roles.join(','), spent(key), createdAt.slice(0, 10)],
    ...[instant(expiresAt), instant(lastUsedAt)],
  ]);
  const head = ['Id', 'Name', 'Tenant', 'Roles', 'Calls today', 'Created', 'Expires', 'Last used'];
  return table(rows, terminal, { head });
}
