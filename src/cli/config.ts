import { setTimeout as sleep } from 'node:timers/promises';
import Table from 'cli-table3';
import { Command } from 'commander';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { environment } from '../config/config.ts';
import { readJsonObject, unknownKeys } from '../config/files.ts';
import { type Content } from '../config/config.ts';
import { FORMATS, type FormatName } from '../config/formats.ts';
import { loadConfig } from '../config/load.ts';
import { reloadablePart } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import {
  type FleetDocument,
  FleetStore,
  NOTHING,
  type Parts,
  type ProcessReport,
  publishNext,
  type Versioned,
  withNewer,
} from '../fleet/fleetStore.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { quietLog, REDIS_WAIT_MS } from './commandSetup.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { NO_LINES, trimLines } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Shown {
  path: string;
  variable: string;
  value: unknown;
  default: unknown;
  changed: boolean;
  allowed: string;
  secret: boolean;
  doc: string;
}

interface Flags {
  fleet?: boolean;
  json?: boolean;
}

export function configCommand(terminal: Terminal, setExit: (code: ExitCode) => void): Command {
  return new Command('config')
    .description('Check the configuration and show every setting; secrets are masked.')
    .helpCommand(false)
    .option('--fleet', 'instead: what the fleet runs, and which process runs which version')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => (flags.fleet ? showFleet(terminal, flags) : show(terminal, flags)))
    .addCommand(
      new Command('apply')
        .description(
          'Make a file the configuration of the whole fleet, without a restart: settings, tenants, schedules.',
        )
        .argument(
          '<file>',
          'JSON as CONFIG_FILE, with "tenants" and "schedules" beside the settings if wanted',
        )
        .option('--json', 'print as JSON')
        .action(async (file: string, _flags: Flags, command: Command) =>
          setExit(await apply(terminal, file, command.optsWithGlobals())),
        ),
    );
}

function show(terminal: Terminal, { json }: Flags): void {
  const config = loadConfig();
  const shown = shownSettings(config);
  const forEbay = credentialProblems(config).map(({ name, message }) => `${name} ${message}`);
  if (json) {
    terminal.print(JSON.stringify({ settings: shown, forEbay }, null, 2));
    return;
  }
  terminal.print(settingsTable(shown, terminal));
  for (const problem of forEbay)
    terminal.note(`${terminal.paint('yellow', 'before dpf worker can start:')} ${problem}`);
}

export function shownSettings(config: Config): Shown[] {
  return settings().map(({ path, env, format, default: usual, doc, sensitive }) => {
    const [group, name] = path.split('.') as [string, string];
    const value = (config as unknown as Record<string, Record<string, unknown>>)[group]?.[name];
    return {
      path,
      variable: env,
      value: sensitive ? masked(String(value)) : value,
      default: usual,
      changed: value !== usual,
      allowed: FORMATS[format as FormatName].allowed,
      secret: sensitive,
      doc,
    };
  });
}

/** Nothing of a secret but that it is there; of a URL all but the user and the password. */
function masked(value: string): string {
  if (value === '') return '';
  // `new:KEY` would pass for a URL too.
  if (!value.includes('://') || !URL.canParse(value)) return '***';
  const url = new URL(value);
  const credentials = url.username !== '' || url.password !== '' ? '***@' : '';
  return `${url.protocol}//${credentials}${url.host}${url.pathname}`;
}

const GAP = 2;
const MOST_VALUE = 34;

function settingsTable(shown: readonly Shown[], { width, paint }: Terminal): string {
  const nameWidth = Math.max(...shown.map(({ variable }) => variable.length));
  const valueWidth = Math.min(
    Math.max(12, Math.floor(width / 4)),
    MOST_VALUE,
    Math.max(...shown.map((each) => valueText(each).length)),
  );
  const docWidth = Math.min(80, Math.max(20, width - nameWidth - valueWidth - 2 * GAP));
  const table = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    colWidths: [nameWidth + GAP, valueWidth + GAP, docWidth + GAP],
    wordWrap: true,
  });
  let group = '';
  for (const each of shown) {
    const [own] = each.path.split('.') as [string];
    if (own !== group) table.push(group === '' ? [paint('bold', own)] : [`\n${paint('bold', own)}`]);
    group = own;
    const value = wrap(valueText(each), valueWidth);
    const usual = each.changed ? ` (default: ${each.default === '' ? 'none' : each.default})` : '';
    table.push([each.variable, each.changed ? paint('green', value) : value, paint('dim', each.doc + usual)]);
  }
  return trimLines(table.toString());
}

function valueText({ value }: Shown): string {
  return value === '' ? '–' : String(value);
}

