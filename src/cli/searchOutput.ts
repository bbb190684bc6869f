import { productCsv } from '../product/csv.ts';
import type { Product } from '../product/product.ts';
import type { SearchSummary } from '../product/summary.ts';
import { count } from './progress.ts';
import { summaryText } from './summaryText.ts';
import { productTable } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface ShowOptions {
  json?: boolean;
  csv?: boolean;
  /** Most products shown. Default: 20 in a table, all elsewhere. */
  limitRows?: number;
}

export interface Found {
  summary: SearchSummary;
  products: Product[];
}

const USUAL_ROWS = 20;

/** A finished search in the form that was asked for. What is no CSV goes to stderr beside it. */
export function printFound(terminal: Terminal, { summary, products }: Found, options: ShowOptions): void {
  const { json = false, csv = false, limitRows = json || csv ? products.length : USUAL_ROWS } = options;
  const shown = products.slice(0, limitRows);
  if (json) {
    terminal.print(JSON.stringify({ summary, products: shown }, null, 2));
  } else if (csv) {
    terminal.print(productCsv(shown));
    terminal.note(summaryText(summary, terminal));
  } else {
    if (shown.length > 0) terminal.print(productTable(inTurns(products).slice(0, limitRows), terminal));
    const more = products.length - shown.length;
    if (more > 0) terminal.print(terminal.paint('dim', moreText(more, products.length)));
    terminal.print(summaryText(summary, terminal));
  }
}

/** Of several marketplaces the best of each first: a table that is cut must not hide one. */
function inTurns(products: readonly Product[]): Product[] {
  return products.toSorted((a, b) => a.rank - b.rank);
}

function moreText(more: number, all: number): string {
  return `… and ${count(more, 'product')} more (--limit-rows ${all}, --json or --csv)`;
}
