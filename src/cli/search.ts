import { Command, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { csvColumns, csvForm, productCsv, SEPARATORS, type SeparatorName } from '../product/csv.ts';
import { byCosts } from '../product/landed.ts';
import { byTotal } from '../product/order.ts';
import type { Product } from '../product/product.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { Outcome, SearchSummary } from '../product/summary.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchEstimate } from '../queue/search/estimate.ts';
import type { SearchReport } from '../queue/searchReader.ts';
import { redisFailure } from '../redis/failure.ts';
import {
  estimateTexts,
  isWhole,
  outlastsResults,
  partialReasons,
  summaryFacts,
  waitReasonText,
} from '../text/searches.ts';
import { countText, distanceText, numberText } from '../text/values.ts';
import { withProducer } from './commandSetup.ts';
import { EXIT, type ExitCode, searchFailed, UsageError } from './exit.ts';
import { addRequestFlags, type Defaults, oneQuery, requestFrom, wholeNumber, withOptions } from './flags.ts';
import { addListFlags, type ListFlags, listSearches, refuseListFlags } from './searchList.ts';
import { onInterrupt } from './signals.ts';
import { chosenTable, clockText, fieldLines, productTable, whenText } from './table.ts';
import { type Colour, harmless, type Painter, progressLine, type Terminal } from './terminal.ts';

export interface Flags {
  get?: string;
  cancel?: string;
  retry?: string;
  dryRun?: boolean;
  wait: boolean;
  tenant?: string;
  json?: boolean;
  csv?: boolean;
  columns?: string;
  excel?: boolean;
  separator?: SeparatorName;
  limitRows?: number;
  sort?: string;
  sortBy?: string;
}

export function command(terminal: Terminal): Command {
  const search = new Command('search')
    .description('Search eBay through a running worker and show the products.')
    .argument('[query]', 'keywords: a space means AND, "(a, b)" means OR');
  return addListFlags(addRequestFlags(search))
    .option('--get <id>', 'show an earlier search, and wait for it while it runs')
    .option('--cancel <id>', 'stop an earlier search; what it has found stays readable')
    .option('--retry <id>', 'start an ended search again: only what is missing is called for')
    .option('--dry-run', 'show what the search would cost and when it could be done; enqueue nothing')
    .option('--no-wait', 'print the search’s id and end')
    .option(
      '--limit-rows <n>',
      'show at most so many products (a table: 20)',
      wholeNumber('--limit-rows', 999_999),
    )
    .addOption(
      new Option(
        '--sort-by <figure>',
        'order of what is shown, of which --sort takes these words too; unknown ones last; else eBay’s order',
      ).choices(Object.keys(ORDERS)),
    )
    .option('--json', 'print summary and products as JSON')
    .option('--csv', 'print the products as CSV')
    .option(
      '--columns <names>',
      'of table or CSV, such as title,total,url; else the usual ones, and of the CSV all',
    )
    .option(
      '--excel',
      'CSV that Excel opens as it is: byte order mark, separator of your locale, ids as text',
    )
    .addOption(new Option('--separator <name>', 'of the CSV').choices(Object.keys(SEPARATORS)))
    .allowExcessArguments()
    .action(async (query: string | undefined, flags: Flags & ListFlags, called: Command) => {
      if (flags.list) return listSearches(terminal, flags, { isNamed: query !== undefined, called });
      refuseListFlags(flags);
      oneQuery(called);
      // eBay has no such orders: they are of what is shown.
      const { sort, ...rest } = flags;
      const isShownOrder = sort !== undefined && Object.hasOwn(ORDERS, sort);
      if (isShownOrder) flags.sortBy ??= sort;
      const request = (ebay: Defaults) => requestFrom(query, isShownOrder ? rest : { ...flags }, ebay);
      const wanted = { isNamed: query !== undefined, request, print: printFound };
      terminal.exit = await runSearch(terminal, flags, wanted).catch((error) => {
        throw namingOrders(withOptions(error));
      });
    });
}

/** An error about `--sort` that names the orders of what is shown too. */
function namingOrders(error: unknown): unknown {
  if (!(error instanceof Failure) || error.detail.errors === undefined) return error;
  const errors = error.detail.errors.map((each) =>
    each.path === 'sort'
      ? {
          ...each,
          message: `${each.message}; ${Object.keys(ORDERS).join(', ')} put what was found in order`,
        }
      : each,
  );
  return new Failure(error.code, error.message, { ...error.detail, errors });
}