/** Values have no spaces to break at. */
function wrap(text: string, width: number): string {
  return (text.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']).join('\n');
}

export interface Applied {
  version: number;
  changed: boolean;
  /** Variables of settings in the file that only a restart changes. */
  needRestart: string[];
  /** Processes that run this version by now, and those that do not. */
  running: number;
  behind: ProcessReport[];
}

/** So long a command waits for the processes to follow, ms. */
const FOLLOW_MS = 3000;

/**
 * Makes a file the fleet's next version: settings as in CONFIG_FILE, `tenants` as in TENANTS_FILE, `schedules` as in
 * SCHEDULES_FILE, any of them. What it does not name stays; what it names is replaced. It wins over every file that was
 * changed earlier.
 * @throws ConfigError naming everything that is wrong; then nothing has changed
 */
export async function applyConfig(store: FleetStore, config: Config, path: string): Promise<Applied> {
  const { parts, needRestart } = readParts(path);
  const names = { settings: path, tenants: `${path}: tenants`, schedules: `${path}: schedules` };
  const { standing, changed } = await publishNext(
    store,
    NOTHING,
    (document) => withNewer(document, asNewest(parts, document)),
    (next) => void snapshotOf(next, { config, env: environment() }, names),
  );
  const giveUpAt = Date.now() + FOLLOW_MS;
  for (;;) {
    const processes = await store.processes();
    const behind = processes.filter(({ version }) => version < standing.version);
    const running = processes.length - behind.length;
    if (behind.length === 0 || behind.every(({ refused }) => refused !== undefined) || Date.now() >= giveUpAt)
      return { version: standing.version, changed, needRestart, running, behind };
    await sleep(100);
  }
}

function readParts(path: string): { parts: Parts; needRestart: string[] } {
  const read = readJsonObject(path);
  if ('problem' in read) throw new ConfigError([read.problem]);
  const { tenants, schedules, ...groups } = read.content;
  const problems = unknownKeys(path, groups);
  if (schedules !== undefined && !Array.isArray(schedules))
    problems.push({ name: `${path}: schedules`, message: 'must be a list' });
  if (Object.keys(read.content).length === 0) problems.push({ name: path, message: 'holds nothing' });
  if (problems.length > 0) throw new ConfigError(problems);
  const { reloadable, fixed } = reloadablePart(groups as Content);
  const at = Date.now();
  return {
    parts: {
      ...(Object.keys(groups).length === 0 ? {} : { settings: { at, value: reloadable } }),
      ...(tenants === undefined ? {} : { tenants: { at, value: tenants as never } }),
      ...(schedules === undefined ? {} : { schedules: { at, value: schedules as unknown[] } }),
    },
    needRestart: settings().flatMap(({ path: setting, env }) => {
      const [group, name] = setting.split('.') as [string, string];
      return fixed[group]?.[name] === undefined ? [] : [env];
    }),
  };
}

/** Files may come from a machine whose clock is ahead. */
function asNewest(parts: Parts, document: FleetDocument): Parts {
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [
      name,
      { ...part, at: Math.max(part.at, document[name as keyof Parts]?.at ?? 0) },
    ]),
  );
}

/** What the fleet runs. */
export async function showFleet(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const { store, close } = await openFleet(loadConfig());
  try {
    const [newest, processes] = await Promise.all([store.read(), store.processes()]);
    terminal.print(
      json ? JSON.stringify({ ...newest, processes }, null, 2) : fleetText(newest, processes, terminal),
    );
  } finally {
    close();
  }
}

/** Publishes a file and tells who follows. */
export async function apply(
  terminal: Terminal,
  file: string,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  const config = loadConfig();
  const { store, close } = await openFleet(config);
  try {
    const applied = await applyConfig(store, config, file);
    const { version, changed, needRestart, running, behind } = applied;
    if (json) terminal.print(JSON.stringify(applied, null, 2));
    else
      terminal.print(
        changed ? `version ${version}, run by ${running} processes` : `version ${version} says the same`,
      );
    for (const variable of needRestart)
      terminal.note(`${variable} needs a restart: set it in the files or the environment of the processes`);
    for (const { role, host, pid, refused = 'not yet' } of behind)
      terminal.note(`${role} ${host} ${pid} does not run it: ${refused}`);
    return behind.length === 0 ? EXIT.done : EXIT.incomplete;
  } finally {
    close();
  }
}

/** What the fleet runs, for a command that ends. @throws Failure `redis-unavailable` */
export async function openFleet(config: Config): Promise<{ store: FleetStore; close(): void }> {
  const redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return { store: new FleetStore(redis, config.queue.prefix), close: () => redis.disconnect() };
}

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
