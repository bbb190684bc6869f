import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError, type Content, environment, linesOf } from '../config/config.ts';
import { readJsonObject, unknownKeys } from '../config/files.ts';
import { FORMATS } from '../config/formats.ts';
import { isReloadable, loadConfig, loadWithOrigins, reloadablePart, withSettings } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import { formWarnings } from '../config/written.ts';
import { Failure } from '../failures.ts';
import { ownCostsProblems } from '../fleet/declaration.ts';
import {
  type FleetDocument,
  FleetStore,
  NOTHING,
  type Parts,
  publishNext,
  withNewer,
} from '../fleet/fleetStore.ts';
import { snapshotOf } from '../fleet/snapshot.ts';
import { type Answer, answering, withFleet, withRedis } from './commandSetup.ts';
import { EXIT } from './exit.ts';
import { GAP, table } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  fleet?: boolean;
  changed?: boolean;
  json?: boolean;
}

export function command(terminal: Terminal): Command {
  const config = new Command('config')
    .description('Check the configuration and show every setting; secrets are masked.')
    .helpCommand(false)
    .option('--changed', 'only what differs from its default, and where it comes from')
    .addOption(
      new Option('--fleet', 'instead: what the fleet runs, and which process runs which version').conflicts(
        'changed',
      ),
    );
  const apply = new Command('apply')
    .description(
      'Make a file the configuration of the whole fleet, without a restart: settings, tenants, schedules.',
    )
    .argument('<file>', 'JSON as CONFIG_FILE, with "tenants" and "schedules" beside the settings if wanted');
  return answering(config, terminal, ({ fleet, changed, json }: Flags) => {
    if (changed) return showChanged(terminal);
    return fleet ? showFleet(terminal) : showSettings(terminal, json);
  }).addCommand(answering(apply, terminal, (_flags, file = '') => applyFile(file)));
}

function showSettings(terminal: Terminal, json: boolean | undefined): Answer {
  const config = loadConfig();
  const problems = ownCostsProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const shown = shownSettings(config);
  const forEbay = linesOf(credentialProblems(config));
  const warnings = linesOf(formWarnings(config));
  const before = terminal.paint('yellow', 'before dpf worker can start:');
  const maybe = terminal.paint('yellow', 'looks wrong:');
  return {
    data: { settings: shown, forEbay, warnings },
    text: settingsTable(shown, terminal),
    notes: json
      ? []
      : [...forEbay.map((line) => `${before} ${line}`), ...warnings.map((line) => `${maybe} ${line}`)],
  };
}

/** What differs from its default in a process with this environment, the fleet's version among it. */
async function showChanged(terminal: Terminal): Promise<Answer> {
  const { config: own, origins } = loadWithOrigins();
  const { fleet, notes } = await fleetSettings(own);
  // A published version takes the place of what files say of the settings that it is about.
  const { config, problems } =
    fleet.value === undefined
      ? { config: own, problems: [] }
      : withSettings(own, fleet.value, { env: environment(), name: fleet.name });
  const data = shownSettings(config)
    .filter(({ changed }) => changed)
    .map(({ path, variable, value, default: usual }) => {
      const [group = '', name = ''] = path.split('.');
      const isFleets = fleet.value?.[group]?.[name] !== undefined && isReloadable(path);
      const origin = origins.get(path) ?? fleet.name;
      const isVariable = /^[A-Z0-9_]+$/.test(origin);
      const from = isVariable ? 'environment' : isFleets ? 'fleet' : 'file';
      const source = isFleets && !isVariable ? fleet.name : origin;
      return { path, variable, value, default: usual, from, source };
    });
  const rows = data.map(({ variable, value, default: usual, from, source }) => [
    variable,
    terminal.paint('green', plainText(value)),
    plainText(usual),
    from === 'fleet' ? source : source === variable ? from : `${from} ${source}`,
  ]);
  const head = ['Setting', 'Value', 'Default', 'From'];
  return {
    data,
    text: rows.length === 0 ? 'all settings have their defaults' : table(rows, terminal, { head }),
    notes: [...notes, ...linesOf(problems)],
  };
}

