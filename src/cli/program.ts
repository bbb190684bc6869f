import { Command, CommanderError } from 'commander';
import { environment, packageVersion } from '../config/config.ts';
import { didYouMean } from '../config/files.ts';
import { misspeltVariables } from '../config/misspelt.ts';
import { settings } from '../config/schema.ts';
import { claimedId } from '../http/auth/apiKeys.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { EXIT, type ExitCode, errorJson, errorText, reportOf, UsageError } from './exit.ts';
import type { Terminal } from './terminal.ts';

type Load = () => Promise<{ command(terminal: Terminal): Command }>;

/** A command is loaded when it is called, so that help and a typing error take no time. */
const COMMANDS: Record<string, [summary: string, load: Load]> = {
  demo: ['Run it all on this machine with a simulated eBay', () => import('./demo.ts')],
  worker: ['Collect searches from eBay until stopped', () => import('./worker.ts')],
  serve: ['Answer other programs over HTTP', () => import('./serve.ts')],
  keys: ['Create, list and revoke API keys', () => import('./keys.ts')],
  search: ['Search eBay through a running worker', () => import('./search.ts')],
  facets: ['Show what narrows a search, with counts', () => import('./facets.ts')],
  item: ['Show listings with all variations', () => import('./item.ts')],
  token: ['Show, renew or clear the fleet’s eBay token', () => import('./token.ts')],
  quota: ['Show how many of today’s eBay calls are used', () => import('./quota.ts')],
  doctor: ['Find out what is wrong and what to do', () => import('./doctor.ts')],
  schedule: ['Run searches again and again', () => import('./schedule.ts')],
  watchlist: ['Watch listings for price, stock and end', () => import('./watchlist.ts')],
  alerts: ['Send a message when a price or a listing changes', () => import('./alerts.ts')],
  channels: ['Where alerts are sent: webhook, Discord, Slack, e-mail, …', () => import('./channels.ts')],
  plan: ['Show calls, delays and what would change them', () => import('./plan.ts')],
  events: ['Show what happened, or follow it', () => import('./events.ts')],
  simulate: ['Run an eBay of your own', () => import('./simulate.ts')],
  tenants: ['Add, show and remove further keysets', () => import('./tenants.ts')],
  config: ['Check and show the configuration', () => import('./config.ts')],
  completion: ['Complete commands and names in your shell', () => import('./completion.ts')],
  'growth-report': ['Show calls and efficiency by day, for eBay', () => import('./growthReport.ts')],
  compliance: ['Show what is stored of eBay’s answers, and for how long', () => import('./compliance.ts')],
  backup: ['Save keys, schedules, tracks and tenants', () => import('./backup.ts')],
  restore: ['Put a backup back', () => import('./restore.ts')],
};

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function run(args: string[], terminal: Terminal): Promise<ExitCode> {
  terminal.exit = EXIT.done;
  try {
    if (args[0] === 'completion' && args[1] === '--') return await complete(args.slice(2), terminal);
    refuseSecrets(args);
    const asked = args.length === 0 ? ['--help'] : args[0] === 'help' ? await helpOf(args.slice(1)) : args;
    const program = await createProgram(asked, terminal);
    await program.parseAsync(asked, { from: 'user' });
    return terminal.exit;
  } catch (error) {
    // `--help` and `--version` end commander by an error too.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // Of a command that needs one of its subcommands, commander has printed the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    const report = reportOf(error);
    const scrubber = await processScrubber();
    terminal.note(scrubber.text(wantsJson(args) ? errorJson(report) : errorText(report)));
    return report.exit;
  }
}

/** `dpf help schedule add` is `dpf schedule add --help`. @throws UsageError for a command that is none */
async function helpOf(names: readonly string[]): Promise<string[]> {
  const path = names.filter((name) => !name.startsWith('-'));
  let known = Object.keys(COMMANDS);
  for (const [at, name] of path.entries()) {
    if (!known.includes(name)) {
      const command = path.slice(0, at + 1).join(' ');
      throw new UsageError(
        `there is no command ${command}${didYouMean(name, known) || '; dpf help shows all'}`,
      );
    }
    if (at > 0) break;
    const subcommands = (await loaded(name))?.commands ?? [];
    known = subcommands.map((each) => each.name());
  }
  return [...path, '--help'];
}

/** A command with its options and subcommands; undefined where there is none of this name. */
async function loaded(name: string): Promise<Command | undefined> {
  const [summary, load] = (Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined) ?? [];
  return load === undefined ? undefined : (await load()).command(QUIET).summary(summary as string);
}

/** For commands that are looked at and not run. */
const QUIET = { paint: (_colour, text) => text } as Terminal;

