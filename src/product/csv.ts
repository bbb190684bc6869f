import { didYouMean } from '../config/files.ts';
import { type Product, ProductSchema } from './product.ts';

type Cell = string | number | boolean | null | undefined;
type Value = Cell | readonly unknown[] | object;

/** A part of the schema: an object with fields, or a value. */
interface Part {
  properties?: Record<string, Part>;
  anyOf?: Part[];
  type?: string;
}

/** The columns of release 0.1 in their order, each with the path of its field. */
const FIRST: ReadonlyArray<readonly [name: string, path: string]> = [
  ['itemId', 'itemId'],
  ['legacyItemId', 'legacyItemId'],
  ['marketplace', 'marketplace'],
  ['rank', 'rank'],
  ['title', 'title'],
  ['price', 'price.value'],
  ['priceCurrency', 'price.currency'],
  ['shipping', 'shipping.kind'],
  ['shippingCost', 'shipping.cost.value'],
  ['shippingCurrency', 'shipping.cost.currency'],
  ['total', 'total.value'],
  ['totalCurrency', 'total.currency'],
  ['currentBid', 'auction.currentBid.value'],
  ['currentBidCurrency', 'auction.currentBid.currency'],
  ['bidCount', 'auction.bidCount'],
  ['endsAt', 'auction.endsAt'],
  ['condition', 'condition'],
  ['conditionId', 'conditionId'],
  ['buyingOptions', 'buyingOptions'],
  ['sellerFeedbackPercentage', 'seller.feedbackPercentage'],
  ['sellerFeedbackScore', 'seller.feedbackScore'],
  ['sellerTopRated', 'seller.topRated'],
  ['country', 'location.country'],
  ['city', 'location.city'],
  ['postalCode', 'location.postalCode'],
  ['categoryIds', 'categoryIds'],
  ['epid', 'epid'],
  ['groupId', 'group.id'],
  ['listedAt', 'listedAt'],
  ['observedAt', 'observedAt'],
  ['mark', 'mark'],
  ['formerTotal', 'formerTotal.value'],
  ['url', 'url'],
  ['image', 'images.0'],
];

/** Lists whose values hold no space: divided by one. Other lists and records are JSON text. */
const SPACED = new Set(['buyingOptions', 'categoryIds', 'images']);

interface Column {
  /** Of the field in a product, such as `price.value`. */
  path: string;
  cell(product: Product): Cell;
}

/**
 * Every field of a product. Those that release 0.1 had come first; the others are named by their path (`detailsBrand`), the
 * amount of money by its field alone (`converted`, `convertedCurrency`).
 */
export const CSV_COLUMNS: ReadonlyMap<string, Column> = new Map(
  [...FIRST, ...others()].map(([name, path]) => [name, { path, cell: cellOf(path) }] as const),
);

function others(): Array<readonly [name: string, path: string]> {
  const known = new Set(FIRST.map(([, path]) => path));
  return leaves(ProductSchema as Part)
    .filter((path) => !known.has(path))
    .map((path) => [nameOf(path), path] as const);
}

/** Paths of the values below a part, in the schema's order. */
function leaves(part: Part, path = ''): string[] {
  const properties = part.properties ?? part.anyOf?.find((each) => each.properties)?.properties;
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, each]) =>
    leaves(each, path === '' ? name : `${path}.${name}`),
  );
}

function nameOf(path: string): string {
  return path.replace(/\.value$/, '').replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function cellOf(path: string): Column['cell'] {
  const steps = path.split('.');
  return (product) => {
    let value: Value = product;
    for (const step of steps) value = (value as Record<string, Value> | null | undefined)?.[step];
    if (typeof value !== 'object' || value === null) return value;
    return Array.isArray(value) && SPACED.has(path) ? value.join(' ') : JSON.stringify(value);
  };
}

const LINE_END = '\r\n';

/** Products as CSV (RFC 4180: CRLF, quotes doubled). */
export interface CsvWriter {
  /** The line that names the columns, without its end. */
  header: string;
  /** One product as a line, without its end. An unknown value is empty, never 0. */
  line(product: Product): string;
}

export type ColumnChoice = { ok: true; columns: string[] } | { ok: false; message: string };

/** The columns of a list such as `title,total,url`, in its order; all of them without one. */
export function csvColumns(list?: string): ColumnChoice {
  const names = [...CSV_COLUMNS.keys()];
  if (list === undefined) return { ok: true, columns: names };
  const columns = list.split(',').map((name) => name.trim());
  const unknown = columns.filter((name) => !CSV_COLUMNS.has(name));
  if (unknown.length === 0) return { ok: true, columns };
  const said = unknown.map((name) => JSON.stringify(name.slice(0, 64))).join(', ');
  const hint = didYouMean(unknown[0] ?? '', names);
  const message = `must name columns, not ${said}${hint}; there are ${names.join(', ')}`;
  return { ok: false, message };
}

/** @param names of `CSV_COLUMNS`, as `csvColumns` gives them. */
export function csvWriter(names: readonly string[]): CsvWriter {
  const columns = names.flatMap((name) => CSV_COLUMNS.get(name) ?? []);
  return {
    header: names.join(','),
    line: (product) => columns.map(({ cell }) => csvCell(cell(product))).join(','),
  };
}

/** The header line and a line for each product. */
export function productCsv(
  products: readonly Product[],
  names: readonly string[] = [...CSV_COLUMNS.keys()],
): string {
  const { header, line } = csvWriter(names);
  return [header, ...products.map(line)].join(LINE_END);
}

/**
 * A spreadsheet reads a cell that begins like this as a formula, and sellers write titles. An apostrophe makes it text
 * (OWASP, "CSV injection").
 */
const FORMULA = /^[=+\-@\t\r]/;

export function csvCell(value: Cell): string {
  const text = String(value ?? '');
  const safe = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
