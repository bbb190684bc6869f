import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { productCsv } from '../product/csv.ts';
import type { Product } from '../product/product.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { Outcome, SearchSummary } from '../product/summary.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchEstimate } from '../queue/search/estimate.ts';
import type { SearchReport } from '../queue/searchReader.ts';
import { forTenant, quietLog } from './commandSetup.ts';
import { EXIT, type ExitCode, exitOfOutcome, SearchFailed, UsageError } from './exit.ts';
import { count, followProgress } from './progress.ts';
import { addRequestFlags, requestFrom } from './requestFlags.ts';
import { type Interrupt, onInterrupt } from './signals.ts';
import { productTable, whenText } from './table.ts';
import { type Colour, harmless, type Terminal } from './terminal.ts';

interface Flags extends ShowOptions {
  get?: string;
  cancel?: string;
  retry?: string;
  dryRun?: boolean;
  wait: boolean;
  tenant?: string;
}

export function searchCommand(terminal: Terminal, setExit: (code: ExitCode) => void): Command {
  const command = new Command('search')
    .description('Search eBay through a running worker and show the products.')
    .argument('[query]', 'keywords: a space means AND, "(a, b)" means OR');
  return addRequestFlags(command)
    .option('--get <id>', 'show an earlier search, and wait for it while it runs')
    .option('--cancel <id>', 'stop an earlier search; what it has found stays readable')
    .option('--retry <id>', 'start an ended search again: only what is missing is called for')
    .option('--dry-run', 'show what the search would cost and when it could be done; enqueue nothing')
    .option('--no-wait', 'print the search’s id and end')
    .option('--limit-rows <n>', 'show at most so many products (a table: 20)', rows)
    .option('--json', 'print summary and products as JSON')
    .option('--csv', 'print the products as CSV')
    .action(async (query: string | undefined, flags: Flags) => {
      if (flags.json && flags.csv) throw new UsageError('give --json or --csv, not both');
      const given = [query, flags.get, flags.cancel, flags.retry].filter((one) => one !== undefined);
      if (given.length > 1)
        throw new UsageError('give a query, --get ID, --cancel ID or --retry ID: one of them');
      if (flags.dryRun && (earlierOf(flags) !== undefined || flags.csv))
        throw new UsageError('--dry-run goes with a query, and with --json at most');
      setExit(await search(terminal, query, flags));
    });
}

/** The earlier search that this is about, if it is about one. */
function earlierOf({ get, cancel, retry }: Flags): string | undefined {
  return get ?? cancel ?? retry;
}

async function search(terminal: Terminal, query: string | undefined, flags: Flags): Promise<ExitCode> {
  const process = loadConfig();
  const earlier = earlierOf(flags);
  const requestBy = async ({ ebay }: Config) =>
    earlier === undefined ? checkedRequest(query, flags, ebay) : undefined;
  await requestBy(process);
  const { name: tenant, config } = await forTenant(process, flags.tenant);
  const request = await requestBy(config);
  const { openProducer } = await import('../app/client.ts');
  const interrupt = onInterrupt();
  const producer = openProducer(config, { tenant, log: quietLog() });
  try {
    await interruptible(interrupt, producer.ready());
    if (request !== undefined && flags.dryRun) {
      const cost = await producer.estimate(request);
      terminal.print(flags.json ? JSON.stringify(cost, null, 2) : estimateText(cost, terminal, Date.now()));
      return EXIT.done;
    }
    const searchId = request === undefined ? String(earlier) : (await producer.enqueue(request)).searchId;
    if (flags.cancel !== undefined) await producer.cancel(searchId);
    if (flags.retry !== undefined) await producer.retry(searchId);
    if (!flags.wait && flags.get === undefined) {
      terminal.print(flags.json ? JSON.stringify({ searchId }) : searchId);
      return EXIT.done;
    }
    const report = flags.wait
      ? await waitFor(terminal, producer, searchId, flags, interrupt)
      : await producer.get(searchId);
    return await show(terminal, producer, report, flags);
  } finally {
    interrupt.dispose();
    await producer.close();
  }
}

/** Checked before Redis is asked for, so that a wrong request is told as one. @throws Failure `invalid_request` */
async function checkedRequest(
  query: string | undefined,
  flags: Flags,
  defaults: { marketplace: string },
): Promise<SearchRequest> {
  const { parseSearchRequest } = await import('../product/parseRequest.ts');
  const request = requestFrom(query, { ...flags }, defaults);
  const parsed = parseSearchRequest(request, defaults);
  if (parsed.ok) return request;
  throw new Failure('invalid_request', 'the request is wrong', { errors: parsed.errors });
}

function interruptible<T>({ happened }: Interrupt, work: Promise<T>): Promise<T> {
  return Promise.race([work, happened]);
}

async function waitFor(
  terminal: Terminal,
  producer: SearchProducer,
  searchId: string,
  flags: Flags,
  interrupt: Interrupt,
): Promise<SearchReport> {
  const progress = followProgress(terminal, { quiet: flags.json === true && !terminal.live });
  try {
    return await interruptible(
      interrupt,
      producer.waitFor(searchId, { signal: interrupt.signal, onProgress: (report) => progress.show(report) }),
    );
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'interrupted') throw error;
    throw new Failure('interrupted', `the search goes on; get it with: dpf search --get ${searchId}`, {
      searchId,
    });
  } finally {
    progress.end();
  }
}

