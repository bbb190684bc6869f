import { Command } from 'commander';
import { ConfigError, environment } from '../config/config.ts';
import {
  nameProblem,
  readKeyset,
  type TenantDeclaration,
  tenantProblems,
  unknownTenant,
} from '../fleet/declaration.ts';
import {
  declarationsOf,
  type FleetDocument,
  NOTHING,
  type ProcessReport,
  publishNext,
} from '../fleet/fleetStore.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { type Answer, answering, withFleet } from './commandSetup.ts';
import { jsonFile, numberOrText } from './flags.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Adds, changes and removes tenants while the fleet runs. */
export function command(terminal: Terminal): Command {
  const list = new Command('list').description('Show all tenants and how many workers serve each.');
  const show = new Command('show')
    .description('Show one tenant; of its keyset only where it is.')
    .argument('<name>');
  const remove = new Command('remove')
    .description('Stop serving it; the jobs in its queues stay until it is added again.')
    .argument('<name>');
  return new Command('tenants')
    .description(
      'Keysets beside the one in the environment, each with limits, queues and results of its own.',
    )
    .helpCommand(false)
    .addCommand(answering(list, terminal, () => listTenants(terminal)))
    .addCommand(answering(show, terminal, (_flags, name = '') => showTenant(name)))
    .addCommand(answering(addCommand(), terminal, addTenant))
    .addCommand(answering(remove, terminal, (_flags, name = '') => removeTenant(name)));
}

function addCommand(): Command {
  return new Command('add')
    .description(
      'Add a tenant, or change the one of this name. Give the place of its secrets, not the secrets.',
    )
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--client-id-file <path>', 'file that holds the App ID, on every machine with a worker')
    .option('--client-id-env <variable>', 'or the environment variable that does')
    .option('--client-secret-file <path>', 'file that holds the Cert ID')
    .option('--client-secret-env <variable>', 'or the environment variable that does')
    .option('--environment <name>', 'sandbox or production')
    .option('--scopes <urls>', 'OAuth scopes, separated by spaces')
    .option('--marketplace <id>', 'marketplace of a search that names none')
    .option('--min-api-call-interval <seconds>', 'least time between two calls', numberOrText)
    .option('--daily-call-limit <n>', 'Browse calls a day', numberOrText)
    .option('--daily-calls <n>', 'its budget: calls a day that its searches may spend', numberOrText)
    .option('--backfill-share <share>', 'share of the day after which backfill searches stop', numberOrText)
    .option('--scheduled-share <share>', 'share of the day after which scheduled searches stop', numberOrText)
    .option('--concurrency <n>', 'pages that one worker handles at once for it', numberOrText)
    .option('--affiliate-campaign-id <digits>', 'its campaign of the eBay Partner Network')
    .option('--costs <file>', 'JSON file of its figures, for searches without costs', jsonFile('--costs'));
}

function listTenants(terminal: Terminal): Promise<Answer> {
  return withFleet(async (fleet) => {
    const data = tenantRows((await fleet.read()).document, await fleet.processes());
    const rows = data.map((row) => Object.values(row).map((value) => String(value ?? '–')));
    const head = ['Tenant', 'From', 'Marketplace', 'Interval', 'Daily limit', 'Budget', 'Workers'];
    return { data, text: rows.length === 0 ? 'no tenants' : table(rows, terminal, { head }) };
  });
}

function showTenant(name: string): Promise<Answer> {
  return withFleet(async (fleet) => {
    const { document } = await fleet.read();
    const declarations = declarationsOf(document);
    const declaration = Object.hasOwn(declarations, name) ? declarations[name] : undefined;
    if (declaration === undefined) throw unknownTenant(name, Object.keys(declarations));
    const row = tenantRows(document, await fleet.processes()).find((each) => each.name === name);
    const data = { ...row, declaration };
    return { data, text: JSON.stringify(data, null, 2) };
  });
}

type AddFlags = TenantDeclaration & { json?: boolean };

async function addTenant({ json: _, ...declaration }: AddFlags, name = ''): Promise<Answer> {
  const wrongName = nameProblem(name);
  const problems = tenantProblems(declaration);
  if (wrongName !== undefined) problems.unshift({ name, message: wrongName });
  if (problems.length > 0) throw new ConfigError(problems);
  const version = await publish(name, (added) => ({ ...added, [name]: declaration }));
  const { problem } = readKeyset(declaration, environment());
  const note = problem === undefined ? '' : `; its keyset cannot be read here, workers must: ${problem}`;
  return { data: { added: name, version, ...declaration }, text: `added ${name}${note}` };
}

async function removeTenant(name: string): Promise<Answer> {
  const version = await publish(name, (added) => {
    if (!Object.hasOwn(added, name)) throw unknownTenant(name, Object.keys(added));
    const { [name]: _, ...others } = added;
    return others;
  });
  return { data: { removed: name, version }, text: `removed ${name}` };
}

/** Publishes what was added as the next version. Returns the version that the fleet has now. */
function publish(name: string, change: (added: Added) => Added): Promise<number> {
  return withFleet(async (fleet, config) => {
    const changed = (document: FleetDocument) => {
      if (Object.hasOwn(document.tenants?.value ?? {}, name))
        throw new ConfigError([{ name, message: 'comes from TENANTS_FILE: change it there' }]);
      const next = { ...document, added: change(document.added) };
      return { document: next, changed: JSON.stringify(next) !== JSON.stringify(document), stale: [] };
    };
    const { current } = await publishNext(fleet, NOTHING, changed, (version) => {
      snapshotOf(version, { config, env: environment() });
    });
    return current.version;
  });
}

type Added = FleetDocument['added'];

/** A null is a setting that the tenant shares with the process that serves it. */
function tenantRows(document: FleetDocument, processes: readonly ProcessReport[]) {
  return Object.entries(declarationsOf(document))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, own]) => ({
      name,
      source: document.tenants?.value[name] === undefined ? 'command' : 'file',
      marketplace: own.marketplace ?? null,
      minApiCallInterval: own.minApiCallInterval ?? null,
      dailyCallLimit: own.dailyCallLimit ?? null,
      dailyCalls: own.dailyCalls ?? null,
      workers: processes.filter(({ role, tenants }) => role === 'worker' && tenants.includes(name)).length,
    }));
}
