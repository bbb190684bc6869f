import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { FoundCategories } from '../ebay/taxonomy.ts';
import { Failure } from '../failures.ts';
import { isMarketplace } from '../product/marketplaces.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { SearchFacets, SearchSummary } from '../product/summary.ts';
import { distanceText, numberText } from '../text/values.ts';
import { withEbay, withProducer } from './commandSetup.ts';
import { EXIT, type ExitCode, searchFailed, UsageError, wrongValue } from './exit.ts';
import { addRequestFlags, oneQuery, requestFrom, wholeNumber, withOptions } from './flags.ts';
import { ENDS, waitFor } from './search.ts';
import { table } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

/** Seconds in which a repeated command costs no call: counts of listings change slowly. */
const MAX_AGE = 3600;
/** Fields without an option: listings that are named have no facets, and facets are what this is about. */
const NOT_TAKEN = ['items', 'facets'];
/** Values shown of each list. */
const ROWS = 10;

interface Flags {
  json?: boolean;
  suggest?: boolean;
  marketplace?: string[];
  limitRows?: number;
  tenant?: string;
}

export function command(terminal: Terminal): Command {
  const facets = new Command('facets')
    .description(
      'Show categories, aspects, conditions and buying options of a search, each with eBay’s count of listings and the ' +
        'option that narrows the search by it. It needs a running worker and makes one call for each marketplace; ' +
        `repeated within ${MAX_AGE / 60} minutes (--max-age) it makes none.`,
    )
    .argument('[query]', 'keywords: a space means AND, "(a, b)" means OR');
  return addRequestFlags(facets, undefined, NOT_TAKEN)
    .option(
      '--limit-rows <n>',
      `show at most so many values of each (${ROWS})`,
      wholeNumber('--limit-rows', 999),
    )
    .option('--suggest', 'show the categories that eBay suggests for the words; no search and no Browse call')
    .option('--json', 'print as JSON')
    .allowExcessArguments()
    .action(async (query: string | undefined, flags: Flags, called: Command) => {
      oneQuery(called);
      const show = flags.suggest ? showSuggested : showFacets;
      terminal.exit = await show(terminal, query, flags).catch((error) => {
        throw withOptions(error);
      });
    });
}

async function showFacets(terminal: Terminal, query: string | undefined, flags: Flags): Promise<ExitCode> {
  const config = loadConfig();
  const { parseSearchRequest } = await import('../product/parseRequest.ts');
  const request = facetRequest(requestFrom(query, { ...flags }, config.ebay));
  // Before Redis is needed: a wrong request is reported as one.
  const parsed = parseSearchRequest(request, config.ebay);
  if (!parsed.ok) throw new Failure('invalid_request', 'the request is wrong', { errors: parsed.errors });
  return withProducer(config, flags.tenant, async (producer, { ebay }) => {
    const wanted = facetRequest(requestFrom(query, { ...flags }, ebay));
    const { searchId } = await producer.enqueue(wanted, { askedBy: { via: 'cli' } });
    const report = await waitFor({ terminal, producer, flags }, searchId);
    const { summary } = report;
    if (summary === null) throw searchFailed(report);
    const { facets = [], correctedQuery, counts, calls, warnings, missing } = summary;
    terminal.print(
      flags.json
        ? JSON.stringify(
            { searchId, found: counts.found, correctedQuery, facets, calls, warnings, missing },
            null,
            2,
          )
        : facetsText(summary, terminal, flags.limitRows),
    );
    // That few products were looked at is no fault here.
    return missing.length === 0 && summary.outcome === 'partial' ? EXIT.done : ENDS[summary.outcome].exit;
  });
}

/** Categories by words: their names come from eBay's Taxonomy API, or from what any process has read of it. */
async function showSuggested(terminal: Terminal, query: string | undefined, flags: Flags): Promise<ExitCode> {
  if (query === undefined)
    throw new UsageError('--suggest needs words, such as dpf facets "usb hub" --suggest');
  return withEbay(flags.tenant, false, async ({ categories }, { ebay }) => {
    const sites = (flags.marketplace ?? [ebay.marketplace]).map((id) => {
      if (isMarketplace(id)) return id;
      throw wrongValue('--marketplace must be a site such as EBAY_US', id);
    });
    const found: Array<FoundCategories & { marketplace: string }> = [];
    for (const marketplace of sites)
      found.push({ marketplace, ...(await categories.suggested(marketplace, query)) });
    terminal.print(flags.json ? JSON.stringify(found, null, 2) : suggestedText(found, terminal));
    return EXIT.done;
  });
}

