import type { Product } from './product.ts';

type Cell = string | number | boolean | null | undefined;

const COLUMNS: Record<string, (product: Product) => Cell> = {
  itemId: ({ itemId }) => itemId,
  legacyItemId: ({ legacyItemId }) => legacyItemId,
  marketplace: ({ marketplace }) => marketplace,
  rank: ({ rank }) => rank,
  title: ({ title }) => title,
  price: ({ price }) => price?.value,
  priceCurrency: ({ price }) => price?.currency,
  shipping: ({ shipping }) => shipping.kind,
  shippingCost: ({ shipping }) => shipping.cost?.value,
  shippingCurrency: ({ shipping }) => shipping.cost?.currency,
  total: ({ total }) => total?.value,
  totalCurrency: ({ total }) => total?.currency,
  currentBid: ({ auction }) => auction?.currentBid?.value,
  currentBidCurrency: ({ auction }) => auction?.currentBid?.currency,
  bidCount: ({ auction }) => auction?.bidCount,
  endsAt: ({ auction }) => auction?.endsAt,
  condition: ({ condition }) => condition,
  conditionId: ({ conditionId }) => conditionId,
  buyingOptions: ({ buyingOptions }) => buyingOptions.join(' '),
  sellerFeedbackPercentage: ({ seller }) => seller.feedbackPercentage,
  sellerFeedbackScore: ({ seller }) => seller.feedbackScore,
  sellerTopRated: ({ seller }) => seller.topRated,
  country: ({ location }) => location.country,
  city: ({ location }) => location.city,
  postalCode: ({ location }) => location.postalCode,
  categoryIds: ({ categoryIds }) => categoryIds.join(' '),
  epid: ({ epid }) => epid,
  groupId: ({ group }) => group?.id,
  listedAt: ({ listedAt }) => listedAt,
  observedAt: ({ observedAt }) => observedAt,
  mark: ({ mark }) => mark,
  formerTotal: ({ formerTotal }) => formerTotal?.value,
  url: ({ url }) => url,
  image: ({ images }) => images[0],
};

const LINE_END = '\r\n';

/** The line that names the columns, without its end. */
export function csvHeader(): string {
  return Object.keys(COLUMNS).join(',');
}

/** One product as a line, without its end. An unknown value is empty, never 0. */
export function csvLine(product: Product): string {
  return Object.values(COLUMNS)
    .map((cell) => csvCell(cell(product)))
    .join(',');
}

/** Products as CSV (RFC 4180: CRLF, quotes doubled) with a header line. */
export function productCsv(products: readonly Product[]): string {
  return [csvHeader(), ...products.map(csvLine)].join(LINE_END);
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
