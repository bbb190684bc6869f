import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchReport } from '../queue/report.ts';
import { estimateText } from './estimateText.ts';
import { EXIT, type ExitCode, exitOfOutcome, SearchFailed, UsageError } from './exit.ts';
import { forTenant } from './forTenant.ts';
import { type Interrupt, onInterrupt } from './interrupt.ts';
import { followProgress } from './progress.ts';
import { quietLog } from './quietLog.ts';
import { addRequestFlags, requestFrom } from './requestFlags.ts';
import { printFound, type ShowOptions } from './searchOutput.ts';
import type { Terminal } from './terminal.ts';

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
  const { openProducer } = await import('../app.ts');
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
  const { parseSearchRequest } = await import('../product/request.ts');
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
