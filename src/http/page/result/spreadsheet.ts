import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import writeXlsxFile, { type Cell, type Row } from 'write-excel-file/node';
import { getCellAddress, sanitizeAttributeValue } from 'write-excel-file/utility';
import { siteName } from '../../../product/marketplaces.ts';
import type { Money } from '../../../product/money.ts';
import type { Product } from '../../../product/product.ts';
import { returnsText, stockText } from '../../../text/listings.ts';
import type { SavedItem } from '../personal.ts';
import { WAYS } from '../search/fields.ts';
import { endOf, type Saved } from './selection.ts';

/** What a cell may hold: never a formula, whatever a seller wrote. */
type Value = string | number | boolean | Date | null | undefined;

interface Column {
  name: string;
  /** Characters. */
  width: number;
  value: (product: Product, saved: SavedItem | undefined) => Value;
  /** How a number or an instant is shown. */
  format?: string;
  /** The value is the address of a link. */
  isLink?: boolean;
}

const INSTANT = 'yyyy-mm-dd hh:mm';
const DAY = 'yyyy-mm-dd';
const AMOUNT = '#,##0.00';

/** What eBay shows on request alone is in no list of prices. */
const shown = (product: Product, amount: Money | null | undefined) =>
  product.priceDisplay === null && amount ? Number(amount.value) : null;
const at = (iso: string | null | undefined) => (iso ? new Date(iso) : null);
const decimal = (text: string | null | undefined) => (text == null ? null : Number(text));

/** In people's words, as on the page. Files for programs have eBay's codes. */
const SHIPPING: Readonly<Record<Product['shipping']['kind'], string>> = {
  free: 'Free',
  fixed: 'Fixed',
  calculated: 'Calculated',
  'pickup-only': 'Pick-up only',
  unknown: 'Unknown',
};
const CHANGES: Readonly<Record<NonNullable<Product['mark']>, string>> = {
  new: 'New',
  'price-dropped': 'Dropped',
  'price-rose': 'Rose',
  same: 'Same',
};

const COLUMNS: readonly Column[] = [
  { name: 'Title', width: 60, value: ({ title }) => title },
  { name: 'Delivered', width: 11, format: AMOUNT, value: (each) => shown(each, each.total) },
  { name: 'Currency', width: 9, value: ({ total, price }) => (total ?? price)?.currency },
  { name: 'Price', width: 10, format: AMOUNT, value: (each) => shown(each, each.price) },
  { name: 'Shipping', width: 10, format: AMOUNT, value: ({ shipping }) => decimal(shipping.cost?.value) },
  { name: 'Kind of shipping', width: 16, value: ({ shipping }) => SHIPPING[shipping.kind] },
  {
    name: 'Landed cost',
    width: 12,
    format: AMOUNT,
    value: (each) => (each.priceDisplay === null ? decimal(each.landed?.cost) : null),
  },
  {
    name: 'Margin',
    width: 10,
    format: AMOUNT,
    value: (each) => (each.priceDisplay === null ? decimal(each.margin?.amount) : null),
  },
  {
    name: 'Margin %',
    width: 10,
    format: '0.00',
    value: (each) => (each.priceDisplay === null ? each.margin?.percent : null),
  },
  { name: 'Condition', width: 18, value: ({ condition }) => condition },
  { name: 'Arrives from', width: 12, format: DAY, value: ({ delivery }) => at(delivery?.earliest) },
  { name: 'Arrives until', width: 12, format: DAY, value: ({ delivery }) => at(delivery?.latest) },
  { name: 'Seller’s rating %', width: 16, format: '0.0', value: ({ seller }) => seller.feedbackPercentage },
  { name: 'Seller’s ratings', width: 15, format: '#,##0', value: ({ seller }) => seller.feedbackScore },
  { name: 'Country', width: 9, value: ({ location }) => location.country },
  { name: 'Marketplace', width: 12, value: ({ marketplace }) => siteName(marketplace) },
  {
    name: 'How it is sold',
    width: 20,
    value: ({ buyingOptions }) => buyingOptions.map((name) => WAYS[name] ?? name).join(', '),
  },
  { name: 'Highest bid', width: 11, format: AMOUNT, value: (each) => shown(each, each.auction?.currentBid) },
  { name: 'Ends', width: 17, format: INSTANT, value: (each) => at(endOf(each)) },
  { name: 'Brand', width: 16, value: ({ details }) => details?.brand },
  { name: 'MPN', width: 16, value: ({ details }) => details?.mpn },
  { name: 'GTIN', width: 16, value: ({ details }) => details?.gtin },
  { name: 'Stock', width: 14, value: (each) => (each.details === undefined ? null : stockText(each)) },
  { name: 'Returns', width: 22, value: returnsText },
  { name: 'Change', width: 14, value: ({ mark }) => mark && CHANGES[mark] },
  { name: 'Delivered before', width: 16, format: AMOUNT, value: (each) => shown(each, each.formerTotal) },
  { name: 'Favourite', width: 10, value: (_, saved) => (saved?.favourite ? 'yes' : null) },
  { name: 'Note', width: 30, value: (_, saved) => saved?.note || null },
  { name: 'Item', width: 22, value: ({ itemId }) => itemId },
  { name: 'Link', width: 40, isLink: true, value: ({ url, affiliateUrl }) => affiliateUrl ?? url },
  { name: 'Picture', width: 40, isLink: true, value: ({ images }) => images[0] },
  { name: 'Seen', width: 17, format: INSTANT, value: ({ observedAt }) => at(observedAt) },
];