/** What a command asks for, and how it shows what was found. */
interface Wanted {
  /** Whether its arguments name something to look for. */
  isNamed: boolean;
  request(defaults: Defaults): SearchRequest;
  print: typeof printFound;
}

export async function runSearch(terminal: Terminal, flags: Flags, wanted: Wanted): Promise<ExitCode> {
  flags.csv ||= flags.excel ?? false;
  const { get, cancel, retry, json, csv, columns, separator, dryRun, wait } = flags;
  const [earlier, ...more] = [get, cancel, retry].filter((id) => id !== undefined);
  if (json && csv) throw new UsageError('give --json or --csv, not both');
  if (columns !== undefined && !csv && (json || wanted.print !== printFound))
    throw new UsageError('--columns needs --csv');
  if (separator !== undefined && !csv) throw new UsageError('--separator needs --csv or --excel');
  columnsOf(columns);
  if (more.length > 0 || (earlier !== undefined && wanted.isNamed))
    throw new UsageError('give a query, --get ID, --cancel ID or --retry ID: one of them');
  if (dryRun && (earlier !== undefined || csv))
    throw new UsageError('--dry-run needs a query, and of the output options accepts only --json');
  const config = loadConfig();
  if (earlier === undefined) {
    // Before Redis is needed: a wrong request is reported as one.
    const { parseSearchRequest } = await import('../product/parseRequest.ts');
    const parsed = parseSearchRequest(wanted.request(config.ebay), config.ebay);
    if (!parsed.ok) throw new Failure('invalid_request', 'the request is wrong', { errors: parsed.errors });
  }
  return withProducer(config, flags.tenant, async (producer, { ebay }) => {
    const request = () => wanted.request(ebay);
    if (dryRun) {
      const estimate = await producer.estimate(request());
      const text = estimateText(estimate, terminal, await producer.now(), config.search.resultsTtl);
      terminal.print(json ? JSON.stringify(estimate, null, 2) : text);
      return EXIT.done;
    }
    const searchId = earlier ?? (await producer.enqueue(request(), { askedBy: { via: 'cli' } })).searchId;
    if (cancel !== undefined) await producer.cancel(searchId);
    if (retry !== undefined) await producer.retry(searchId);
    if (!wait && get === undefined) {
      terminal.print(json ? JSON.stringify({ searchId }) : searchId);
      return EXIT.done;
    }
    const opened = { terminal, producer, flags, print: wanted.print };
    try {
      return await show(opened, wait ? await waitFor(opened, searchId) : await producer.get(searchId));
    } catch (error) {
      const failure = redisFailure(error);
      if (failure === undefined) throw error;
      const remedy = `the search was accepted; once Redis is back, get it with: dpf search --get ${searchId}`;
      throw new Failure('redis-unavailable', `${failure.message}: ${remedy}`, { searchId, remedy });
    }
  });
}

/** How long Redis may be away while this command waits for a search, ms; a connection that is replaced takes less. */
const OUTAGE_MS = 1000;

type Opened = { terminal: Terminal; producer: SearchProducer; flags: Flags; print: typeof printFound };

/** The end of a search, whose progress is shown meanwhile. @throws Failure `interrupted` that says how to get it later */
export async function waitFor(
  { terminal, producer, flags }: Omit<Opened, 'flags' | 'print'> & { flags: Pick<Flags, 'json'> },
  searchId: string,
): Promise<SearchReport> {
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const line = progressLine(terminal);
  const startedAt = performance.now();
  const onProgress = (report: SearchReport) => {
    if (report.state === 'done' || (flags.json && !terminal.live)) return;
    line.show(() => progressText(report, performance.now() - startedAt));
  };
  try {
    return await interrupt.race(producer.waitFor(searchId, { outageMs: OUTAGE_MS, signal, onProgress }));
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `the search continues; get it with: dpf search --get ${searchId}`;
    throw new Failure('interrupted', message, { searchId });
  } finally {
    line.end();
    interrupt.dispose();
  }
}

/** A search that is queued for longer gets an explanation, ms. */
const EXPLAIN_MS = 3000;

