import { Command } from 'commander';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { type ClassReport, type ClosureReport, type QuotaReport, quotaReport } from '../ebay/gate/quota.ts';
import { waitReasonText } from '../text/searches.ts';
import { numberText } from '../text/values.ts';
import { answering, withEbay } from './commandSetup.ts';
import { CommandError, EXIT } from './exit.ts';
import { fieldLines, whenText } from './table.ts';
import type { Painter, Terminal } from './terminal.ts';

export function command(terminal: Terminal): Command {
  const quota = new Command('quota')
    .description('Show how many of today’s eBay calls are used, and who may call now.')
    .option('--reconcile', 'ask eBay for its own count first')
    .option('--tenant <name>', 'tenant whose calls are counted');
  return answering(quota, terminal, ({ reconcile, tenant }: { reconcile?: boolean; tenant?: string }) =>
    withEbay(tenant, reconcile, async ({ gate, client }, config) => {
      if (reconcile && !(await client.reconcile()))
        throw new CommandError(EXIT.dependency, 'quota-not-told', NO_COUNT);
      const state = await gate.read();
      const report = quotaReport(state, gateSettings(config).shares);
      return { data: report, text: quotaText(report, terminal, state.now) };
    }),
  );
}

const NO_COUNT = 'eBay did not answer with its count of calls; try again later';

const CIRCUITS = {
  closed: 'closed, eBay answers',
  open: 'open: eBay is failing, no call is made',
  'half-open': 'half-open: one call tries whether eBay answers',
};

/** The day's calls as a bar, and below it which class may call. */
export function quotaText(report: QuotaReport, terminal: Painter, now: number): string {
  const { limit, used, remaining, reset, interval, closed, circuit, classes } = report;
  const { paint } = terminal;
  const calls = `${numberText(used)} of ${numberText(limit)}, ${numberText(remaining)} left`;
  const gate = closed === null ? paint('green', 'open') : paint('red', `closed: ${closureText(closed, now)}`);
  return fieldLines(terminal, [
    ['calls today', `${bar(report, terminal)} ${calls}`],
    ['resets', whenText(reset, now)],
    ['pace', interval > 0 ? `one call every ${interval} s` : 'no interval between calls'],
    ['gate', gate],
    ['circuit', circuit === 'closed' ? CIRCUITS.closed : paint('yellow', CIRCUITS[circuit])],
    ...Object.entries(classes).map(([name, each]) => [name, classText(each, now)] as const),
  ]);
}

const BAR_WIDTH = 30;

function bar({ used, limit, classes }: QuotaReport, { paint }: Painter): string {
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  // One call that is used and one that is left are visible.
  const full = Math.max(used > 0 ? 1 : 0, Math.floor(share * BAR_WIDTH));
  const colour = share >= 1 ? 'red' : classes.backfill.remaining === 0 ? 'yellow' : 'green';
  return paint(colour, '█'.repeat(full)) + paint('dim', '░'.repeat(BAR_WIDTH - full));
}

function classText({ upTo, remaining, closed }: ClassReport, now: number): string {
  const share = `up to ${numberText(upTo)} a day`;
  return closed === null
    ? `may call, ${numberText(remaining)} left (${share})`
    : `waits: ${closureText(closed, now)} (${share})`;
}

function closureText({ reason, until }: ClosureReport, now: number): string {
  return `${waitReasonText(reason)}; again ${whenText(until, now)}`;
}