async function show(
  terminal: Terminal,
  producer: SearchProducer,
  report: SearchReport,
  flags: Flags,
): Promise<ExitCode> {
  const { searchId, state, summary, error } = report;
  if (error !== null) throw new SearchFailed(report);
  if (state !== 'done' || summary === null) {
    terminal.print(flags.json ? JSON.stringify(report) : `${searchId} is ${state}`);
    return EXIT.done;
  }
  printFound(terminal, { summary, products: await producer.products(searchId) }, flags);
  return exitOfOutcome(summary.outcome);
}

function rows(text: string): number {
  if (!/^\d{1,6}$/.test(text))
    throw new UsageError(`--limit-rows must be a whole number; got ${JSON.stringify(text)}`);
  return Number(text);
}

export interface ShowOptions {
  json?: boolean;
  csv?: boolean;
  /** Most products shown. Default: 20 in a table, all elsewhere. */
  limitRows?: number;
}

export interface Found {
  summary: SearchSummary;
  products: Product[];
}

const USUAL_ROWS = 20;

/** A finished search in the form that was asked for. What is no CSV goes to stderr beside it. */
export function printFound(terminal: Terminal, { summary, products }: Found, options: ShowOptions): void {
  const { json = false, csv = false, limitRows = json || csv ? products.length : USUAL_ROWS } = options;
  const shown = products.slice(0, limitRows);
  if (json) {
    terminal.print(JSON.stringify({ summary, products: shown }, null, 2));
  } else if (csv) {
    terminal.print(productCsv(shown));
    terminal.note(summaryText(summary, terminal));
  } else {
    if (shown.length > 0) terminal.print(productTable(inTurns(products).slice(0, limitRows), terminal));
    const more = products.length - shown.length;
    if (more > 0) terminal.print(terminal.paint('dim', moreText(more, products.length)));
    terminal.print(summaryText(summary, terminal));
  }
}

/** Of several marketplaces the best of each first: a table that is cut must not hide one. */
function inTurns(products: readonly Product[]): Product[] {
  return products.toSorted((a, b) => a.rank - b.rank);
}

function moreText(more: number, all: number): string {
  return `… and ${count(more, 'product')} more (--limit-rows ${all}, --json or --csv)`;
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

/** One line on how the search ended, and one more for each warning of eBay's and each part that is missing. */
export function summaryText(summary: SearchSummary, { paint }: Terminal): string {
  const { outcome, counts, calls, warnings, missing, gone, error } = summary;
  const [mark, colour] = MARKS[outcome];
  const rejected = Object.values(counts.rejected).reduce((sum, n) => sum + n, 0);
  const facts = [
    `${count(counts.products, 'product')} of ${counts.found.toLocaleString('en-US')} found`,
    some(counts.duplicates, 'duplicate'),
    counts.filteredOut > 0 ? `${counts.filteredOut} filtered out` : '',
    rejected > 0 ? `${rejected} unreadable` : '',
    gone.length > 0 ? `${gone.length} gone` : '',
    count(calls, 'call'),
    some(warnings.length, 'warning'),
    `${((Date.parse(summary.finishedAt) - Date.parse(summary.startedAt)) / 1000).toFixed(1)} s`,
  ];
  const heading = `${paint(colour, `${mark} ${outcome}`)} · ${facts.filter((fact) => fact !== '').join(' · ')}`;
  const troubles = [
    ...warnings.map((warning) => `eBay warns: ${warningText(warning)}`),
    ...missing.map(({ marketplace, page, itemId, code, message }) =>
      page === null
        ? `missing: details of ${itemId} (${code}: ${message})`
        : `missing: ${marketplace} from page ${page} on (${code}: ${message})`,
    ),
    ...(error !== null && missing.length === 0 ? [`${error.code}: ${error.message}`] : []),
  ];
  return [heading, ...troubles.map((trouble) => paint('yellow', `  ! ${harmless(trouble)}`))].join('\n');
}

function some(n: number, noun: string): string {
  return n > 0 ? count(n, noun) : '';
}

function warningText({ errorId, message, parameters = [] }: SearchSummary['warnings'][number]): string {
  const about = parameters.map(({ name, value }) => `${name}=${value}`).join(', ');
  return `${message}${about === '' ? '' : ` [${about}]`}${errorId === null ? '' : ` (${errorId})`}`;
}

/** What a search would cost and when it could be done, in words. */
export function estimateText(
  estimate: SearchEstimate,
  { paint }: Pick<Terminal, 'paint'>,
  now: number,
): string {
  const { calls, class: callClass, remaining, shareOfRemaining, reset, ahead, earliestFinish } = estimate;
  const parts = calls.details > 0 ? ` (${calls.pages} of pages, ${calls.details} of details)` : '';
  const left = `the ${remaining.toLocaleString('en-US')} that ${callClass} searches have left today`;
  const share =
    shareOfRemaining === null
      ? `${callClass} searches have none left today; more ${whenText(reset, now)}`
      : shareOfRemaining > 1
        ? `more than ${left}; it goes on ${whenText(reset, now)}`
        : `${percent(shareOfRemaining)} of ${left}`;
  const rows: Array<[string, string]> = [
    ['calls', `at most ${count(calls.total, 'call')}${parts}`],
    ['share', share],
    ['queue', ahead === 0 ? 'nothing waits before it' : `${count(ahead, 'call')} before its first one`],
    ['finish', `${whenText(earliestFinish, now)} at the earliest`],
  ];
  return rows.map(([name, value]) => `${paint('dim', name.padEnd(6))}  ${value}`).join('\n');
}

function percent(share: number): string {
  const value = share * 100;
  return value < 0.1 ? 'less than 0.1 %' : `${value.toFixed(1)} %`;
}
