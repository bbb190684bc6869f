import { Command } from 'commander';
import { DAYS_KEPT, type GrowthFigures, type GrowthReport, readGrowth } from '../app/growth.ts';
import { loadConfig } from '../config/load.ts';
import { countText, numberText } from '../text/values.ts';
import { type Answer, answering, withTenant } from './commandSetup.ts';
import { EXIT, UsageError } from './exit.ts';
import { tenantName, wholeNumber } from './flags.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  days: number;
  tenant: string;
  csv?: boolean;
  json?: boolean;
}

export function command(terminal: Terminal): Command {
  const report = new Command('growth-report')
    .description(
      'Show calls, efficiency, errors and duplicates avoided for each day, for eBay’s Application Growth Check.',
    )
    .option('--days <n>', `days, today included, at most ${DAYS_KEPT}`, wholeNumber('--days', DAYS_KEPT), 30)
    .option('--tenant <name>', 'tenant whose calls they are', tenantName, 'default')
    .option('--csv', 'print a line for each day as CSV')
    .addHelpText('after', AFTER_HELP);
  return answering(report, terminal, (flags: Flags) => growthReport(terminal, flags));
}

const AFTER_HELP = `
Calls eBay for nothing. Days are eBay's, by Pacific time. The counts are kept for ${DAYS_KEPT} days. With config/redis/users.acl, run it as
the user worker or producer.

Exit codes: 0 done · 1 nothing was counted in these days · 4 Redis does not answer`;

async function growthReport(terminal: Terminal, { days, tenant, csv, json }: Flags): Promise<Answer> {
  if (csv && json) throw new UsageError('choose one of --csv and --json');
  return withTenant(loadConfig(), tenant, async ({ config }, redis) => {
    const { prefix } = config.queue;
    const report = await readGrowth(redis, { prefix, tenant, days });
    const text = csv ? growthCsv(report) : growthText(report, terminal);
    const exit = report.days.length === 0 ? EXIT.failed : EXIT.done;
    return { data: report, text, notes: json ? [] : report.notes, exit };
  });
}

const figure = (value: number | null) => (value === null ? '–' : numberText(value));
const sumOf = (errors: GrowthFigures['errors']) => Object.values(errors).reduce((sum, n) => sum + n, 0);
const byCode = (errors: GrowthFigures['errors'], between: string) =>
  Object.entries(errors)
    .map(([code, count]) => `${code} ${count}`)
    .join(between);

const search = (n: number) => `${numberText(n)} ${n === 1 ? 'search' : 'searches'}`;

const HEAD = ['day', 'used', 'limit', 'calls', 'errors', 'searches', 'shared', 'avoided', 'products'];
const RATIOS = ['calls/search', 'products/call'];

export function growthText(report: GrowthReport, terminal: Terminal): string {
  const { tenant, from, to, days, total } = report;
  if (days.length === 0) return `nothing was counted for tenant ${tenant} from ${from} to ${to}`;
  const row = (name: string, each: GrowthFigures) => [
    name,
    figure(each.used),
    figure(each.limit),
    ...[each.calls, sumOf(each.errors), each.searches, each.coalesced, each.callsAvoided].map(numberText),
    ...[each.products, each.callsPerSearch, each.productsPerCall].map(figure),
  ];
  const rows = [...days.map((each) => row(each.day, each)), row('together', total)];
  const head = [...HEAD, ...RATIOS];
  const colAligns = head.map((_, index) => (index === 0 ? ('left' as const) : ('right' as const)));
  const made = total.calls + total.callsAvoided;
  const share = made === 0 ? '0' : ((100 * total.callsAvoided) / made).toFixed(1);
  return [
    `Tenant ${tenant}, ${from} to ${to} (Pacific time)`,
    '',
    table(rows, terminal, { head, colAligns }),
    '',
    `Errors: ${byCode(total.errors, ', ') || 'none'}`,
    `Duplicates avoided: ${search(total.coalesced)} took the result of an identical one, which spared ` +
      `${countText(total.callsAvoided, 'call')} (${share} %); ${countText(total.answersReused, 'call')} found their answer stored`,
    `Token requests: ${numberText(total.tokenRequests)}`,
  ].join('\n');
}

const CSV_COLUMNS = [
  ...['day', 'tenant', 'limit', 'used', 'calls', 'errors', 'errorsByCode', 'searches', 'coalesced'],
  ...['callsAvoided', 'answersReused', 'products', 'callsPerSearch', 'productsPerCall', 'tokenRequests'],
];

/** No cell holds a comma or a quotation mark. */
export function growthCsv({ tenant, days }: GrowthReport): string {
  const lines = days.map((each) => {
    const cells: Record<string, unknown> = {
      ...each,
      tenant,
      errors: sumOf(each.errors),
      errorsByCode: byCode(each.errors, '; '),
    };
    return CSV_COLUMNS.map((column) => cells[column] ?? '').join(',');
  });
  return [CSV_COLUMNS.join(','), ...lines].join('\n');
}
