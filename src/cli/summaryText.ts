import type { Outcome, SearchSummary } from '../product/summary.ts';
import { count } from './progress.ts';
import { type Colour, harmless, type Terminal } from './terminal.ts';

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
