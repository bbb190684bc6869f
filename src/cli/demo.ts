import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { environment } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Lifecycle } from '../lifecycle.ts';
import type { SearchReport } from '../queue/searchReader.ts';
import { startEmbeddedRedis } from '../redis/embedded.ts';
import { startSimulator } from '../simulator/simulator.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { countText } from '../text/values.ts';
import { quietLog } from './commandSetup.ts';
import {
  DEMO_ALERT,
  DEMO_PLAN_ENV,
  demoMarket,
  hourText,
  seenLine,
  slowDown,
  watchAnHour,
} from './demoMarket.ts';
import { searchFailed } from './exit.ts';
import { addRequestFlags, requestFrom } from './flags.ts';
import { openHealthSocket } from './healthSocket.ts';
import { printFound } from './search.ts';
import { openServe } from './serve.ts';
import { onInterrupt } from './signals.ts';
import { exportLines, simulatorEnv } from './simulate.ts';
import { progressLine, type Terminal } from './terminal.ts';

/** What the demo searches for: the arguments of `dpf search`, as typed. */
const SEARCHES: ReadonlyArray<[about: string, line: string]> = [
  [
    'new, at most 40 dollars, and what it costs delivered to one postal code; three calls',
    // The word NEW would also find open boxes (1500).
    '"usb c hub" --max-items 450 --condition-id 1000 --price-max 40 --ship-to US:19406',
  ],
  [
    'two marketplaces at once, cheapest first',
    '"camping tent" --marketplace EBAY_GB --marketplace EBAY_AU --max-items 100 --sort price',
  ],
  [
    'free shipping, good sellers, no mini or party speakers by their titles; few fit, so three calls are the most',
    '"bluetooth speaker" --free-shipping --title-exclude mini --title-exclude party --min-feedback-percentage 98 --max-calls 3',
  ],
  [
    'auctions too: they have bids instead of a price',
    '"vintage camera" --buying-option AUCTION --max-items 50 --sort endingSoonest',
  ],
  ['a search that finds nothing is no error', '"left-handed screwdriver of 1873"'],
];

/** How long one part of the demo may take to close, ms. */
const CLOSE_MS = 10_000;

export function command(terminal: Terminal): Command {
  return new Command('demo')
    .description('Run the whole service on this machine with a simulated eBay, and show a few searches.')
    .option('--keep', 'leave all of it running until Ctrl-C and print the addresses')
    .option('--json', 'print summaries and products as JSON')
    .action((flags: { keep?: boolean; json?: boolean }) => demo(terminal, flags));
}

async function demo(terminal: Terminal, { keep, json }: { keep?: boolean; json?: boolean }): Promise<void> {
  const interrupt = onInterrupt();
  const lifecycle = new Lifecycle();
  await openHealthSocket(lifecycle, { path: environment().HEALTH_SOCKET, warn: terminal.note });
  try {
    const stack = await openDemo(lifecycle, (line) => terminal.note(terminal.paint('dim', line)));
    const answers = await interrupt.race(searchAll(stack, terminal));
    if (!json) show(answers, stack, terminal);
    const hour = await interrupt.race(showHour(stack, terminal, json === true));
    if (json) terminal.print(JSON.stringify({ searches: answers, hour }, null, 2));
    if (!keep) return;
    await slowDown(stack);
    terminal.print(keepText(stack, terminal));
    await interrupt.received;
  } finally {
    await lifecycle.stop(CLOSE_MS);
    interrupt.dispose();
  }
}

/** At the same relative path from `dist` and from `src`. */
const DEMO_CONFIG = fileURLToPath(new URL('../../config/demo.json', import.meta.url));

/** Response times as eBay's usual ones, ms. */
const LATENCY_MS = [60, 180] as const;

/** What the way to eBay may take from the gap between two arrivals, ms: seen on loopback beside other work. */
const ARRIVAL_MS = 5;

/** Of a checkout and of the package, as it is named from here. */
const RECEIVER = relative('', fileURLToPath(new URL('../../examples/receiver', import.meta.url)));

/** Alerts of the demo may be sent to programs on this machine. */
const LOOPBACK = 'localhost,127.0.0.0/8,::1/128';

type DemoStack = Awaited<ReturnType<typeof openDemo>>;

/**
 * Opens the whole service in this process, on free ports. The machine's own configuration is not read: a demo must never
 * spend calls of a real keyset.
 */
async function openDemo(lifecycle: Lifecycle, say: (line: string) => void) {
  const { openProducer } = await import('../app/producer.ts');
  const { startWorkerApp } = await import('../app/worker.ts');
  const redis = await startEmbeddedRedis({ container: true, say });
  lifecycle.opened('Redis', redis, () => redis.stop());
  say(`Redis       ${redis.url}`);
  const simulator = lifecycle.opened(
    'simulator',
    await startSimulator({ latencyMs: LATENCY_MS, market: demoMarket() }),
  );
  say(`eBay        ${simulator.url} (simulated; no keys needed)`);
  /** By these settings a command in another terminal uses it. */
  const env = { REDIS_URL: redis.url, ...simulatorEnv(simulator.url) };
  // Not in the demo's file, which all workers of this Redis would follow.
  const own = { ...DEMO_PLAN_ENV, OUTBOUND_ALLOW: LOOPBACK, LOG_LEVEL: 'error' };
  const sources = { env: { ...env, ...own }, files: [DEMO_CONFIG] };
  const config = loadConfig(sources);
  const log = new LogRoot(config.log);
  const worker = lifecycle.nested(await startWorkerApp(config, log, { sources }));
  say(`worker      one call to eBay every ${config.pace.minApiCallInterval} s`);
  const producer = lifecycle.opened('producer', openProducer(config, { log: quietLog() }));
  await producer.ready();
  const { url } = lifecycle.nested(await openServe(config, log, { worker, sources }));
  say(`HTTP        ${url} (no keys needed: a page at /, the API at /docs)`);
  return { config, env, simulator, producer, url };
}