/** Links of one sheet that Excel opens. */
const MAX_LINKS = 65_000;

/** The name of the thread's task in its data. */
const TASK = 'workbook';

/** What the thread that makes a workbook is given. */
interface Content {
  products: readonly Product[];
  saved: Saved;
}

/**
 * Products as a workbook: numbers are numbers, instants are in UTC, links are links, the header stays in sight. It is made in
 * a thread of its own: ten thousand rows take two seconds, in which the server would answer nobody.
 */
export function workbookOf(content: Content): Promise<Buffer> {
  // A thread reads no TypeScript: from the sources it is made here.
  if (import.meta.url.endsWith('.ts')) return makeWorkbook(content);
  const thread = new Worker(new URL(import.meta.url), { workerData: { [TASK]: content } });
  return new Promise((resolve, reject) => {
    thread.once('message', (file: Uint8Array) => resolve(Buffer.from(file))).once('error', reject);
    thread.once('exit', () => reject(new Error('the thread of the workbook ended without one')));
  });
}

async function makeWorkbook({ products, saved }: Content): Promise<Buffer> {
  const header: Row = COLUMNS.map(({ name }) => ({ value: name, type: String, fontWeight: 'bold' }));
  const links: Array<{ place: string; address: string }> = [];
  const rows = products.map((product, row): Row => {
    const own = saved.get(product.itemId);
    return COLUMNS.map((column, index) => {
      const value = column.value(product, own);
      if (column.isLink && typeof value === 'string' && isWeb(value) && links.length < MAX_LINKS)
        links.push({ place: getCellAddress(row + 1, index), address: value });
      return cellOf(value, column);
    });
  });
  const sheet = {
    sheet: 'Products',
    columns: COLUMNS.map(({ width }) => ({ width })),
    stickyRowsCount: 1,
    stickyColumnsCount: 1,
  };
  return writeXlsxFile([header, ...rows], sheet, { features: [linksFeature(links)] }).toBuffer();
}

function isWeb(address: string): boolean {
  return /^https?:\/\//i.test(address) && URL.canParse(address);
}

/** XML has no sign for these, and a workbook with one is damaged. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const NO_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
/** Signs that a cell holds at most. */
const MAX_TEXT = 32_000;

function cellOf(value: Value, { format, isLink }: Column): Cell {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string')
    return {
      value: value.replace(NO_XML, '').slice(0, MAX_TEXT),
      // Always text, so that nothing that a seller wrote is calculated.
      type: String,
      ...(isLink && isWeb(value) && { textColor: '#0563c1', textDecoration: { underline: true } }),
    };
  if (typeof value === 'number') return { value, type: Number, ...(format && { format }) };
  if (value instanceof Date) return { value, type: Date, format: format ?? INSTANT };
  return { value, type: Boolean };
}

type Feature = NonNullable<NonNullable<Parameters<typeof writeXlsxFile>[1]>['features']>[number];

/** The library writes no links by itself. */
function linksFeature(links: ReadonlyArray<{ place: string; address: string }>): Feature {
  const elements = links.map(({ place }, at) => `<hyperlink ref="${place}" r:id="rId-link-${at + 1}"/>`);
  const targets = links.map(
    ({ address }, at) =>
      `<Relationship Id="rId-link-${at + 1}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" Target="${sanitizeAttributeValue(new URL(address).href)}" TargetMode="External"/>`,
  );
  return {
    files: {
      transform: {
        'xl/worksheets/sheet{id}.xml': {
          insert: () => (links.length === 0 ? undefined : `<hyperlinks>${elements.join('')}</hyperlinks>`),
        },
        'xl/worksheets/_rels/sheet{id}.xml.rels': { insert: () => targets.join('') },
      },
    },
  };
}

// The thread runs this file. A program may load it in a thread of its own.
if (!isMainThread && workerData?.[TASK]) parentPort?.postMessage(await makeWorkbook(workerData[TASK]));
