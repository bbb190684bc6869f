/**
 * The table of metrics in docs/metrics.md, made from their declarations.
 * `node --import tsx scripts/metricsTable.ts` writes it between its markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { METRICS, type Values } from '../src/telemetry/metrics.ts';

export const METRICS_PAGE = new URL('../docs/metrics.md', import.meta.url);

const START = '<!-- metrics: made by scripts/metricsTable.ts -->';
const END = '<!-- end of metrics -->';

/** `page` with the table as it must be. @throws Error without the two markers. */
export function withMetricsTable(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/metrics.md lacks the markers ${START} and ${END}`);
  return `${page.slice(0, start + START.length)}\n${table()}\n${page.slice(end)}`;
}

function table(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, help, labels }]) => {
    const shown = Object.entries<Values>(labels).map(([label, values]) =>
      label === 'because'
        ? '`because`: deprecated, the same as `reason`'
        : `\`${label}\`${said(label, values)}`,
    );
    return `| \`${name}\` | ${kind} | ${help} | ${shown.join('; ')} |`;
  });
  return ['| metric | kind | meaning | labels and their values |', '|---|---|---|---|', ...rows].join('\n');
}

/** The text above the table explains names that an operator or a developer gives. */
function said(label: string, values: Values): string {
  if (['tenant', 'queue', 'route', 'version', 'node'].includes(label)) return '';
  if (values === METRICS.dpf_ebay_calls_total.labels.outcome) return ': ok, or the failure’s code';
  return values instanceof RegExp ? `: ${values.source}` : `: ${values.join(', ')}`;
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(METRICS_PAGE, withMetricsTable(readFileSync(METRICS_PAGE, 'utf8')));
