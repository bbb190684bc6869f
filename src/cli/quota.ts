import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { type ClassReport, type ClosureReport, type QuotaReport, quotaReport } from '../ebay/gate/quota.ts';
import { waitForRedis } from '../redis/connection.ts';
import { forCallingTenant, forTenant, quietLog, REDIS_WAIT_MS, requireKeyset } from './commandSetup.ts';
import { DependencyError } from './exit.ts';
import { whenText } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  reconcile?: boolean;
  tenant?: string;
  json?: boolean;
}

export function quotaCommand(terminal: Terminal): Command {
  return new Command('quota')
    .description('Show how many of today’s eBay calls are used, and who may call now.')
    .option('--reconcile', 'ask eBay for its own count first')
    .option('--tenant <name>', 'whose')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => quota(terminal, flags));
}

async function quota(terminal: Terminal, { reconcile, tenant, json }: Flags): Promise<void> {
  const process = loadConfig();
  if (reconcile && tenant === undefined) requireKeyset(process);
  const { name, config } = await (reconcile ? forCallingTenant : forTenant)(process, tenant);
  const { openGate } = await import('../app/client.ts');
  const { gate, redis, reconcileNow, close } = openGate(config, quietLog(), name);
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    if (reconcile && !(await reconcileNow()))
      throw new DependencyError('quota-not-told', 'eBay did not tell its count now; try again later');
    const report = quotaReport(await gate.read(), gateSettings(config).shares);
    terminal.print(json ? JSON.stringify(report, null, 2) : quotaText(report, terminal, Date.now()));
  } finally {
    close();
  }
}

const BAR_WIDTH = 30;

/** The day's calls as a bar, and below it who may call and who may not. */
export function quotaText(report: QuotaReport, { paint }: Pick<Terminal, 'paint'>, now: number): string {
  const { limit, used, remaining, reset, interval, closed, circuit, classes } = report;
  const rows: Array<[name: string, value: string]> = [
    [
      'calls today',
      `${bar(report, { paint })} ${number(used)} of ${number(limit)}, ${number(remaining)} left`,
    ],
    ['begins anew', whenText(reset, now)],
    ['pace', interval > 0 ? `one call every ${interval} s` : 'as fast as they come'],
    ['gate', closed === null ? paint('green', 'open') : paint('red', `closed: ${closureText(closed, now)}`)],
    ['circuit', circuit === 'closed' ? 'closed, eBay answers' : paint('yellow', CIRCUITS[circuit])],
    ...Object.entries(classes).map(([name, each]): [string, string] => [name, classText(each, now)]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value}`).join('\n');
}

function bar({ used, limit, classes }: QuotaReport, { paint }: Pick<Terminal, 'paint'>): string {
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  // A call that was made shows, and a call that is left shows.
  const full = Math.max(used > 0 ? 1 : 0, Math.floor(share * BAR_WIDTH));
  const colour = share >= 1 ? 'red' : classes.backfill.remaining === 0 ? 'yellow' : 'green';
  return paint(colour, '█'.repeat(full)) + paint('dim', '░'.repeat(BAR_WIDTH - full));
}

function classText({ upTo, remaining, closed }: ClassReport, now: number): string {
  const share = `up to ${number(upTo)} a day`;
  return closed === null
    ? `may call, ${number(remaining)} left (${share})`
    : `waits: ${closureText(closed, now)} (${share})`;
}

const CIRCUITS = {
  open: 'open: eBay is failing, nobody calls',
  'half-open': 'half-open: the next call alone tries eBay',
};

/** Why nobody, or a class, may call. */
export const CLOSED_BECAUSE: Record<ClosureReport['reason'], string> = {
  quota: 'its calls of today are used up',
  pause: 'eBay asked for a pause (429)',
  circuit: 'eBay is failing',
};

function closureText({ reason, until }: ClosureReport, now: number): string {
  return `${CLOSED_BECAUSE[reason]}; again ${whenText(until, now)}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