/** @param waitedMs how long this command has waited */
export function progressText({ state, progress }: SearchReport, waitedMs: number): string {
  if (state === 'queued')
    return waitedMs < EXPLAIN_MS ? 'queued' : 'queued; no worker has taken it yet (is `dpf worker` running?)';
  if (progress === null) return 'collecting';
  const { pages, of, products, reason, attempt, attempts, until } = progress;
  // Listings that are named have no pages.
  const page = of === 0 ? '' : `, page ${Math.min(pages + 1, of)} of ${of}`;
  const done = `${countText(products, 'item')}${page}`;
  const why = reason === undefined ? '' : `: ${waitReasonText(reason)}`;
  const next = attempt === undefined ? 'next try' : `attempt ${attempt} of ${attempts}`;
  const when = until === undefined ? '' : ` at ${clockText(new Date(until), Date.now())}`;
  if (state === 'waiting' && until !== undefined) return `waiting${why}, ${next}${when} · ${done}`;
  const again = attempt === undefined ? '' : `${why}, ${next}`;
  return state === 'waiting' ? `waiting${why} · ${done}` : `collecting${again} · ${done}`;
}

async function show({ terminal, producer, flags, print }: Opened, report: SearchReport): Promise<ExitCode> {
  const { searchId, state, summary, error } = report;
  if (error !== null) throw searchFailed(report);
  if (state !== 'done' || summary === null) {
    terminal.print(flags.json ? JSON.stringify(report) : `${searchId} is ${progressText(report, 0)}`);
    return EXIT.done;
  }
  const [products, now] = await Promise.all([producer.products(searchId), producer.now()]);
  print(terminal, { summary, products }, flags, now);
  return ENDS[summary.outcome].exit;
}

function columnsOf(list: string | undefined): string[] {
  const chosen = csvColumns(list);
  if (!chosen.ok) throw new UsageError(`--columns ${chosen.message}`);
  return chosen.columns;
}

/** Orders that `--sort-by` names: the best first. */
export const ORDERS: Readonly<Record<string, (one: Product, other: Product) => number>> = {
  total: byTotal({}),
  delivered: byTotal({}),
  landed: byCosts('landed'),
  margin: byCosts('margin', { falling: true }),
  'margin-percent': byCosts('marginPercent', { falling: true }),
};

type Found = { summary: SearchSummary; products: Product[] };

/** An ended search as JSON, CSV or a table. Beside CSV the summary goes to stderr. */
export function printFound(
  terminal: Terminal,
  { summary, products }: Found,
  options: Partial<Flags>,
  now = Date.now(),
): void {
  const { json = false, csv = false, limitRows = json || csv ? products.length : 20, sortBy } = options;
  const sorted = sortBy === undefined ? products : products.toSorted(ORDERS[sortBy]);
  const figure = sortBy === 'landed' ? 'landed' : sortBy?.startsWith('margin') ? 'margin' : undefined;
  if (figure !== undefined && products.length > 0 && products.every((each) => each[figure] === undefined)) {
    const needs = figure === 'landed' ? 'costs' : 'costs with --resale or --markup';
    terminal.note(`--sort-by ${sortBy} changes nothing: the search has no ${needs}`);
  }
  const shown = sorted.slice(0, limitRows);
  if (json) {
    terminal.print(JSON.stringify({ summary, products: shown }, null, 2));
    return;
  }
  if (csv) {
    const { locale } = Intl.NumberFormat().resolvedOptions();
    const { columns, excel, separator } = options;
    const form = csvForm({ excel, separator, locale });
    terminal.print(productCsv(shown, columnsOf(columns), form), '\r\n');
    terminal.note(summaryText(summary, terminal));
    return;
  }
  // Of several marketplaces the best products of each come first: a table that is cut hides none of them.
  const ranked =
    sortBy === undefined ? products.toSorted((a, b) => a.rank - b.rank).slice(0, limitRows) : shown;
  if (ranked.length > 0) {
    const { columns } = options;
    const isChosen = columns !== undefined;
    terminal.print(
      isChosen ? chosenTable(ranked, columnsOf(columns), terminal) : productTable(ranked, terminal),
    );
    terminal.print(terminal.paint('dim', ageText(ranked, now)));
  }
  const more = products.length - ranked.length;
  const moreBy = `--limit-rows ${products.length}, --json or --csv`;
  if (more > 0) terminal.print(terminal.paint('dim', `… and ${countText(more, 'product')} more (${moreBy})`));
  terminal.print(summaryText(summary, terminal));
}

