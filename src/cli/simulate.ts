import { Command } from 'commander';
import { environment } from '../config/config.ts';
import { Lifecycle } from '../lifecycle.ts';
import { FAULT_NAMES } from '../simulator/faults.ts';
import { everydayMarket } from '../simulator/market/everyday.ts';
import { startSimulator } from '../simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../simulator/tokens.ts';
import { listenError, wrongValue } from './exit.ts';
import { wholeNumber } from './flags.ts';
import { openHealthSocket } from './healthSocket.ts';
import { onInterrupt } from './signals.ts';
import type { Terminal } from './terminal.ts';

type Latency = [number, number] | number;
interface Flags {
  port: number;
  host: string;
  seed: number;
  latency: Latency;
  market?: boolean;
  marketDay?: number;
  json?: boolean;
}

export function command(terminal: Terminal): Command {
  return new Command('simulate')
    .description('Run an eBay of your own on this machine: same paths, same answers, no keys of yours.')
    .option('--port <n>', 'port to listen on; 0 for any', wholeNumber('--port', 65_535), 4010)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--seed <n>', 'same seed, same day: same catalogue', wholeNumber('--seed', 2 ** 31), 1)
    .option('--latency <ms>', 'time to answer, such as 120 or 80-250', latency, 0)
    .option('--market', 'let listings appear, change price, sell out, end and return')
    .option('--market-day <s>', 'seconds that a day of the market takes: 86400', seconds)
    .option('--json', 'print the addresses as JSON')
    .addHelpText('after', faults)
    .action((flags: Flags) => simulate(terminal, flags));
}

/** Its parameters stand beside each fault in src/simulator/faults.ts. */
const faults = `
Faults, armed with POST /_sim/faults and a body such as {"fault": "short-page", "count": 1}:
  ${FAULT_NAMES.join(', ').replace(/(.{60,80}?,) /g, '$1\n  ')}
Exchange rates move slowly; PUT /_sim/settings with {"rateSpeed": 3600} makes an hour of them a second, 0 stops them.
What happened in a market, with the true times: GET /_sim/market/trace. A busier one: PUT /_sim/market with {"factor": 10}.`;

const DAY_S = 86_400;

async function simulate(terminal: Terminal, flags: Flags): Promise<void> {
  const interrupt = onInterrupt();
  const { host, port, seed, latency: latencyMs, marketDay } = flags;
  const isLiving = flags.market === true || marketDay !== undefined;
  const market = isLiving ? everydayMarket((marketDay ?? DAY_S) * 1000) : null;
  const simulator = await startSimulator({ host, port, seed, latencyMs, market }).catch((error: unknown) => {
    throw listenError(error, flags, { host: '--host', port: '--port' });
  });
  const lifecycle = new Lifecycle();
  await openHealthSocket(lifecycle, { path: environment().HEALTH_SOCKET, warn: terminal.note });
  const { url } = simulator;
  const data = { url, env: simulatorEnv(url) };
  terminal.print(flags.json ? JSON.stringify(data) : addresses(url, flags, terminal));
  await interrupt.received;
  await simulator.close();
  await lifecycle.stop(0);
  interrupt.dispose();
}

/** The settings by which the other commands use a simulator. */
export function simulatorEnv(url: string): Record<string, string> {
  return {
    EBAY_API_URL: url,
    EBAY_TOKEN_URL: `${url}/identity/v1/oauth2/token`,
    EBAY_CLIENT_ID: DEMO_CREDENTIALS.clientId,
    EBAY_CLIENT_SECRET: DEMO_CREDENTIALS.clientSecret,
  };
}

/** Lines to paste into a shell. */
export function exportLines(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => `  export ${name}='${value}'`)
    .join('\n');
}

function addresses(url: string, { host }: Flags, { paint }: Terminal): string {
  const isLoopback = /^(127\.|localhost$|::1$)/.test(host);
  return [
    `${paint('bold', 'eBay simulator')} at ${url} until Ctrl-C. To use it, in another terminal:`,
    '',
    exportLines({ ...simulatorEnv(url), ...(isLoopback ? {} : { EBAY_ALLOW_HTTP: 'true' }) }),
    '',
    `Then: npx dropship-product-finder worker (and search "usb c hub"). The requests that it received: ${url}/_sim/log`,
  ].join('\n');
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw wrongValue('--market-day must be seconds, 1 to 99999', text);
}

function latency(text: string): Latency {
  const [, low, high] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text) ?? [];
  if (low === undefined || Number(high ?? low) < Number(low))
    throw wrongValue('--latency must be ms, such as 120 or 80-250', text);
  return high === undefined ? Number(low) : [Number(low), Number(high)];
}
