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
const SPACED = new Set([
  'buyingOptions',
  'categoryIds',
  'images',
  'pickup',
  'programs',
  'landed.unknown',
  'landed.missingRates',
  'details.deliveryOptions',
  'details.groupImages',
  'details.catalogue.images',
]);

/** Amounts beside their currency, of which one stands for several of them. */
const COST_AMOUNT = /^(landed\.(cost|parts\.\w+)|margin\.(amount|resale|tax|\w+Fee))$/;

interface Column {
  /** Of the field in a product, such as `price.value`. */
  path: string;
  /** An amount: a decimal number as text. */
  isAmount: boolean;
  cell(product: Product): Cell;
}

/**
 * Every field of a product. Those that release 0.1 had come first; the others are named by their path (`detailsBrand`), the
 * amount of money by its field alone (`converted`, `convertedCurrency`).
 */
export const CSV_COLUMNS: ReadonlyMap<string, Column> = new Map(
  [...FIRST, ...others()].map(
    ([name, path]) =>
      [
        name,
        { path, isAmount: path.endsWith('.value') || COST_AMOUNT.test(path), cell: cellOf(path) },
      ] as const,
  ),
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

/** What stands between two cells, by the name that requests give it. */
export const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;

export type SeparatorName = keyof typeof SEPARATORS;

/** How the lines are written. */
export interface CsvForm {
  separator: string;
  /** For Excel: UTF-8 with a byte order mark, ids as text. */
  excel: boolean;
  /** Before the decimals of amounts and numbers. */
  decimal: string;
}

const PLAIN: CsvForm = { separator: ',', excel: false, decimal: '.' };

/** Excel reads a file as UTF-8 by these bytes alone. */
const BYTE_ORDER_MARK = '\ufeff';

/** Where the decimals follow a point and lists are divided by semicolons all the same. */
const SEMICOLON_REGIONS = ['CH', 'LI'];

/**
 * The form that is asked for. Excel divides lines, and reads decimals, as the country's settings say: without a separator
 * the locale decides.
 * @param locale such as `de-DE`; an unknown one counts as `en`
 */
export function csvForm(asked: {
  excel?: boolean | undefined;
  separator?: SeparatorName | undefined;
  locale?: string | undefined;
}): CsvForm {
  const { excel = false, separator } = asked;
  if (!excel) return { ...PLAIN, separator: SEPARATORS[separator ?? 'comma'] };
  const usual = usualIn(asked.locale);
  if (separator === undefined) return { excel, ...usual };
  const sign = SEPARATORS[separator];
  // Who divides by semicolons writes decimals with a comma, unless the locale says otherwise.
  const decimal = sign === usual.separator ? usual.decimal : sign === ';' ? ',' : '.';
  return { excel, separator: sign, decimal };
}

function usualIn(locale = 'en'): { separator: string; decimal: string } {
  if (!isLocale(locale)) return usualIn();
  const parts = new Intl.NumberFormat(locale).formatToParts(1.5);
  const decimal = parts.find(({ type }) => type === 'decimal')?.value === ',' ? ',' : '.';
  const isDividedBySemicolon =
    decimal === ',' || SEMICOLON_REGIONS.includes(new Intl.Locale(locale).region ?? '');
  return { separator: isDividedBySemicolon ? ';' : ',', decimal };
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

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
export function csvWriter(names: readonly string[], form: CsvForm = PLAIN): CsvWriter {
  const columns = names.flatMap((name) => CSV_COLUMNS.get(name) ?? []);
  return {
    header: `${form.excel ? BYTE_ORDER_MARK : ''}${names.join(form.separator)}`,
    line: (product) =>
      columns.map(({ cell, isAmount }) => csvCell(cell(product), form, isAmount)).join(form.separator),
  };
}

/** The header line and a line for each product. */
export function productCsv(
  products: readonly Product[],
  names: readonly string[] = [...CSV_COLUMNS.keys()],
  form: CsvForm = PLAIN,
): string {
  const { header, line } = csvWriter(names, form);
  return [header, ...products.map(line)].join(LINE_END);
}

/**
 * A spreadsheet reads a cell that begins with such a sign as a formula, also after spaces, and sellers write titles. Those
 * of East Asia read the wide and small forms likewise (OWASP, "CSV injection"). An apostrophe makes it text.
 */
const FORMULA = /^(?=\s*[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20\t\r\n])/;

/**
 * The same inside a cell, behind a sign at which some spreadsheet begins the next one: it divides by the separator of its
 * country, whatever this file has, and then takes the quotes around this cell for text.
 */
const INNER_FORMULA = /([,;\t|\r\n][\s"]*)(?=[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])/g;

const NUMBER = /^-?\d+(\.\d+)?$/;

/** @param isAmount whether a text is a decimal number, which no apostrophe may keep from being added up */
export function csvCell(value: Cell, form: CsvForm = PLAIN, isAmount = false): string {
  const { separator, excel, decimal } = form;
  const text = String(value ?? '');
  const isNumber = typeof value === 'number' || isAmount;
  if (isNumber && NUMBER.test(text)) return quoted(text.replace('.', decimal));
  if (typeof value !== 'string') return text;
  if (excel && isMistaken(text)) return quoted(`="${text}"`);
  const inner = text.replace(INNER_FORMULA, (signs) => (divides(signs, separator) ? `${signs}'` : signs));
  return quoted(inner.replace(FORMULA, "'"));
}

/** Where `csvCell` wrote an apostrophe inside a cell. */
const INNER_APOSTROPHE = new RegExp(INNER_FORMULA.source.replace('(?=', "'(?="), 'g');

/** What `csvCell` wrote with apostrophes, in a file that is divided by commas. */
export function withoutApostrophes(text: string): string {
  const own = text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1) : text;
  return own.replace(INNER_APOSTROPHE, (written, signs: string) =>
    divides(signs, PLAIN.separator) ? signs : written,
  );
}

/** Whether these signs hold another separator than the file's own, whose quotes hold. */
function divides(signs: string, own: string): boolean {
  return /[,;\t|\r\n]/.test(signs.replaceAll(own, ''));
}

/** Also where another separator than this file's would divide. */
function quoted(text: string): string {
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Text that Excel takes for a number or a date: it shows the id 110587654321 as 1.1E+11 and the part number MAR-10 as a
 * date. A formula that names the text keeps it.
 */
function isMistaken(text: string): boolean {
  return (
    /^(?=.*\d)[\d.,:/%-]+$/.test(text) ||
    /^\d+(\.\d+)?e[+-]?\d+$/i.test(text) ||
    /^(\p{L}{3,9}[-/. ]\d{1,4}|\d{1,4}[-/. ]\p{L}{3,9})$/u.test(text)
  );
}