/** Enqueues all searches at once, as different callers would: they take turns. */
async function searchAll({ producer, config }: DemoStack, terminal: Terminal) {
  const searches = SEARCHES.map(([about, line]) => {
    const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    return { about, args };
  });
  const requests = searches.map(({ args }) => {
    const search = addRequestFlags(new Command().argument('[query]')).parse(args, { from: 'user' });
    return requestFrom(search.args[0], search.opts(), config.ebay);
  });
  const added = await producer.enqueueMany(requests);
  const line = progressLine(terminal);
  const reports = new Map<string, SearchReport>();
  const onProgress = (report: SearchReport) => {
    reports.set(report.searchId, report);
    line.show(() => progressText([...reports.values()]));
  };
  try {
    return await Promise.all(
      searches.map(async (search, index) => {
        const searchId = added[index]?.searchId as string;
        const report = await producer.waitFor(searchId, { onProgress });
        if (report.summary === null) throw searchFailed(report);
        return { ...search, summary: report.summary, products: await producer.products(searchId) };
      }),
    );
  } finally {
    line.end();
  }
}

function progressText(reports: SearchReport[]): string {
  const done = reports.filter(({ state }) => state === 'done').length;
  const found = reports.map(({ summary, progress }) => summary?.counts.products ?? progress?.products ?? 0);
  const products = found.reduce((sum, each) => sum + each, 0);
  return `${done} of ${SEARCHES.length} searches done · ${countText(products, 'product')}`;
}

type Answers = Awaited<ReturnType<typeof searchAll>>;

function show(answers: Answers, { simulator: { controls }, config }: DemoStack, terminal: Terminal): void {
  for (const [index, { about, ...found }] of answers.entries()) {
    terminal.print(`\n${terminal.paint('bold', `dpf search ${SEARCHES[index]?.[1]}`)}`);
    terminal.print(terminal.paint('dim', `# ${about}\n`));
    printFound(terminal, found, { limitRows: 5 });
  }
  const arrivals = controls.log({ kind: 'search' }).map(({ at }) => at);
  const gaps = arrivals.slice(1).map((at, index) => at - (arrivals[index] as number));
  const facts = [
    `${answers.length} searches`,
    countText(answers.flatMap(({ products }) => products).length, 'product'),
    countText(arrivals.length, 'call'),
    countText(controls.state().tokensMinted, 'token request'),
  ];
  terminal.print(
    `\n${terminal.paint('bold', 'In all')}: ${facts.join(', ')}.\n` +
      `Calls arrived at eBay at least ${Math.round(Math.min(...gaps))} ms apart. ` +
      `They leave ${config.pace.minApiCallInterval * 1000} ms apart, and the way moves an arrival by up to ${ARRIVAL_MS} ms.`,
  );
}

/** An hour of the market, line by line. */
async function showHour(stack: DemoStack, terminal: Terminal, json: boolean) {
  const { paint, print } = terminal;
  if (json) return watchAnHour(stack, terminal, () => undefined);
  print(`\n${paint('bold', 'An hour of a living market, in ten seconds')}`);
  print(
    paint(
      'dim',
      '# three auto schedules and a watchlist: a planner gives each free call to the look that is worth most\n',
    ),
  );
  const hour = await watchAnHour(stack, terminal, (seen) => print(seenLine(seen, terminal)));
  print(`\n${paint('bold', 'In the hour')}: ${hourText(hour)}`);
  return hour;
}

function keepText({ env, url, simulator }: DemoStack, { paint }: Terminal): string {
  return [
    `\n${paint('bold', 'Still running')} until Ctrl-C. In another terminal:`,
    '',
    exportLines(env),
    '',
    `A page to look at: ${url}/ (no key needed) · for programs: ${url}/docs · dashboard: ${url}/admin/queues`,
    'The market goes on, with a few changes a minute: the page shows what the schedules and the watchlist see.',
    '',
    `Price drops of the watchlist are an alert, ${DEMO_ALERT}, which waits for a channel. This one arrives in a program of yours:`,
    '  npx dropship-product-finder channels add hook --webhook http://127.0.0.1:8787/ > hook.secret',
    `  python3 ${RECEIVER}.py hook.secret     (or: npx tsx ${RECEIVER}.ts hook.secret)`,
    '',
    `To see more news: schedule a search on the page, add a listing to eBay, and run the schedule again:`,
    `  curl -d '{"title": "USB C Charger 65W", "price": "9.99"}' ${simulator.url}/_sim/listings`,
    '',
    'Then: npx dropship-product-finder search "yoga mat" --ship-to US:19406 (or token, or worker, for a second one).',
  ].join('\n');
}
