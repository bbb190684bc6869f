import type { ClassReport, ClosureReport, QuotaReport } from '../ebay/quotaReport.ts';
import { whenText } from './instant.ts';
import type { Terminal } from './terminal.ts';

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
export const CLOSED_BECAUSE: Record<ClosureReport['because'], string> = {
  quota: 'its calls of today are used up',
  pause: 'eBay asked for a pause (429)',
  circuit: 'eBay is failing',
};

function closureText({ because, until }: ClosureReport, now: number): string {
  return `${CLOSED_BECAUSE[because]}; again ${whenText(until, now)}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