/** `dpf completion -- WORDS`, which a shell calls at each press of Tab. No error is shown there. */
async function complete(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const { completionsOf } = await import('./completing.ts');
  const summaries = Object.entries(COMMANDS).map(([name, [summary]]) => ({ value: name, about: summary }));
  const lines = await completionsOf(words, { summaries, load: loaded }).catch(() => []);
  if (lines.length > 0) terminal.print(lines.join('\n'));
  return EXIT.done;
}

/** Commands that do not read the machine's settings. */
const WITHOUT_SETTINGS = new Set(['demo', 'simulate', 'completion']);
/** Commands whose stderr is a log. */
const WITH_LOG = new Set(['worker', 'serve']);

/** Names variables of the environment that were probably meant as settings, and that nothing reads. */
function warnOfVariables(called: string, terminal: Terminal, json: boolean): void {
  if (WITHOUT_SETTINGS.has(called) || WITH_LOG.has(called)) return;
  for (const { name, message } of misspeltVariables(environment())) {
    const text = `${name} in the environment ${message}`;
    terminal.note(json ? JSON.stringify({ warning: { variable: name, message: text } }) : `dpf: ${text}`);
  }
}

async function createProgram(args: string[], terminal: Terminal): Promise<Command> {
  const program = new Command('dpf')
    .description('Answers eBay product searches within eBay’s call limits.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP);
  const called = args.find((arg) => !arg.startsWith('-'));
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const command = name === called ? (await load()).command(terminal) : new Command(name);
    program.addCommand(command.summary(summary));
  }
  program.hook('preAction', () => warnOfVariables(called ?? '', terminal, wantsJson(args)));
  const width = () => Math.min(terminal.width, 120);
  for (const command of [program, ...program.commands.flatMap((each) => [each, ...each.commands])])
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      // `run` prints errors.
      outputError: () => undefined,
      getOutHelpWidth: width,
      getErrHelpWidth: width,
    });
  return program;
}

function wantsJson(args: string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).includes('--json');
}

/** Options, in any spelling, by which people would pass a secret. */
const SECRET_OPTION =
  /^--?(ebay-?)?((client|app|cert|dev)-?id|(client-?|app-?)?secret|(access-?)?token|password|passwd|api-?key|authorization|encryption-?keys?|redis(-?url|-?password)?)(=|$)/i;

/** Secrets by their form: a signing secret, the token of a bot, the address of a webhook of Discord or Slack. */
const SECRET_FORM =
  /whsec_[\w+/]{16}|^\d{6,20}:[\w-]{20}|^https:\/\/([\w-]+\.)*(discord(app)?\.com\/api\/([\w]+\/)?webhooks|slack(-gov)?\.com\/services)\//i;

/** Arguments are visible to every user of the machine (`ps`). @throws UsageError that does not repeat the value */
export function refuseSecrets(args: readonly string[]): void {
  const secretSettings = new Set(settings().flatMap(({ env, sensitive }) => (sensitive ? [env] : [])));
  for (const arg of args) {
    if (arg === '--') return;
    const keyId = claimedId(arg);
    const why = 'is not accepted as an argument, because arguments are visible in ps';
    if (keyId !== undefined) throw new UsageError(`an API key ${why}: use its id, ${keyId}`);
    if (SECRET_FORM.test(arg.replace(/^--?[\w-]+=/, '')))
      throw new UsageError(`a secret ${why}: leave it out; it is asked for, or read from stdin`);
    const name = arg.replace(/=.*$/s, '');
    if (SECRET_OPTION.test(arg) || (arg.includes('=') && secretSettings.has(name)))
      throw new UsageError(`${name} ${why}: pass secrets by environment or file (…_FILE)`);
  }
}

/** Masks this process's secrets in an error that may hold anything. Loads the configuration; never throws. */
export async function processScrubber(): Promise<Scrubber> {
  const { Scrubber } = await import('../telemetry/scrubber.ts');
  const { secretsOf, secretsOfEnvironment } = await import('../config/secrets.ts');
  const { loadConfig } = await import('../config/load.ts');
  const scrubber = new Scrubber();
  try {
    scrubber.learn(secretsOf(loadConfig()));
  } catch {
    scrubber.learn(secretsOfEnvironment());
  }
  return scrubber;
}

const AFTER_HELP = `
Each command has --help (or: dpf help COMMAND), and --json where it prints data. Start with: dpf demo
Your shell completes commands, options and names: dpf completion --help

Exit codes: 0 done · 1 failed · 2 usage · 3 configuration · 4 Redis, eBay or a port in use
            5 partial, degraded, cancelled or skipped · 130 interrupted`;
