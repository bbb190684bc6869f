import { Command } from 'commander';
import { type Config, ConfigError } from '../config/config.ts';
import { environment } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Failure } from '../failures.ts';
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
  type FleetStore,
  NOTHING,
  type ProcessReport,
  publishNext,
} from '../fleet/fleetStore.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { lineTable, openFleet } from './config.ts';
import type { Terminal } from './terminal.ts';

interface Flags extends TenantDeclaration {
  json?: boolean;
}

/** Adding, changing and removing tenants while the fleet runs. */
export function tenantsCommand(terminal: Terminal): Command {
  const print = ({ json }: Flags, data: unknown, text: string) =>
    terminal.print(json ? JSON.stringify(data, null, 2) : text);
  const withJson = (command: Command) => command.option('--json', 'print as JSON');
  return new Command('tenants')
    .description(
      'Keysets beside the one in the environment, each with limits, queues and results of its own.',
    )
    .helpCommand(false)
    .addCommand(
      withJson(new Command('list').description('Show all tenants and how many workers serve each.')).action(
        async (flags: Flags) => {
          const { store, close } = await openFleet(loadConfig());
          try {
            const rows = tenantRows((await store.read()).document, await store.processes());
            print(flags, rows, rows.length === 0 ? 'no tenants' : tenantText(rows, terminal));
          } finally {
            close();
          }
        },
      ),
    )
    .addCommand(
      withJson(
        new Command('show')
          .description('Show one tenant; of its keyset only where it is.')
          .argument('<name>'),
      ).action(async (name: string, flags: Flags) => {
        const { store, close } = await openFleet(loadConfig());
        try {
          const { document } = await store.read();
          const declarations = declarationsOf(document);
          const declaration = declarations[name];
          if (declaration === undefined) throw notFound(name, declarations);
          const [row] = tenantRows(document, await store.processes(), name);
          const data = { ...row, declaration };
          print(flags, data, JSON.stringify(data, null, 2));
        } finally {
          close();
        }
      }),
    )
    .addCommand(addCommand(print))
    .addCommand(
      withJson(
        new Command('remove')
          .description('Serve it no more; what waits in its queues stays there until it is added again.')
          .argument('<name>'),
      ).action(async (name: string, flags: Flags) => {
        const version = await change(loadConfig(), (document) => {
          if (document.tenants?.value[name] !== undefined) throw managedByFile(name);
          if (document.added[name] === undefined) throw notFound(name, document.added);
          const { [name]: _, ...added } = document.added;
          return { ...document, added };
        });
        print(flags, { removed: name, version }, `removed ${name}`);
      }),
    );
}

function addCommand(print: (flags: Flags, data: unknown, text: string) => void): Command {
  return new Command('add')
    .description('Add a tenant, or change the one of this name. Secrets are named, never given.')
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--client-id-file <path>', 'file that holds the App ID, on every machine with a worker')
    .option('--client-id-env <variable>', 'or the environment variable that does')
    .option('--client-secret-file <path>', 'file that holds the Cert ID')
    .option('--client-secret-env <variable>', 'or the environment variable that does')
    .option('--environment <name>', 'sandbox or production')
    .option('--scopes <urls>', 'OAuth scopes, separated by spaces')
    .option('--marketplace <id>', 'marketplace of a search that names none')
    .option('--min-api-call-interval <seconds>', 'least time between two calls', number)
    .option('--daily-call-limit <n>', 'Browse calls a day', number)
    .option('--backfill-share <share>', 'share of the day after which backfill searches stop', number)
    .option('--scheduled-share <share>', 'share of the day after which scheduled searches stop', number)
    .option('--concurrency <n>', 'pages that one worker handles at once for it', number)
    .option('--json', 'print as JSON')
    .action(async (name: string, flags: Flags) => {
      const { json: _, ...declaration } = flags;
      const wrongName = nameProblem(name);
      const problems = [
        ...(wrongName === undefined ? [] : [{ name, message: wrongName }]),
        ...tenantProblems(declaration),
      ];
      if (problems.length > 0) throw new ConfigError(problems);
      const version = await change(loadConfig(), (document) => {
        if (document.tenants?.value[name] !== undefined) throw managedByFile(name);
        return { ...document, added: { ...document.added, [name]: declaration } };
      });
      const read = readKeyset(declaration, environment());
      const note = 'problem' in read ? `; its keyset cannot be read here, workers must: ${read.problem}` : '';
      print(flags, { added: name, version, ...declaration }, `added ${name}${note}`);
    });
}

/** The next version with another document. */
async function change(config: Config, next: (document: FleetDocument) => FleetDocument): Promise<number> {
  const { store, close } = await openFleet(config);
  try {
    return (await publish(store, config, next)).standing.version;
  } finally {
    close();
  }
}

function publish(store: FleetStore, config: Config, next: (document: FleetDocument) => FleetDocument) {
  return publishNext(
    store,
    NOTHING,
    (document) => {
      const changed = next(document);
      return { document: changed, changed: JSON.stringify(changed) !== JSON.stringify(document), stale: [] };
    },
    (version) => void snapshotOf(version, { config, env: environment() }),
  );
}

function notFound(name: string, known: object): Failure {
  return unknownTenant(name, Object.keys(known));
}

function managedByFile(name: string): ConfigError {
  return new ConfigError([{ name, message: 'comes from TENANTS_FILE: change it there' }]);
}

/** Text that is no number stays text, to be refused by the field's name. */
function number(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

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
