import { Command } from 'commander';
import { Lifecycle } from '../lifecycle.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import type { SearchReport } from '../queue/searchReader.ts';
import type { Simulator } from '../simulator/simulator.ts';
import { type DemoStack, openDemo } from './demoStack.ts';
import { SearchFailed } from './exit.ts';
import { count, ProgressLine } from './progress.ts';
import { addRequestFlags, requestFrom } from './requestFlags.ts';
import { type Found, printFound } from './search.ts';
import { type Interrupt, onInterrupt } from './signals.ts';
import { exportLines } from './simulate.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  keep?: boolean;
  json?: boolean;
}

type Answered = DemoSearch & Found;

const CLOSE_MS = 10_000;
const ROWS = 5;

export function demoCommand(terminal: Terminal): Command {
  return new Command('demo')
    .description('Run the whole service on this machine with a simulated eBay, and show a few searches.')
    .option('--keep', 'leave all of it running until Ctrl-C and print the addresses')
    .option('--json', 'print summaries and products as JSON')
    .action((flags: Flags) => demo(terminal, flags));
}

async function demo(terminal: Terminal, flags: Flags): Promise<void> {
  const interrupt = onInterrupt();
  const lifecycle = new Lifecycle();
  const say = (line: string) => terminal.note(terminal.paint('dim', line));
  try {
    const house = await openDemo(lifecycle, say);
    const answered = await Promise.race([searchAll(house, terminal), interrupt.happened]);
    if (flags.json) terminal.print(JSON.stringify(answered, null, 2));
    else show(answered, house, terminal);
    if (flags.keep) await keep(house, terminal, interrupt);
  } finally {
    await lifecycle.stop(CLOSE_MS);
    interrupt.dispose();
  }
}

/** All at once, as different callers would: the queue lets them take turns. */
async function searchAll({ producer, config }: DemoStack, terminal: Terminal): Promise<Answered[]> {
  const requests = DEMO_SEARCHES.map((search) => demoRequest(search, config.ebay));
  const added = await producer.enqueueMany(requests);
  const line = new ProgressLine(terminal);
  const reports = new Map<string, SearchReport>();
  const onProgress = (report: SearchReport) => {
    reports.set(report.searchId, report);
    line.show(overview([...reports.values()], added.length));
  };
  try {
    const ended = await Promise.all(added.map(({ searchId }) => producer.waitFor(searchId, { onProgress })));
    return await Promise.all(
      ended.map(async (report, index) => {
        if (report.summary === null) throw new SearchFailed(report);
        const products = await producer.products(report.searchId);
        return { ...(DEMO_SEARCHES[index] as DemoSearch), summary: report.summary, products };
      }),
    );
  } finally {
    line.end();
  }
}

function overview(reports: SearchReport[], all: number): string {
  const done = reports.filter(({ state }) => state === 'done').length;
  const products = reports.reduce(
    (sum, { summary, progress }) => sum + (summary?.counts.products ?? progress?.products ?? 0),
    0,
  );
  return `${done} of ${all} searches done · ${count(products, 'product')}`;
}

function show(answered: Answered[], { simulator, config }: DemoStack, terminal: Terminal): void {
  for (const { about, summary, products, ...search } of answered) {
    terminal.print(`\n${terminal.paint('bold', demoLine(search as DemoSearch))}`);
    terminal.print(terminal.paint('dim', `# ${about}\n`));
    printFound(terminal, { summary, products }, { limitRows: ROWS });
  }
  const gap = leastGap(simulator);
  const calls = simulator.controls.log({ kind: 'search' }).length;
  const products = answered.reduce((sum, found) => sum + found.products.length, 0);
  const mints = simulator.controls.state().tokensMinted;
  terminal.print(
    `\n${terminal.paint('bold', 'In all')}: ${answered.length} searches, ${count(products, 'product')}, ` +
      `${count(calls, 'call')}, ${count(mints, 'token request')}.\n` +
      `Calls came to eBay at least ${gap} ms apart (MIN_API_CALL_INTERVAL=${config.pace.minApiCallInterval}).`,
  );
}

/** Between two calls as they arrived, ms. */
function leastGap({ controls }: Simulator): number {
  const arrivals = controls.log({ kind: 'search' }).map(({ at }) => at);
  return Math.round(Math.min(...arrivals.slice(1).map((at, index) => at - (arrivals[index] as number))));
}

async function keep(
  { env, url, simulator }: DemoStack,
  terminal: Terminal,
  interrupt: Interrupt,
): Promise<void> {
  terminal.print(
    [
      `\n${terminal.paint('bold', 'Still running')} until Ctrl-C. In another terminal:`,
      '',
      exportLines(env),
      '',
      `A page to look at: ${url}/ (no key needed) · for programs: ${url}/docs · dashboard: ${url}/admin/queues`,
      `To see news: schedule a search on the page, let eBay have one more listing, and run the schedule again:`,
      `  curl -d '{"title": "USB C Charger 65W", "price": "9.99"}' ${simulator.url}/_sim/listings`,
      '',
      'Then: npx dpf search "yoga mat" --ship-to US:19406, npx dpf token, or one more npx dpf worker.',
    ].join('\n'),
  );
  await interrupt.happened.catch(() => undefined);
}

export interface DemoSearch {
  /** What the demo shows with it. */
  about: string;
  /** As it is typed after `dpf search`. */
  args: string[];
}

export const DEMO_SEARCHES: readonly DemoSearch[] = [
  {
    about: 'new, at most 40 dollars, and what it costs delivered to one postal code; three calls',
    args: [
      'usb c hub',
      '--max-items',
      '450',
      '--condition',
      'NEW',
      '--price-max',
      '40',
      '--ship-to',
      'US:19406',
    ],
  },
  {
    about: 'two marketplaces at once, cheapest first',
    args: [
      'camping tent',
      '--marketplace',
      'EBAY_GB',
      '--marketplace',
      'EBAY_AU',
      '--max-items',
      '100',
      '--sort',
      'price',
    ],
  },
  {
    about: 'free shipping, good sellers, and no mini or party speakers by their titles',
    args: [
      ...['bluetooth speaker', '--free-shipping', '--title-exclude', 'mini', '--title-exclude', 'party'],
      ...['--min-feedback-percentage', '98'],
    ],
  },
  {
    about: 'auctions too: they have bids instead of a price',
    args: ['vintage camera', '--buying-option', 'AUCTION', '--max-items', '50', '--sort', 'endingSoonest'],
  },
  { about: 'what nobody sells is an answer too, not an error', args: ['left-handed screwdriver of 1873'] },
];

/** The request that `dpf search` makes of the same arguments. */
export function demoRequest({ args }: DemoSearch, defaults: { marketplace: string }): SearchRequest {
  const command = addRequestFlags(new Command().argument('[query]'));
  command.parse(args, { from: 'user' });
  return requestFrom(command.args[0], command.opts(), defaults);
}

/** The search as a line for a shell. */
export function demoLine({ args }: DemoSearch): string {
  return `dpf search ${args.map((arg) => (/^[\w:.-]+$/.test(arg) ? arg : `"${arg}"`)).join(' ')}`;
}
