import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure, withBecause } from '../failures.ts';
import { productCsv } from '../product/csv.ts';
import type { Product } from '../product/product.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { Outcome, SearchSummary } from '../product/summary.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchEstimate } from '../queue/search/estimate.ts';
import type { SearchReport } from '../queue/searchReader.ts';
import { estimateTexts, summaryFacts } from '../text/searches.ts';
import { countText } from '../text/values.ts';
import { withProducer } from './commandSetup.ts';
import { EXIT, type ExitCode, exitOfOutcome, type SetExit, searchFailed, UsageError } from './exit.ts';
import { addRequestFlags, requestFrom, wholeNumber } from './flags.ts';
import { followProgress } from './progress.ts';
import { onInterrupt } from './signals.ts';
import { fieldLines, productTable, whenText } from './table.ts';
import { type Colour, harmless, printData, type Terminal } from './terminal.ts';

interface Flags extends ShowOptions {
  get?: string;
  cancel?: string;
  retry?: string;
  dryRun?: boolean;
  wait: boolean;
  tenant?: string;
}

export function command(terminal: Terminal, setExit: SetExit): Command {
  const search = new Command('search')
    .description('Search eBay through a running worker and show the products.')
    .argument('[query]', 'keywords: a space means AND, "(a, b)" means OR');
  return addRequestFlags(search)
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
    .option('--json', 'print summary and products as JSON')
    .option('--csv', 'print the products as CSV')
    .action(async (query: string | undefined, flags: Flags) => {
      const { get, cancel, retry, json, csv, dryRun } = flags;
      if (json && csv) throw new UsageError('give --json or --csv, not both');
      const given = [query, get, cancel, retry].filter((one) => one !== undefined);
      if (given.length > 1)
        throw new UsageError('give a query, --get ID, --cancel ID or --retry ID: one of them');
      const earlier = get ?? cancel ?? retry;
      if (dryRun && (earlier !== undefined || csv))
        throw new UsageError('--dry-run needs a query, and of the output options accepts only --json');
      setExit(
        await (earlier === undefined
          ? newSearch(terminal, query, flags)
          : earlierSearch(terminal, earlier, flags)),
      );
    });
}

async function newSearch(terminal: Terminal, query: string | undefined, flags: Flags): Promise<ExitCode> {
  const config = loadConfig();
  // Before Redis is needed: a wrong request is reported as one.
  await checkedRequest(query, flags, config);
  return withProducer(config, flags.tenant, async (producer, settings) => {
    const request = await checkedRequest(query, flags, settings);
    if (flags.dryRun) {
      const estimate = await producer.estimate(request);
      printData(terminal, flags.json, estimate, estimateText(estimate, terminal, Date.now()));
      return EXIT.done;
    }
    const { searchId } = await producer.enqueue(request);
    return showOrId(terminal, producer, searchId, flags);
  });
}

function earlierSearch(terminal: Terminal, searchId: string, flags: Flags): Promise<ExitCode> {
  return withProducer(loadConfig(), flags.tenant, async (producer) => {
    if (flags.cancel !== undefined) await producer.cancel(searchId);
    if (flags.retry !== undefined) await producer.retry(searchId);
    if (flags.get !== undefined && !flags.wait)
      return show(terminal, producer, await producer.get(searchId), flags);
    return showOrId(terminal, producer, searchId, flags);
  });
}

/** @throws Failure `invalid_request` */
async function checkedRequest(
  query: string | undefined,
  flags: Flags,
  { ebay }: Config,
): Promise<SearchRequest> {
  const { parseSearchRequest } = await import('../product/parseRequest.ts');
  const request = requestFrom(query, { ...flags }, ebay);
  const parsed = parseSearchRequest(request, ebay);
  if (parsed.ok) return request;
  throw new Failure('invalid_request', 'the request is wrong', { errors: parsed.errors });
}

/** Waits for the search and shows it; with `--no-wait` prints its id. */
async function showOrId(
  terminal: Terminal,
  producer: SearchProducer,
  searchId: string,
  flags: Flags,
): Promise<ExitCode> {
  if (!flags.wait) {
    terminal.print(flags.json ? JSON.stringify({ searchId }) : searchId);
    return EXIT.done;
  }
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const progress = followProgress(terminal, { quiet: flags.json === true && !terminal.live });
  try {
    const report = await interrupt.race(producer.waitFor(searchId, { signal, onProgress: progress.show }));
    progress.end();
    return await show(terminal, producer, report, flags);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'interrupted') throw error;
    const message = `the search continues; get it with: dpf search --get ${searchId}`;
    throw new Failure('interrupted', message, { searchId });
  } finally {
    progress.end();
    interrupt.dispose();
  }
}

