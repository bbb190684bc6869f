import Table from 'cli-table3';
import type { Money } from '../product/money.ts';
import type { Product } from '../product/product.ts';
import { harmless, type Terminal } from './terminal.ts';

interface Column {
  head: string;
  cell(product: Product): string;
  right?: boolean;
  /** Longest width; longer cells end in `…`. */
  most?: number;
  /** Only in terminals of these widths. */
  from?: number;
  upTo?: number;
  /** Only where the products differ in it. */
  onlyIfMixed?: boolean;
  dim?: boolean;
}

const COLUMNS: readonly Column[] = [
  { head: '#', cell: ({ rank }) => String(rank), right: true, dim: true },
  { head: 'Market', cell: ({ marketplace }) => marketplace.replace('EBAY_', ''), onlyIfMixed: true },
  { head: 'New', cell: ({ mark }) => (mark === 'new' ? '●' : ''), onlyIfMixed: true },
  { head: 'Title', cell: ({ title }) => title },
  { head: 'Price', cell: priceText, right: true, most: 16 },
  { head: 'Shipping', cell: shippingText, right: true, most: 13, from: 100 },
  { head: 'Delivered', cell: deliveredText, right: true, most: 13 },
  { head: 'Condition', cell: conditionText, most: 10, from: 72, upTo: 99 },
  { head: 'Condition', cell: conditionText, most: 16, from: 100 },
  { head: 'Seller', cell: feedbackText, right: true, upTo: 99 },
  { head: 'Seller', cell: sellerText, right: true, most: 16, from: 100 },
  {
    head: 'Item',
    cell: ({ itemId, legacyItemId }) => legacyItemId ?? itemId,
    most: 20,
    from: 130,
    dim: true,
  },
];

const GAP = 2;
const LEAST_TITLE = 12;

/** Products as a table that fits the terminal: the title gives way, then whole columns. */
export function productTable(products: readonly Product[], { width, paint }: Terminal): string {
  const columns = COLUMNS.filter(
    ({ from = 0, upTo = width, onlyIfMixed = false, cell }) =>
      width >= from && width <= upTo && (!onlyIfMixed || new Set(products.map(cell)).size > 1),
  );
  const rows = products.map((product) => columns.map(({ cell }) => harmless(cell(product))));
  const widths = columns.map(({ head, most = 1000 }, at) =>
    Math.min(most, Math.max(head.length, ...rows.map((row) => (row[at] as string).length))),
  );
  const title = columns.findIndex(({ head }) => head === 'Title');
  const others = widths.reduce((sum, each, at) => (at === title ? sum : sum + each + GAP), 0);
  widths[title] = Math.min(widths[title] as number, Math.max(LEAST_TITLE, width - others));

  const table = new Table({
    head: columns.map(({ head }) => paint('dim', head)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    colWidths: widths.map((each) => each + GAP),
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    wordWrap: false,
  });
  for (const row of rows) table.push(row.map((text, at) => (columns[at]?.dim ? paint('dim', text) : text)));
  return trimLines(table.toString());
}

export const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', right: '', 'right-mid': '', mid: '', 'mid-mid': '', middle: '' },
};

export function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '');
}

export function moneyText({ value, currency }: Money): string {
  return `${value} ${currency}`;
}

/** A pure auction has no price, only what is bid now. */
export function priceText({ price, auction }: Product): string {
  if (price !== null) return moneyText(price);
  return auction?.currentBid ? `bid ${moneyText(auction.currentBid)}` : 'no price';
}

export function shippingText({ shipping: { kind, cost } }: Product): string {
  if (kind === 'free') return 'free';
  if (cost !== null) return moneyText(cost);
  return kind === 'calculated' ? 'calc.' : 'unknown';
}

/** What a buyer pays in all, where eBay says enough to know: an unknown part is named and never taken for nothing. */
export function deliveredText(product: Product): string {
  const { total, price, shipping } = product;
  if (total !== null) return moneyText(total);
  if (price === null) return 'auction';
  return shipping.kind === 'calculated' && shipping.cost === null ? 'calc.' : 'unknown';
}

/** Share of positive feedback and how many gave some. */
export function sellerText({ seller: { feedbackPercentage, feedbackScore, topRated } }: Product): string {
  const score = feedbackScore === null ? '' : ` (${shortNumber(feedbackScore)})`;
  return `${shareText(feedbackPercentage)}${score}${topRated ? '★' : ''}`;
}

function feedbackText({ seller: { feedbackPercentage, topRated } }: Product): string {
  return `${shareText(feedbackPercentage)}${topRated ? '★' : ''}`;
}

function shareText(percentage: number | null): string {
  return percentage === null ? '?' : `${percentage.toFixed(1)}%`;
}

function conditionText({ condition }: Product): string {
  return condition ?? '?';
}

function shortNumber(n: number): string {
  return n < 10_000 ? String(n) : `${Math.round(n / 1000)}k`;
}

/** `1 h 52 min`, `4 min 10 s`, `9 s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

/** An instant as a person here reads it: how far away, and what the clock will show. */
export function whenText(iso: string, now: number): string {
  const instant = Date.parse(iso);
  const sameDay = new Date(instant).toDateString() === new Date(now).toDateString();
  const clock = new Date(instant).toLocaleString('en-GB', {
    ...(sameDay ? {} : { weekday: 'short', day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
  return instant <= now ? `now (${clock})` : `in ${durationText((instant - now) / 1000)} (${clock})`;
}
