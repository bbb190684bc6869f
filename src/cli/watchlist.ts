import { createReadStream } from 'node:fs';
import { Command, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import {
  type ImportReport,
  WATCH_STATES,
  type WatchedEntry,
  type WatchlistReport,
  type Watchlists,
  type WatchState,
} from '../queue/watch/watchlists/watchlists.ts';
import { countText, durationText, instantText, numberText } from '../text/values.ts';
import { allEntries, STATE_TEXT, watchedCsv } from '../text/watchlists.ts';
import { type Answer, answering, withProducer } from './commandSetup.ts';
import { CommandError, EXIT, UsageError } from './exit.ts';
import { numberOrText, place, tenantName, wholeNumber } from './flags.ts';
import { amountText, fieldLines, table } from './table.ts';
import { harmless, progressLine, type Terminal } from './terminal.ts';

/** Options of a list as flags; `option` is the field that a flag sets. */
const OPTIONS: ReadonlyArray<[option: string, flags: string, description: string, parse?: Parse]> = [
  ['marketplace', '--marketplace <id>', 'site that is asked, such as EBAY_DE'],
  ['atLeastEvery', '--at-least-every <seconds>', 'longest time between two looks (21600)', numberOrText],
  ['atMostEvery', '--at-most-every <seconds>', 'least time between two looks', numberOrText],
  ['value', '--value <n>', 'worth of a change, compared with other lists and schedules (1)', numberOrText],
  ['shipTo', '--ship-to <place>', 'US or US:19406: for shipping and days of arrival', place],
  ['quantity', '--quantity', 'watch how many are left too: one call for each listing in each look'],
  ['quantity', '--no-quantity', 'watch only whether there are any'],
  ['dailyCalls', '--daily-calls <n>', 'calls a day that its looks are spaced for', numberOrText],
];
type Parse = (text: string) => unknown;

type Tenant = { tenant?: string; json?: boolean };
type Options = Tenant & Record<string, unknown>;
type ImportFlags = Options & {
  name: string;
  column?: string;
  replace?: boolean;
  remove?: boolean;
  skipWrong?: boolean;
  dryRun?: boolean;
};
type ShowFlags = Tenant & { state?: WatchState; csv?: boolean; limitRows?: number };

export function command(terminal: Terminal): Command {
  const parent = new Command('watchlist')
    .description('Watch listings for price, stock, days of arrival, end and return.')
    .helpCommand(false);
  const importing = withOptions(
    new Command('import')
      .description(
        'Make a list from a file, or add to it. The file is CSV with one listing a line; its other columns are kept beside it.',
      )
      .argument('<file>', 'CSV, or - for stdin')
      .requiredOption('--name <name>', 'of the list: a-z, 0-9 and hyphen')
      .option('--tenant <name>', 'tenant whose list it is', tenantName)
      .option('--column <name>', 'column with the listings (item, itemId, url, …)')
      .addOption(new Option('--replace', 'remove the listings that are not in the file').conflicts('remove'))
      .option('--remove', 'remove the listings that are in the file')
      .option('--skip-wrong', 'import what is right; else a wrong line stops all')
      .option('--dry-run', 'say what would change; store nothing'),
  );
  parent.addCommand(
    answering(importing, terminal, (flags: ImportFlags, file = '') => importFile(file, flags, terminal)),
  );

  const add = <Flags extends Tenant>(
    subcommand: Command,
    use: (lists: Watchlists, name: string, flags: Flags) => Promise<Answer>,
  ) => {
    subcommand.option('--tenant <name>', 'tenant whose lists they are', tenantName);
    parent.addCommand(
      answering(subcommand, terminal, (flags: Flags, name = '') =>
        withProducer(loadConfig(), flags.tenant, ({ watchlists }) => use(watchlists, name, flags)),
      ),
    );
  };
  add(new Command('list').description('Show all lists.'), async (lists) => {
    const data = await lists.list();
    return { data, text: data.length === 0 ? 'no watchlists' : listTable(data, terminal) };
  });
  const show = new Command('show')
    .description('Show a list and its listings.')
    .argument('<name>')
    .addOption(new Option('--state <state>', 'only listings in this state').choices(WATCH_STATES))
    .option('--limit-rows <n>', 'show at most so many listings (20)', wholeNumber('--limit-rows', 20_000))
    .option('--csv', 'print all its listings as CSV, with your own columns');
  add(show, (lists, name, flags: ShowFlags) => showList(lists, name, flags, terminal));
  const change = new Command('change')
    .description('Change options of a list; its listings stay.')
    .argument('<name>');
  add(withOptions(change), async (lists, name, flags: Options) => {
    const { upsertList } = await import('../queue/watch/watchlists/upsert.ts');
    const changes = optionsOf(flags);
    if (Object.keys(changes).length === 0)
      throw new UsageError('name an option to change: --help shows them');
    const data = await upsertList(lists, { ...changes, name }, { mustExist: true }).catch((error) => {
      throw withPlaces(error);
    });
    return { data, text: listText(data, terminal) };
  });
  add(
    new Command('pause').description('Look at it no more until it is resumed.').argument('<name>'),
    async (lists, name) => {
      const text = (await lists.pause(name)) ? `paused ${name}` : `${name} was paused already`;
      return { data: await lists.get(name), text };
    },
  );
  add(new Command('resume').description('Look at it again.').argument('<name>'), async (lists, name) => {
    const text = (await lists.resume(name)) ? `resumed ${name}` : `${name} was not paused`;
    return { data: await lists.get(name), text };
  });
  add(
    new Command('remove').description('Remove a list with all that was seen.').argument('<name>'),
    async (lists, name) => {
      await lists.remove(name);
      return { data: { removed: name }, text: `removed ${name}` };
    },
  );
  return parent;
}

function withOptions(command: Command): Command {
  for (const [, flags, description, parse] of OPTIONS) {
    const option = new Option(flags, description);
    command.addOption(parse === undefined ? option : option.argParser(parse));
  }
  return command;
}

/** The options of the list that were given. */
function optionsOf(flags: Options): Record<string, unknown> {
  const given = OPTIONS.map(([option, name]) => [option, flags[new Option(name).attributeName()]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

async function importFile(file: string, flags: ImportFlags, terminal: Terminal): Promise<Answer> {
  const { name, tenant, column, skipWrong, dryRun } = flags;
  const csv = await contentOf(file);
  const mode = flags.replace ? 'replace' : flags.remove ? 'remove' : 'add';
  const { importWith } = await import('../queue/watch/watchlists/upsert.ts');
  const progress = progressLine(terminal);
  const began = performance.now();
  const seconds = () => durationText(performance.now() - began);
  if (terminal.live) progress.show(() => `importing ${file === '-' ? 'stdin' : file}, ${seconds()}`);
  try {
    return await withProducer(loadConfig(), tenant, async ({ watchlists }) => {
      const source = column === undefined ? { csv } : { csv, column };
      const changes = { ...optionsOf(flags), name };
      const data = await importWith(watchlists, changes, source, { mode, skipWrong, dryRun });
      const skipped = data.skipped.map(
        ({ line, column: at, message }) => `left out ${placeText(line, at)}: ${message}`,
      );
      const notes = flags.json ? [] : skipped;
      const exit = skipped.length > 0 ? EXIT.incomplete : EXIT.done;
      return { data, text: importText(name, data, dryRun), notes, exit };
    });
  } catch (error) {
    throw withPlaces(error, file);
  } finally {
    progress.end();
  }
}

/** Of a file, bytes: more than 20,000 lines of a spreadsheet. */
const MAX_FILE = 100_000_000;

/** @throws UsageError */
async function contentOf(file: string): Promise<Buffer> {
  const problem = (what: string) => new UsageError(`${file}: ${what}`);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      size += chunk.length;
      if (size > MAX_FILE) throw problem(`has more than ${numberText(MAX_FILE / 1_000_000)} MB`);
      chunks.push(Buffer.from(chunk));
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw problem(code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`);
  }
  return Buffer.concat(chunks);
}

/** An error about lines, or about options of a list, as people know them. */
function withPlaces(error: unknown, file?: string): unknown {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') return error;
  const isWhole = (path: string) => path === 'entries';
  const errors = (error.detail.errors ?? []).map(({ path, ...each }) => {
    const [, line, column = null] = /^(\d+)(?:\.(.*))?$/s.exec(path) ?? [];
    const place = line === undefined ? undefined : placeText(Number(line), column);
    return { ...each, path, option: isWhole(path) ? 'file' : (place ?? optionOf(path, file)) };
  });
  const isOfFile = errors.some(({ path }) => isWhole(path) || /^\d/.test(path));
  if (file === undefined || !isOfFile)
    return new Failure(error.code, error.message, { ...error.detail, errors });
  const hint = errors.some(({ path }) => isWhole(path)) ? '' : '; --skip-wrong imports the rest';
  const message = `nothing was imported, because ${file === '-' ? 'stdin' : file} is wrong${hint}`;
  return new CommandError(EXIT.usage, error.code, message, { errors });
}

/** The name of a list is an option where a file is imported. */
function optionOf(path: string, file: string | undefined): string | undefined {
  if (path === 'name' && file !== undefined) return '--name';
  return OPTIONS.find(([name]) => name === path.split('.')[0])?.[1].split(' ')[0];
}

/** Line 0 stands for the whole file. */
function placeText(line: number, column: string | null): string {
  const at = column === null ? '' : `, ${harmless(column)}`;
  return line === 0 ? 'file' : `line ${line}${at}`;
}

function importText(name: string, report: ImportReport, dryRun = false): string {
  const { lines, duplicates, entries, skipped } = report;
  const changes = (['added', 'changed', 'unchanged', 'removed', 'absent'] as const)
    .filter((change) => report[change] > 0)
    .map((change) => `${numberText(report[change])} ${change === 'absent' ? 'not in the list' : change}`);
  const twice = duplicates > 0 ? [`${numberText(duplicates)} named twice`] : [];
  const wrong = skipped.length > 0 ? [`${numberText(skipped.length)} left out`] : [];
  const what = [...changes, ...twice, ...wrong].join(', ') || 'nothing changed';
  const has = dryRun ? 'would have' : 'has';
  return `${countText(lines, 'line')}: ${what}\n${name} ${has} ${countText(entries, 'listing')}`;
}

/** One line for each list. */
function listTable(lists: readonly WatchlistReport[], terminal: Terminal): string {
  const rows = lists.map((list) => [
    ...[list.name, list.marketplace, numberText(list.entries)],
    ...WATCH_STATES.map((state) => numberText(list.counts[state])),
    ...[numberText(Math.ceil(list.callsPerDay)), list.state],
  ]);
  const head = ['Name', 'Site', 'Listings', 'Waiting', 'In stock', 'Out', 'Ended', 'Calls a day', 'State'];
  const right = (at: number) => (at >= 2 && at <= 7 ? 'right' : 'left');
  return table(rows, terminal, { head, colAligns: head.map((_, at) => right(at)) });
}

/** Everything about one list. */
function listText(list: WatchlistReport, terminal: Terminal): string {
  const { searches, bySearch, byItem, unknown } = list.groups;
  const ways = [
    bySearch > 0 &&
      `${numberText(bySearch)} by ${searches === 1 ? '1 search' : `${numberText(searches)} searches`}`,
    byItem > 0 && `${numberText(byItem)} by a call each`,
    unknown > 0 && `${numberText(unknown)} not known yet`,
  ].filter((way) => way !== false);
  const states = WATCH_STATES.filter((state) => list.counts[state] > 0);
  const every = (seconds: number) => durationText(seconds * 1000);
  const { shipTo, dailyCalls } = list;
  return fieldLines(terminal, [
    ['name', list.name],
    ['state', list.state],
    ['site', list.marketplace],
    ...(shipTo ? [['ships to', [shipTo.country, shipTo.postalCode].filter(Boolean).join(' ')] as const] : []),
    ['listings', numberText(list.entries)],
    ['', states.map((state) => `${numberText(list.counts[state])} ${STATE_TEXT[state]}`).join(', ') || '–'],
    ['looked at', `at least every ${every(list.atLeastEvery)}, at most every ${every(list.atMostEvery)}`],
    ['', ways.join(', ') || '–'],
    [
      'costs',
      `${numberText(Math.ceil(list.callsPerLook))} calls a look, ${numberText(Math.ceil(list.callsPerDay))} a day`,
    ],
    ...(dailyCalls ? [['limit', `${countText(dailyCalls, 'call')} a day`] as const] : []),
    ['all seen since', list.lastLook === null ? '–' : instantText(list.lastLook)],
  ]);
}

const ROWS = 20;

/** A list and its listings, as a text or as CSV. */
export async function showList(
  lists: Watchlists,
  name: string,
  flags: ShowFlags,
  terminal: Terminal,
): Promise<Answer> {
  const { state, csv, json, limitRows } = flags;
  if (csv && json) throw new UsageError('give --json or --csv, not both');
  const report = await lists.get(name);
  const most = limitRows ?? (csv || json ? Number.POSITIVE_INFINITY : ROWS);
  const found: WatchedEntry[] = [];
  for await (const part of allEntries((page) => lists.entries(name, { ...page, state }))) {
    found.push(...part);
    if (found.length > most) break;
  }
  const entries = found.slice(0, most);
  if (csv) return { data: entries, text: watchedCsv(entries), isFile: true };
  const more = found.length > most ? ['… and more: --limit-rows, --csv and --json show them'] : [];
  const shownEntries = entries.length === 0 ? [] : ['', entryTable(entries, terminal), ...more];
  return {
    data: { ...report, listings: entries },
    text: [listText(report, terminal), ...shownEntries].join('\n'),
  };
}

/** One line for each listing. */
function entryTable(entries: readonly WatchedEntry[], terminal: Terminal): string {
  const rows = entries.map(({ item, state, price, shipping, columns, ...entry }) => [
    ...[item, STATE_TEXT[state], price === null ? '–' : amountText(price)],
    ...[shipping === null ? '–' : amountText(shipping), quantityText(entry)],
    ...[
      entry.lastSeen === null ? '–' : instantText(entry.lastSeen),
      harmless(Object.values(columns).join(' · ')),
    ],
  ]);
  const head = ['Listing', 'State', 'Price', 'Shipping', 'Left', 'Seen', 'Own columns'];
  return table(rows, terminal, { head });
}

function quantityText({
  quantity,
  quantityMoreThan,
}: Pick<WatchedEntry, 'quantity' | 'quantityMoreThan'>): string {
  if (quantity !== null) return numberText(quantity);
  return quantityMoreThan === null ? '–' : `more than ${numberText(quantityMoreThan)}`;
}