/** How old the prices are, as eBay's terms ask: `prices seen now`, `prices seen between 2 h ago and 4 min ago`. */
export function ageText(products: readonly Product[], now: number): string {
  const times = products.map(({ observedAt }) => observedAt).sort();
  const [oldest = '', newest = ''] = [times[0], times.at(-1)].map((iso) => distanceText(iso as string, now));
  return `prices seen ${oldest === newest ? oldest : `between ${oldest} and ${newest}`}`;
}

interface End {
  mark: string;
  colour: Colour;
  exit: ExitCode;
}

/**
 * How `dpf search` ends by the outcome of a search. What leads to each outcome is in `product/summary.ts`; docs/searches.md
 * has the whole table, with what a program should do. 0 promises that what was wanted, or the whole listing, was looked at.
 */
export const ENDS: Readonly<Record<Outcome, End>> = {
  complete: { mark: '✔', colour: 'green', exit: EXIT.done },
  'none-found': { mark: '○', colour: 'yellow', exit: EXIT.done },
  'filtered-out': { mark: '○', colour: 'yellow', exit: EXIT.done },
  partial: { mark: '◐', colour: 'yellow', exit: EXIT.incomplete },
  degraded: { mark: '✖', colour: 'red', exit: EXIT.incomplete },
  cancelled: { mark: '◐', colour: 'yellow', exit: EXIT.incomplete },
  skipped: { mark: '○', colour: 'yellow', exit: EXIT.incomplete },
  failed: { mark: '✖', colour: 'red', exit: EXIT.failed },
};

/** Missing parts that have a line each. A search for thousands of listings may miss all of them. */
const SHOWN_MISSING = 20;

/** One line for the outcome, and one for each of eBay's warnings and for what is not there, up to `SHOWN_MISSING`. */
export function summaryText(summary: SearchSummary, { paint }: Terminal): string {
  const { outcome, warnings, missing, error, startedAt, finishedAt, trackNote } = summary;
  const { mark, colour } = ENDS[outcome];
  const duration = `${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
  const end =
    warnings.length > 0 && isWhole(outcome)
      ? paint('yellow', `! ${outcome}, with warnings`)
      : paint(colour, `${mark} ${outcome}`);
  const heading = [end, ...summaryFacts(summary), duration].join(' · ');
  const notes = [
    // Those without a number are the service's own.
    ...warnings.map(
      (warning) => `${warning.errorId === null ? 'note' : 'eBay warns'}: ${warningText(warning)}`,
    ),
    ...(trackNote === undefined ? [] : [`Track: ${trackNote}`]),
    ...partialReasons(summary),
    ...missing.slice(0, SHOWN_MISSING).map(({ marketplace, page, itemId, code, message }) => {
      const what = page === null ? `details of ${itemId}` : `${marketplace} from page ${page} on`;
      return `missing: ${what} (${code}: ${message})`;
    }),
    ...(missing.length > SHOWN_MISSING
      ? [`missing: ${numberText(missing.length - SHOWN_MISSING)} more, which --json names`]
      : []),
    ...(error !== null && missing.length === 0 ? [`${error.code}: ${error.message}`] : []),
  ];
  return [heading, ...notes.map((note) => paint('yellow', `  ! ${harmless(note)}`))].join('\n');
}

function warningText({ errorId, message, parameters = [] }: SearchSummary['warnings'][number]): string {
  const about = parameters.map(({ name, value }) => `${name}=${value}`).join(', ');
  return `${message}${about === '' ? '' : ` [${about}]`}${errorId === null ? '' : ` (${errorId})`}`;
}

/** @param resultsTtl how long results are kept, s */
export function estimateText(
  estimate: SearchEstimate,
  painter: Painter,
  now: number,
  resultsTtl: number,
): string {
  const texts = estimateTexts(estimate, (iso) => whenText(iso, now));
  const warning = `its first results expire before its end (RESULTS_TTL, ${numberText(resultsTtl)} s): ask for less at a time`;
  const isTooLong = outlastsResults(estimate, resultsTtl * 1000, now);
  return fieldLines(painter, Object.entries({ ...texts, ...(isTooLong && { warning }) }));
}