async function show(
  terminal: Terminal,
  producer: SearchProducer,
  report: SearchReport,
  flags: Flags,
): Promise<ExitCode> {
  const { searchId, state, progress, summary, error } = report;
  if (error !== null) throw searchFailed(report);
  if (state !== 'done' || summary === null) {
    const json = { ...report, progress: progress && withBecause(progress) };
    terminal.print(flags.json ? JSON.stringify(json) : `${searchId} is ${state}`);
    return EXIT.done;
  }
  printFound(terminal, { summary, products: await producer.products(searchId) }, flags);
  return exitOfOutcome(summary.outcome);
}

interface ShowOptions {
  json?: boolean;
  csv?: boolean;
  /** Products shown at most. Default: 20 in a table, else all. */
  limitRows?: number;
}

export interface Found {
  summary: SearchSummary;
  products: Product[];
}

const TABLE_ROWS = 20;

/** An ended search as JSON, CSV or a table. Beside CSV the summary goes to stderr. */
export function printFound(terminal: Terminal, { summary, products }: Found, options: ShowOptions): void {
  const { json = false, csv = false, limitRows = json || csv ? products.length : TABLE_ROWS } = options;
  const shown = products.slice(0, limitRows);
  if (json) {
    terminal.print(JSON.stringify({ summary, products: shown }, null, 2));
    return;
  }
  if (csv) {
    terminal.print(productCsv(shown));
    terminal.note(summaryText(summary, terminal));
    return;
  }
  // Of several marketplaces the best products of each come first: a table that is cut hides none of them.
  const ranked = products.toSorted((a, b) => a.rank - b.rank).slice(0, limitRows);
  if (ranked.length > 0) terminal.print(productTable(ranked, terminal));
  const more = products.length - ranked.length;
  if (more > 0)
    terminal.print(
      terminal.paint(
        'dim',
        `… and ${countText(more, 'product')} more (--limit-rows ${products.length}, --json or --csv)`,
      ),
    );
  terminal.print(summaryText(summary, terminal));
}

const MARKS: Record<Outcome, [mark: string, colour: Colour]> = {
  complete: ['✔', 'green'],
  'none-found': ['○', 'yellow'],
  'filtered-out': ['○', 'yellow'],
  partial: ['◐', 'yellow'],
  degraded: ['✖', 'red'],
  cancelled: ['◐', 'yellow'],
  skipped: ['○', 'yellow'],
  failed: ['✖', 'red'],
};

/** One line for the outcome, and one for each of eBay's warnings and each missing part. */
function summaryText(summary: SearchSummary, { paint }: Terminal): string {
  const { outcome, warnings, missing, error, startedAt, finishedAt } = summary;
  const [mark, colour] = MARKS[outcome];
  const duration = `${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
  const heading = [paint(colour, `${mark} ${outcome}`), ...summaryFacts(summary), duration].join(' · ');
  const notes = [
    ...warnings.map((warning) => `eBay warns: ${warningText(warning)}`),
    ...missing.map(({ marketplace, page, itemId, code, message }) =>
      page === null
        ? `missing: details of ${itemId} (${code}: ${message})`
        : `missing: ${marketplace} from page ${page} on (${code}: ${message})`,
    ),
    ...(error !== null && missing.length === 0 ? [`${error.code}: ${error.message}`] : []),
  ];
  return [heading, ...notes.map((note) => paint('yellow', `  ! ${harmless(note)}`))].join('\n');
}

function warningText({ errorId, message, parameters = [] }: SearchSummary['warnings'][number]): string {
  const about = parameters.map(({ name, value }) => `${name}=${value}`).join(', ');
  return `${message}${about === '' ? '' : ` [${about}]`}${errorId === null ? '' : ` (${errorId})`}`;
}

export function estimateText(
  estimate: SearchEstimate,
  terminal: Pick<Terminal, 'paint'>,
  now: number,
): string {
  return fieldLines(Object.entries(estimateTexts(estimate, (iso) => whenText(iso, now))), terminal);
}