function suggestedText(
  found: ReadonlyArray<FoundCategories & { marketplace: string }>,
  terminal: Terminal,
): string {
  return found
    .map(({ marketplace, categories, observedAt }) => {
      if (categories.length === 0) return `${marketplace}: eBay suggests no category`;
      const rows = categories.map(({ id, path }) => [harmless(path.join(' > ')), `--category ${id}`]);
      const list = table(rows, terminal, { head: [marketplace, 'Search in it'] });
      return `${list}\n${terminal.paint('dim', `as eBay said ${distanceText(observedAt, Date.now())}`)}`;
    })
    .join('\n\n');
}

/** One page of each marketplace: its products are not shown. */
function facetRequest(request: SearchRequest): SearchRequest {
  const sites = request.marketplaces?.length ?? 1;
  return { maxItems: sites, maxCalls: sites, maxAge: MAX_AGE, ...request, facets: true };
}

type Row = [name: string, count: number, option: string];

/** The lists of each marketplace. @param rows of each list at most */
export function facetsText(
  { facets = [], correctedQuery, counts, missing, warnings }: SearchSummary,
  terminal: Terminal,
  rows = ROWS,
): string {
  const { paint } = terminal;
  const notes = [
    ...(correctedQuery === undefined ? [] : [`eBay searched for: ${correctedQuery}`]),
    ...warnings.map(({ message }) => `eBay warns: ${message}`),
    ...missing.map(({ marketplace, code, message }) => `missing: ${marketplace} (${code}: ${message})`),
    ...(facets.length === 0 && missing.length === 0 ? ['eBay names nothing that narrows this search'] : []),
  ];
  const found = `about ${numberText(counts.found)} listings; the counts below are eBay’s, of all of them`;
  const sites = facets.map((each) => ({ marketplace: each.marketplace, lists: listsOf(each, rows) }));
  const all = sites.flatMap(({ lists }) => lists);
  const names = all.flatMap(({ title, shown }) => [title, ...shown.map(([name]) => name)]);
  const options = all.flatMap(({ shown }) => shown.map(([, , option]) => option));
  const widest = (texts: string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const colWidths = [Math.min(MAX_NAME, widest(names)), 'Listings'.length, widest(options)];
  return [
    found,
    ...notes.map((note) => paint('yellow', `  ! ${harmless(note)}`)),
    ...sites.flatMap(({ marketplace, lists }) => [
      ...(sites.length > 1 ? ['', paint('bold', marketplace)] : []),
      ...lists.flatMap((list) => ['', listText(list, colWidths, terminal)]),
    ]),
  ].join('\n');
}

/** Longer names end in `…`. */
const MAX_NAME = 40;

/** The lists that have values, most listings first. */
function listsOf(
  { dominantCategoryId, categories, aspects, conditions, buyingOptions }: SearchFacets,
  rows: number,
) {
  const named = (option: string) => (value: { id: string; name: string | null; count: number }) =>
    [value.name ?? value.id, value.count, `${option} ${value.id}`] satisfies Row;
  const lists: Array<[title: string, values: Row[]]> = [
    ['Categories', categories.map(named('--category'))],
    ...aspects.map(({ name, values }): [string, Row[]] => [
      name,
      values.map(({ value, text, count }) => {
        const aspect = `--aspect ${quoted(`${name}=${value}`)}`;
        return [text ?? value, count, `${aspect} --category ${dominantCategoryId ?? 'ID'}`];
      }),
    ]),
    ['Condition', conditions.map(named('--condition-id'))],
    ['Buying option', buyingOptions.map(({ name, count }) => [name, count, `--buying-option ${name}`])],
  ];
  return lists
    .filter(([, values]) => values.length > 0)
    .map(([title, values]) => {
      const shown = values.toSorted((a, b) => b[1] - a[1]).slice(0, rows);
      return { title, shown, more: values.length - shown.length };
    });
}

function listText(
  { title, shown, more }: ReturnType<typeof listsOf>[number],
  colWidths: number[],
  terminal: Terminal,
): string {
  const cells = shown.map(([name, count, option]) => [harmless(name), numberText(count), harmless(option)]);
  const text = table(cells, terminal, {
    head: [harmless(title), 'Listings', 'Narrow by'],
    colAligns: ['left', 'right', 'left'],
    colWidths,
  });
  return more > 0 ? `${text}\n${terminal.paint('dim', `… and ${more} more (--limit-rows)`)}` : text;
}

/** As one argument of a shell. */
export function quoted(text: string): string {
  if (/^[\w=.,:/+@%-]+$/.test(text)) return text;
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
