import { type Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { OUTCOMES } from '../product/summary.ts';
import type { SearchProducer } from '../queue/producer.ts';
import {
  type ListedSearch,
  MOST_LISTED,
  type SearchListPart,
  type SearchListQuery,
  STATE_FILTERS,
} from '../queue/searchList.ts';
import { callerText, levelOf, stateDetail, stateWord } from '../text/searchList.ts';
import { durationText, numberText } from '../text/values.ts';
import { withProducer } from './commandSetup.ts';
import { UsageError } from './exit.ts';
import { wholeNumber } from './flags.ts';
import { GAP, table } from './table.ts';
import { type Colour, harmless, type Terminal } from './terminal.ts';

export interface ListFlags {
  list?: boolean;
  state?: string;
  text?: string;
  caller?: string;
  since?: string;
  limit?: number;
  cursor?: string;
}

const OF_THE_LIST = ['state', 'text', 'caller', 'since', 'limit', 'cursor'] as const;
const WITH_LIST: readonly string[] = ['list', 'tenant', 'json', ...OF_THE_LIST];

/** The options of `dpf search --list`. */
export function addListFlags(search: Command): Command {
  const options = [
    new Option('--list', 'show the searches that there are, newest first, also those of other programs'),
    new Option('--state <state>', 'only searches in this state, or that ended so').choices([
      ...STATE_FILTERS,
      ...OUTCOMES,
    ]),
    new Option('--text <words>', 'only searches with these words in their title, or with this id'),
    new Option(
      '--caller <name>',
      'only those asked for by this API key, schedule or watchlist, or by cli, page, …',
    ),
    new Option(
      '--since <when>',
      'only those added since then: 10m, 2h, 3d, or a time such as 2030-01-31T09:00:00Z',
    ),
    new Option('--limit <n>', `show at most so many (50, at most ${MOST_LISTED})`).argParser(
      wholeNumber('--limit', MOST_LISTED),
    ),
    new Option('--cursor <cursor>', 'go on where an earlier list ended'),
  ];
  for (const option of options) search.addOption(option.helpGroup('List of searches:'));
  return search;
}

/** Shows the list. @throws UsageError for an option that has no meaning with it */
export async function listSearches(
  terminal: Terminal,
  flags: ListFlags & { json?: boolean; tenant?: string },
  { isNamed, called }: { isNamed: boolean; called: Command },
): Promise<void> {
  if (isNamed) throw new UsageError('--list takes no query: --text finds searches by their words');
  const other = called.options.find(
    (option) =>
      called.getOptionValueSource(option.attributeName()) === 'cli' &&
      !WITH_LIST.includes(option.attributeName()),
  );
  if (other !== undefined) throw new UsageError(`--list takes no ${other.long}`);
  const { state, json, tenant, list: _, ...rest } = flags;
  const given = Object.fromEntries(OF_THE_LIST.map((name) => [name, rest[name as keyof typeof rest]]));
  const isOutcome = (OUTCOMES as readonly string[]).includes(state ?? '');
  const query = {
    ...given,
    ...(isOutcome ? { state: undefined, outcome: state } : { state }),
  } as SearchListQuery;
  const config: Config = loadConfig();
  await withProducer(config, tenant, async (producer) => {
    const part = await fullPart(producer, query);
    const { next } = part;
    const searches = part.searches.map(({ request: _request, ...listed }) => listed);
    if (json) {
      terminal.print(JSON.stringify({ searches, next }, null, 2));
      return;
    }
    const now = await producer.now();
    if (searches.length === 0) terminal.print('no searches');
    else terminal.print(searchTable(searches, now, terminal));
    if (next !== null) terminal.note(`older ones: --cursor ${next}`);
  });
}

/** A part of a filtered list may be short. */
async function fullPart(producer: SearchProducer, query: SearchListQuery): Promise<SearchListPart> {
  const { limit = 50 } = query;
  const found = await producer.list(query);
  while (found.next !== null && found.searches.length < limit) {
    const more = await producer.list({ ...query, cursor: found.next, limit: limit - found.searches.length });
    found.searches.push(...more.searches);
    found.next = more.next;
  }
  return found;
}

export function refuseListFlags(flags: ListFlags): void {
  const given = OF_THE_LIST.find((name) => flags[name] !== undefined);
  const meant = given === 'limit' ? '; products of a search are limited by --max-items' : '';
  if (given !== undefined) throw new UsageError(`--${given} needs --list${meant}`);
}

const COLOURS: Readonly<Record<ReturnType<typeof levelOf>, Colour>> = {
  good: 'green',
  some: 'yellow',
  bad: 'red',
  busy: 'bold',
};
const MIN_TITLE = 12;

interface Column {
  head: string;
  cell(search: ListedSearch): string;
  right?: boolean;
  /** Greatest width; longer cells end in `…`. */
  max?: number;
  /** Only in terminals of these widths. */
  from?: number;
}

/** First the title is cut, then whole columns are left out. */
export function searchTable(searches: readonly ListedSearch[], now: number, terminal: Terminal): string {
  const { width, paint } = terminal;
  const count = (value: number | null) => (value === null ? '–' : numberText(value));
  const sites = ({ marketplaces }: ListedSearch) =>
    marketplaces.map((id) => id.replace('EBAY_', '')).join(', ');
  const why = (search: ListedSearch) => stateDetail(search, now);
  const all: Column[] = [
    { head: 'State', cell: stateWord },
    { head: 'Age', cell: ({ age }) => durationText(age * 1000), right: true, from: 76 },
    { head: 'Search', cell: ({ title }) => title ?? '(cannot be read)' },
    { head: 'Market', cell: sites, max: 14, from: 120 },
    { head: 'Asked by', cell: ({ caller }) => callerText(caller), max: width < 120 ? 18 : 30, from: 100 },
    { head: 'Calls', cell: ({ calls }) => count(calls), right: true, from: 92 },
    { head: 'Products', cell: ({ products }) => count(products), right: true, from: 84 },
    { head: 'Id', cell: ({ searchId }) => searchId },
    ...(searches.some((search) => why(search) !== '')
      ? [{ head: 'Why', cell: why, max: 40, from: 140 }]
      : []),
  ];
  const columns = all.filter(({ from = 0 }) => width >= from);
  const rows = searches.map((search) => columns.map(({ cell }) => harmless(cell(search))));
  const colWidths = columns.map(({ head, max = 1000 }, at) =>
    Math.min(max, Math.max(head.length, ...rows.map((row) => (row[at] as string).length))),
  );
  const title = columns.findIndex(({ head }) => head === 'Search');
  const others = colWidths.reduce((sum, each, at) => (at === title ? sum : sum + each + GAP), 0);
  colWidths[title] = Math.min(colWidths[title] as number, Math.max(MIN_TITLE, width - others));
  const shown = rows.map((row, index) => {
    const [state = '', ...rest] = row;
    return [paint(COLOURS[levelOf(searches[index] as ListedSearch)], state), ...rest];
  });
  return table(shown, terminal, {
    head: columns.map(({ head }) => head),
    colWidths,
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
  });
}
