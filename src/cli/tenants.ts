import { Command } from 'commander';
import { ConfigError, environment } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
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
import { withFleet } from './commandSetup.ts';
import { numberOrText } from './flags.ts';
import { table } from './table.ts';
import { printData, type Terminal } from './terminal.ts';

interface Flags extends TenantDeclaration {
  json?: boolean;
}

/** Adds, changes and removes tenants while the fleet runs. */
export function command(terminal: Terminal): Command {
  const subcommand = (name: string, description: string) =>
    new Command(name).description(description).option('--json', 'print as JSON');
  return new Command('tenants')
    .description(
      'Keysets beside the one in the environment, each with limits, queues and results of its own.',
    )
    .helpCommand(false)
    .addCommand(
      subcommand('list', 'Show all tenants and how many workers serve each.').action(({ json }: Flags) =>
        list(terminal, json),
      ),
    )
    .addCommand(
      subcommand('show', 'Show one tenant; of its keyset only where it is.')
        .argument('<name>')
        .action((name: string) => show(terminal, name)),
    )
    .addCommand(addCommand().action((name: string, flags: Flags) => add(terminal, name, flags)))
    .addCommand(
      subcommand('remove', 'Stop serving it; the jobs in its queues stay until it is added again.')
        .argument('<name>')
        .action((name: string, { json }: Flags) => remove(terminal, name, json)),
    );
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
    .option('--backfill-share <share>', 'share of the day after which backfill searches stop', numberOrText)
    .option('--scheduled-share <share>', 'share of the day after which scheduled searches stop', numberOrText)
    .option('--concurrency <n>', 'pages that one worker handles at once for it', numberOrText)
    .option('--json', 'print as JSON');
}

function list(terminal: Terminal, json: boolean | undefined): Promise<void> {
  return withFleet(loadConfig(), async (fleet) => {
    const rows = tenantRows((await fleet.read()).document, await fleet.processes());
    printData(terminal, json, rows, rows.length === 0 ? 'no tenants' : tenantTable(rows, terminal));
  });
}

function show(terminal: Terminal, name: string): Promise<void> {
  return withFleet(loadConfig(), async (fleet) => {
    const { document } = await fleet.read();
    const declarations = declarationsOf(document);
    const declaration = declarations[name];
    if (declaration === undefined) throw unknownTenant(name, Object.keys(declarations));
    const row = tenantRows(document, await fleet.processes()).find((each) => each.name === name);
    terminal.print(JSON.stringify({ ...row, declaration }, null, 2));
  });
}

async function add(terminal: Terminal, name: string, { json, ...declaration }: Flags): Promise<void> {
  const wrongName = nameProblem(name);
  const problems = [
    ...(wrongName === undefined ? [] : [{ name, message: wrongName }]),
    ...tenantProblems(declaration),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const version = await publish((document) => {
    refuseIfFromFile(name, document);
    return { ...document, added: { ...document.added, [name]: declaration } };
  });
  const read = readKeyset(declaration, environment());
  const note = 'problem' in read ? `; its keyset cannot be read here, workers must: ${read.problem}` : '';
  printData(terminal, json, { added: name, version, ...declaration }, `added ${name}${note}`);
}

async function remove(terminal: Terminal, name: string, json: boolean | undefined): Promise<void> {
  const version = await publish((document) => {
    refuseIfFromFile(name, document);
    const { [name]: removed, ...added } = document.added;
    if (removed === undefined) throw unknownTenant(name, Object.keys(document.added));
    return { ...document, added };
  });
  printData(terminal, json, { removed: name, version }, `removed ${name}`);
}

function refuseIfFromFile(name: string, { tenants }: FleetDocument): void {
  if (tenants?.value[name] !== undefined)
    throw new ConfigError([{ name, message: 'comes from TENANTS_FILE: change it there' }]);
}

/** Publishes the changed document as the next version. Returns the version that the fleet has now. */
async function publish(change: (document: FleetDocument) => FleetDocument): Promise<number> {
  const config = loadConfig();
  const { current } = await withFleet(config, (fleet) =>
    publishNext(
      fleet,
      NOTHING,
      (document) => {
        const next = change(document);
        return { document: next, changed: JSON.stringify(next) !== JSON.stringify(document), stale: [] };
      },
      (version) => void snapshotOf(version, { config, env: environment() }),
    ),
  );
  return current.version;
}

/** A null is a setting that the tenant shares with the process that serves it. */
interface TenantRow {
  name: string;
  source: 'file' | 'command';
  marketplace: string | null;
  minApiCallInterval: number | null;
  dailyCallLimit: number | null;
  /** Workers that serve it now. */
  workers: number;
}

function tenantRows(document: FleetDocument, processes: readonly ProcessReport[]): TenantRow[] {
  return Object.entries(declarationsOf(document))
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

function tenantTable(rows: readonly TenantRow[], terminal: Terminal): string {
  return table(
    rows.map((row) => Object.values(row).map((value) => String(value ?? '–'))),
    terminal,
    { head: ['Tenant', 'From', 'Marketplace', 'Interval', 'Daily limit', 'Workers'] },
  );
}