/** The settings of the fleet's version. Without Redis none are known. */
async function fleetSettings(config: Config): Promise<{
  fleet: { name: string; value: Content | undefined };
  notes: string[];
}> {
  try {
    const { version, document } = await withRedis(config, (redis) =>
      new FleetStore(redis, config.queue.prefix).read(),
    );
    const value = document.settings?.value as Content | undefined;
    return { fleet: { name: `fleet, version ${version}`, value }, notes: [] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const notes = [`without what the fleet has: ${error.message}`];
    return { fleet: { name: 'fleet', value: undefined }, notes };
  }
}

function plainText(value: unknown): string {
  if (value === '') return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function shownSettings(config: Config) {
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

function settingsTable(shown: ReturnType<typeof shownSettings>, terminal: Terminal): string {
  const { width, paint } = terminal;
  const nameWidth = Math.max(...shown.map(({ variable }) => variable.length));
  const valueWidth = Math.min(Math.max(12, Math.floor(width / 4)), 34);
  const docWidth = Math.min(80, Math.max(20, width - nameWidth - valueWidth - 2 * GAP));
  // Values have no spaces at which the table could wrap them.
  const line = new RegExp(`.{1,${valueWidth}}`, 'gu');
  const rows: string[][] = [];
  let group = '';
  for (const { path, variable, value, default: usual, changed, doc } of shown) {
    const [own = ''] = path.split('.');
    if (own !== group) rows.push([`${group === '' ? '' : '\n'}${paint('bold', own)}`]);
    group = own;
    const text = plainText(value).match(line)?.join('\n') ?? '';
    const formerly = changed ? ` (default: ${usual === '' ? 'none' : usual})` : '';
    rows.push([variable, changed ? paint('green', text) : text, paint('dim', doc + formerly)]);
  }
  return table(rows, terminal, { colWidths: [nameWidth, valueWidth, docWidth], wordWrap: true });
}

/** The newest version, and which process runs which. */
function showFleet(terminal: Terminal): Promise<Answer> {
  return withFleet(async (fleet) => {
    const [newest, processes] = await Promise.all([fleet.read(), fleet.processes()]);
    const { version, document } = newest;
    const parts = (['settings', 'tenants', 'schedules'] as const).flatMap((name) => {
      const part = document[name];
      return part === undefined ? [] : [`${name} of ${new Date(part.at).toISOString()}`];
    });
    const what = parts.join(', ') || 'tenants';
    const published = version === 0 ? 'nothing was published yet' : `version ${version}: ${what}`;
    const rows = processes.map(({ role, host, pid, release = '0.1', version: runs, tenants, refused }) => [
      ...[role, host, String(pid), release, String(runs), tenants.join(' ')],
      refused ?? (runs === version ? '' : 'not yet'),
    ]);
    const head = ['Role', 'Host', 'Pid', 'Release', 'Version', 'Tenants', ''];
    const reports = rows.length === 0 ? 'no process reports' : table(rows, terminal, { head });
    return { data: { ...newest, processes }, text: `${published}\n${reports}` };
  });
}

/**
 * Makes a file the fleet's next version: settings as in CONFIG_FILE, `tenants` as in TENANTS_FILE, `schedules` as in
 * SCHEDULES_FILE, any of them. What it does not name stays.
 * @throws ConfigError with everything that is wrong; then nothing has changed
 */
function applyFile(path: string): Promise<Answer> {
  return withFleet(async (fleet, config) => {
    const { parts, needRestart } = readParts(path, await fleet.now());
    const names = { settings: path, tenants: `${path}: tenants`, schedules: `${path}: schedules` };
    const change = (document: FleetDocument) => {
      // The published parts may come from a machine whose clock is ahead.
      for (const [name, part] of Object.entries(parts))
        part.at = Math.max(part.at, document[name as keyof Parts]?.at ?? 0);
      return withNewer(document, parts);
    };
    const { current, changed } = await publishNext(fleet, NOTHING, change, (next) => {
      snapshotOf(next, { config, env: environment() }, names);
    });
    const { version } = current;
    const { running, behind } = await followers(fleet, version);
    const restart = 'needs a restart: set it in the files or the environment of the processes';
    return {
      data: { version, changed, needRestart, running, behind },
      text: changed ? `version ${version}, run by ${running} processes` : `version ${version} says the same`,
      notes: [
        ...needRestart.map((variable) => `${variable} ${restart}`),
        ...behind.map(
          ({ role, host, pid, refused = 'not yet' }) => `${role} ${host} ${pid} does not run it: ${refused}`,
        ),
      ],
      exit: behind.length === 0 ? EXIT.done : EXIT.incomplete,
    };
  });
}

/** A file's parts, as of `at`, and the variables of those of its settings that only a restart changes. */
function readParts(path: string, at: number): { parts: Parts; needRestart: string[] } {
  const read = readJsonObject(path);
  if (read.problem !== undefined) throw new ConfigError([read.problem]);
  const { tenants, schedules, ...groups } = read.content;
  const problems = unknownKeys(path, groups);
  if (schedules !== undefined && !Array.isArray(schedules))
    problems.push({ name: `${path}: schedules`, message: 'must be a list' });
  if (Object.keys(read.content).length === 0) problems.push({ name: path, message: 'holds nothing' });
  if (problems.length > 0) throw new ConfigError(problems);
  const { reloadable, fixed } = reloadablePart(groups as Content);
  const parts: Parts = {};
  if (Object.keys(groups).length > 0) parts.settings = { at, value: reloadable };
  if (tenants !== undefined) parts.tenants = { at, value: tenants as never };
  if (schedules !== undefined) parts.schedules = { at, value: schedules as unknown[] };
  const needRestart = settings().flatMap(({ group, name, env }) =>
    fixed[group]?.[name] === undefined ? [] : env,
  );
  return { parts, needRestart };
}

/** Longest wait for the processes to run a new version, ms. */
const FOLLOW_TIMEOUT_MS = 3000;

/** Waits until each process runs the version or has refused it: how many run it, and which do not. */
async function followers(fleet: FleetStore, version: number) {
  const giveUpAt = performance.now() + FOLLOW_TIMEOUT_MS;
  for (;;) {
    const processes = await fleet.processes();
    const behind = processes.filter((process) => process.version < version);
    if (behind.every(({ refused }) => refused !== undefined) || performance.now() >= giveUpAt)
      return { running: processes.length - behind.length, behind };
    await sleep(100);
  }
}
