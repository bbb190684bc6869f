import Table, { type TableConstructorOptions } from 'cli-table3';
import { CSV_COLUMNS } from '../product/csv.ts';
import type { Money } from '../product/money.ts';
import type { Product } from '../product/product.ts';
import { durationText } from '../text/values.ts';
import { harmless, type Painter, type Terminal } from './terminal.ts';

export const GAP = 2;

type TableOptions = Partial<Omit<TableConstructorOptions, 'colWidths'>> & { colWidths?: number[] };

/** Rows in columns, without lines. */
export function table(rows: readonly string[][], { paint }: Terminal, options: TableOptions): string {
  const { head = [], colWidths = [] } = options;
  const grid = new Table({
    ...options,
    colWidths: colWidths.map((width) => width + GAP),
    head: head.map((each) => paint('dim', each)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
  });
  grid.push(...rows);
  return grid.toString().replace(/[ \t]+$/gm, '');
}

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', right: '', 'right-mid': '', mid: '', 'mid-mid': '', middle: '' },
};

type Field = readonly [name: string, value: string];

/** One line for each field: its name and its value. */
export function fieldLines({ paint }: Painter, fields: ReadonlyArray<Field>): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value}`).join('\n');
}

interface Column {
  head: string;
  cell(product: Product): string;
  right?: boolean;
  /** Greatest width; longer cells end in `…`. */
  max?: number;
  /** Only in terminals of these widths. */
  from?: number;
  upTo?: number;
  /** Only where the products differ in it. */
  onlyIfMixed?: boolean;
  /** Only where a product has it. */
  onlyIfAny?: boolean;
  dim?: boolean;
  /** Leads to the listing, in terminals that show links. */
  links?: boolean;
}

const COLUMNS: readonly Column[] = [
  { head: '#', cell: ({ rank }) => String(rank), right: true, dim: true },
  { head: 'Market', cell: ({ marketplace }) => marketplace.replace('EBAY_', ''), onlyIfMixed: true },
  { head: 'New', cell: ({ mark }) => (mark === 'new' ? '●' : ''), onlyIfMixed: true },
  { head: 'Title', cell: ({ title }) => title, links: true },
  { head: 'Price', cell: priceText, right: true, max: 16 },
  { head: 'Shipping', cell: shippingText, right: true, max: 13, from: 100 },
  { head: 'Delivered', cell: deliveredText, right: true, max: 13 },
  { head: 'Landed', cell: landedText, right: true, max: 13, from: 100, onlyIfAny: true },
  { head: 'Margin', cell: marginText, right: true, max: 18, onlyIfAny: true },
  { head: 'Condition', cell: ({ condition }) => condition ?? '?', max: 10, from: 72, upTo: 99 },
  { head: 'Condition', cell: ({ condition }) => condition ?? '?', max: 16, from: 100 },
  { head: 'Seller', cell: shareText, right: true, upTo: 99 },
  { head: 'Seller', cell: sellerText, right: true, max: 15, from: 100 },
  // Top Rated Plus: said of the listing.
  { head: '★', cell: ({ topRatedPlus }) => (topRatedPlus ? '★' : ''), from: 100 },
  {
    head: 'Item',
    cell: ({ itemId, legacyItemId }) => legacyItemId ?? itemId,
    ...{ max: 20, from: 120, dim: true, links: true },
  },
];

const MIN_TITLE = 12;

/** Products as a table that fits the terminal: first the title is cut, then whole columns are left out. */
export function productTable(products: readonly Product[], terminal: Terminal): string {
  const { width, paint } = terminal;
  const columns = COLUMNS.filter(
    ({ from = 0, upTo = width, onlyIfMixed = false, onlyIfAny = false, cell }) =>
      width >= from &&
      width <= upTo &&
      (!onlyIfMixed || new Set(products.map(cell)).size > 1) &&
      (!onlyIfAny || products.some((product) => cell(product) !== '')),
  );
  const rows = products.map((product) => columns.map(({ cell }) => harmless(cell(product))));
  const colWidths = columns.map(({ head, max = 1000 }, at) =>
    Math.min(max, Math.max(head.length, ...rows.map((row) => (row[at] as string).length))),
  );
  const title = columns.findIndex(({ head }) => head === 'Title');
  const others = colWidths.reduce((sum, each, at) => (at === title ? sum : sum + each + GAP), 0);
  colWidths[title] = Math.min(colWidths[title] as number, Math.max(MIN_TITLE, width - others));
  const shown = rows.map((row, index) =>
    row.map((text, at) => {
      const { dim, links } = columns[at] as Column;
      const linked = links ? linkTo(products[index] as Product, text, terminal) : text;
      return dim ? paint('dim', linked) : linked;
    }),
  );
  const head = columns.map((column) => column.head);
  const colAligns = columns.map(({ right }) => (right ? 'right' : 'left'));
  return table(shown, terminal, { head, colWidths, colAligns });
}

function linkTo({ url, affiliateUrl }: Product, text: string, { link }: Terminal): string {
  const address = affiliateUrl ?? url;
  return /^https?:\/\//.test(address ?? '') ? link(address as string, text) : text;
}

/** Columns of the CSV that show a listing by a name of its own. */
const NAMES = new Set(['title', 'itemId', 'legacyItemId', 'url']);

/** Products as a table of chosen columns of the CSV. Where they are too wide the widest are cut. */
export function chosenTable(
  products: readonly Product[],
  names: readonly string[],
  terminal: Terminal,
): string {
  const columns = names.flatMap((name) => CSV_COLUMNS.get(name) ?? []);
  const rows = products.map((product) => columns.map(({ cell }) => harmless(String(cell(product) ?? ''))));
  const colWidths = names.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => (row[at] as string).length)),
  );
  const isTooWide = () => colWidths.reduce((sum, each) => sum + each + GAP, 0) > terminal.width;
  while (isTooWide() && Math.max(...colWidths) > MIN_TITLE)
    colWidths[colWidths.indexOf(Math.max(...colWidths))] = Math.max(...colWidths) - 1;
  const shown = rows.map((row, index) =>
    row.map((text, at) =>
      NAMES.has(names[at] as string) ? linkTo(products[index] as Product, text, terminal) : text,
    ),
  );
  const colAligns = columns.map(({ isAmount }) => (isAmount ? 'right' : 'left'));
  return table(shown, terminal, { head: [...names], colWidths, colAligns });
}

export function amountText({ value, currency }: Money): string {
  return `${value} ${currency}`;
}

/** A pure auction has no price, only the current bid. A minimum advertised price is shown to nobody who has not asked. */
export function priceText({ price, auction, priceDisplay }: Product): string {
  if (priceDisplay !== null) return 'on request';
  if (price !== null) return amountText(price);
  return auction?.currentBid ? `bid ${amountText(auction.currentBid)}` : 'no price';
}

export function shippingText({ shipping: { kind, cost } }: Product): string {
  if (kind === 'free') return 'free';
  return cost === null ? unknownCost(kind) : amountText(cost);
}

/** What stands in place of a cost that is not known. */
function unknownCost(kind: Product['shipping']['kind']): string {
  if (kind === 'pickup-only') return 'pick-up only';
  return kind === 'calculated' ? 'calc.' : 'unknown';
}

/** The price with shipping. Where a part is unknown, the cell names it: unknown is never free. */
export function deliveredText({ total, price, shipping, auction, priceDisplay }: Product): string {
  if (priceDisplay !== null) return 'on request';
  if (total !== null) return amountText(total);
  if (shipping.kind === 'pickup-only') return 'not sent';
  if (price === null) return auction === null ? 'no price' : 'auction';
  return shipping.cost === null ? unknownCost(shipping.kind) : 'unknown';
}

/** Empty without costs. */
function landedText({ landed, priceDisplay }: Product): string {
  if (landed === undefined) return '';
  if (priceDisplay !== null) return 'on request';
  const { cost: value, currency } = landed;
  return value === null ? 'unknown' : amountText({ value, currency });
}

/** `4.20 USD (21 %)`; empty without a price to sell for. */
export function marginText({ landed, margin, priceDisplay }: Product): string {
  if (landed === undefined || margin === undefined) return '';
  if (priceDisplay !== null) return 'on request';
  if (margin === null) return 'unknown';
  const share = margin.percent === null ? '' : ` (${Math.floor(margin.percent)} %)`;
  return amountText({ value: margin.amount, currency: landed.currency }) + share;
}

/** Share of positive feedback, and the number of feedbacks. */
function sellerText(product: Product): string {
  const { feedbackScore: score } = product.seller;
  if (score === null) return shareText(product);
  return `${shareText(product)} (${score < 10_000 ? score : `${Math.round(score / 1000)}k`})`;
}

function shareText({ seller: { feedbackPercentage } }: Product): string {
  return feedbackPercentage === null ? '?' : `${feedbackPercentage.toFixed(1)}%`;
}

/** How far away an instant is, and its local time: `in 4 min 10 s (14:05:20 CET)`. */
export function whenText(iso: string, now: number): string {
  const instant = new Date(iso);
  const clock = clockText(instant, now);
  const ms = instant.getTime() - now;
  return ms <= 0 ? `now (${clock})` : `in ${durationText(ms)} (${clock})`;
}

/** The local time of an instant, with its day unless it is today. */
export function clockText(instant: Date, now: number): string {
  const isToday = instant.toDateString() === new Date(now).toDateString();
  return instant.toLocaleString('en-GB', {
    ...(isToday ? {} : { weekday: 'short', day: 'numeric', month: 'short' }),
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  });
}
