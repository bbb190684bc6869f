import Table from 'cli-table3';
import { Command } from 'commander';
import { credentialProblems } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { FORMATS, type FormatName } from '../config/formats.ts';
import { loadConfig } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import { apply, showFleet } from './configFleet.ts';
import type { ExitCode } from './exit.ts';
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
