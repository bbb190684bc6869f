import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError, type Content, environment, linesOf } from '../config/config.ts';
import { readJsonObject, unknownKeys } from '../config/files.ts';
import { FORMATS } from '../config/formats.ts';
import { loadConfig, reloadablePart } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import {
  type FleetDocument,
  type FleetStore,
  NOTHING,
  type Parts,
  type ProcessReport,
  publishNext,
  type Versioned,
  withNewer,
} from '../fleet/fleetStore.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { withFleet } from './commandSetup.ts';
import { EXIT, type ExitCode, type SetExit } from './exit.ts';
import { GAP, table } from './table.ts';
import { printData, type Terminal } from './terminal.ts';

interface Flags {
  fleet?: boolean;
  json?: boolean;
}

export function command(terminal: Terminal, setExit: SetExit): Command {
  return new Command('config')
    .description('Check the configuration and show every setting; secrets are masked.')
    .helpCommand(false)
    .option('--fleet', 'instead: what the fleet runs, and which process runs which version')
    .option('--json', 'print as JSON')
    .action(({ fleet, json }: Flags) => (fleet ? showFleet(terminal, json) : showSettings(terminal, json)))
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
        .action(async (file: string, _flags: Flags, apply: Command) =>
          setExit(await applyFile(terminal, file, apply.optsWithGlobals<Flags>().json)),
        ),
    );
}

function showSettings(terminal: Terminal, json: boolean | undefined): void {
  const config = loadConfig();
  const shown = shownSettings(config);
  const forEbay = linesOf(credentialProblems(config));
  printData(terminal, json, { settings: shown, forEbay }, settingsTable(shown, terminal));
  if (json) return;
  for (const problem of forEbay)
    terminal.note(`${terminal.paint('yellow', 'before dpf worker can start:')} ${problem}`);
}

interface ShownSetting {
  path: string;
  variable: string;
  value: unknown;
  default: unknown;
  changed: boolean;
  allowed: string;
  secret: boolean;
  doc: string;
}

export function shownSettings(config: Config): ShownSetting[] {
  return settings().map(({ group, name, path, env, format, default: usual, doc, sensitive }) => {
    const value = (config as unknown as Content)[group]?.[name];
    return {
      path,
      variable: env,
      value: sensitive ? masked(String(value)) : value,
      default: usual,
      changed: value !== usual,
      allowed: FORMATS[format].allowed,
      secret: sensitive,
      doc,
    };
  });
}

/** `***` for a secret that is set; of a URL only user and password are masked. */
function masked(value: string): string {
  if (value === '') return '';
  // `new:KEY` parses as a URL too.
  if (!value.includes('://') || !URL.canParse(value)) return '***';
  const url = new URL(value);
  const credentials = url.username !== '' || url.password !== '' ? '***@' : '';
  return `${url.protocol}//${credentials}${url.host}${url.pathname}`;
}

const MAX_VALUE_WIDTH = 34;

function settingsTable(shown: readonly ShownSetting[], terminal: Terminal): string {
  const { width, paint } = terminal;
  const nameWidth = Math.max(...shown.map(({ variable }) => variable.length));
  const valueWidth = Math.min(Math.max(12, Math.floor(width / 4)), MAX_VALUE_WIDTH);
  const docWidth = Math.min(80, Math.max(20, width - nameWidth - valueWidth - 2 * GAP));
  const rows: string[][] = [];
  let group = '';
  for (const { path, variable, value, default: usual, changed, doc } of shown) {
    const [own = ''] = path.split('.');
    if (own !== group) rows.push([`${group === '' ? '' : '\n'}${paint('bold', own)}`]);
    group = own;
    const text = wrapped(value === '' ? '–' : String(value), valueWidth);
    const formerly = changed ? ` (default: ${usual === '' ? 'none' : usual})` : '';
    rows.push([variable, changed ? paint('green', text) : text, paint('dim', doc + formerly)]);
  }
  return table(rows, terminal, { colWidths: [nameWidth, valueWidth, docWidth], wordWrap: true });
}

/** Values have no spaces at which the table could wrap them. */
function wrapped(text: string, width: number): string {
  return (text.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']).join('\n');
}

function showFleet(terminal: Terminal, json: boolean | undefined): Promise<void> {
  return withFleet(loadConfig(), async (fleet) => {
    const [newest, processes] = await Promise.all([fleet.read(), fleet.processes()]);
    printData(terminal, json, { ...newest, processes }, fleetText(newest, processes, terminal));
  });
}

/** The newest version, and which process runs which. */
function fleetText(
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
    ...[role, host, String(pid), String(runs), tenants.join(' ')],
    refused ?? (runs === version ? '' : 'not yet'),
  ]);
  return `${newest}\n${table(rows, terminal, { head: ['Role', 'Host', 'Pid', 'Version', 'Tenants', ''] })}`;
}

interface Applied {
  version: number;
  changed: boolean;
  /** Variables of settings in the file that only a restart changes. */
  needRestart: string[];
  /** Number of processes that run this version. */
  running: number;
  behind: ProcessReport[];
}

/**
 * Makes a file the fleet's next version: settings as in CONFIG_FILE, `tenants` as in TENANTS_FILE, `schedules` as in
 * SCHEDULES_FILE, any of them. What it does not name stays.
 * @throws ConfigError with everything that is wrong; then nothing has changed
 */
function applyFile(terminal: Terminal, path: string, json: boolean | undefined): Promise<ExitCode> {
  const config = loadConfig();
  return withFleet(config, async (fleet) => {
    const { parts, needRestart } = readParts(path);
    const names = { settings: path, tenants: `${path}: tenants`, schedules: `${path}: schedules` };
    const { current, changed } = await publishNext(
      fleet,
      NOTHING,
      (document) => withNewer(document, asNewest(parts, document)),
      (next) => void snapshotOf(next, { config, env: environment() }, names),
    );
    const { version } = current;
    const { running, behind } = await followers(fleet, version);
    const applied: Applied = { version, changed, needRestart, running, behind };
    const text = changed
      ? `version ${version}, run by ${running} processes`
      : `version ${version} says the same`;
    printData(terminal, json, applied, text);
    for (const variable of needRestart)
      terminal.note(`${variable} needs a restart: set it in the files or the environment of the processes`);
    for (const { role, host, pid, refused = 'not yet' } of behind)
      terminal.note(`${role} ${host} ${pid} does not run it: ${refused}`);
    return behind.length === 0 ? EXIT.done : EXIT.incomplete;
  });
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
    needRestart: settings()
      .filter(({ group, name }) => fixed[group]?.[name] !== undefined)
      .map(({ env }) => env),
  };
}

/** The published parts may come from a machine whose clock is ahead. */
function asNewest(parts: Parts, document: FleetDocument): Parts {
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [
      name,
      { ...part, at: Math.max(part.at, document[name as keyof Parts]?.at ?? 0) },
    ]),
  );
}

/** Longest wait for the processes to run a new version, ms. */
const FOLLOW_TIMEOUT_MS = 3000;

/** Waits until each process runs the version or has refused it. */
async function followers(fleet: FleetStore, version: number): Promise<Pick<Applied, 'running' | 'behind'>> {
  const giveUpAt = Date.now() + FOLLOW_TIMEOUT_MS;
  for (;;) {
    const processes = await fleet.processes();
    const behind = processes.filter((process) => process.version < version);
    if (behind.every(({ refused }) => refused !== undefined) || Date.now() >= giveUpAt)
      return { running: processes.length - behind.length, behind };
    await sleep(100);
  }
}
