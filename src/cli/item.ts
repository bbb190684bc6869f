import { Command } from 'commander';
import { marketplaceOf } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import {
  arrivalText,
  aspectText,
  type Listing,
  listingsOf,
  returnsText,
  stockText,
} from '../text/listings.ts';
import { countText } from '../text/values.ts';
import { addRequestFlags, type Defaults, requestFrom, wholeNumber, withOptions } from './flags.ts';
import { ageText, type Flags, printFound, runSearch, summaryText } from './search.ts';
import {
  amountText,
  deliveredText,
  fieldLines,
  marginText,
  priceText,
  shippingText,
  table,
} from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

/** Fields of a request that make sense for a listing which is named. */
const FIELDS = [
  ...['marketplaces', 'shipTo', 'variations', 'details', 'detailsMaxAge', 'language', 'reference', 'costs'],
  ...['track', 'onFailure', 'priority', 'tenant'],
];

export function command(terminal: Terminal): Command {
  const item = new Command('item')
    .description(
      'Show listings with price, stock, delivery and all variations, each by its id or the address of its page. ' +
        'It needs a running worker. A listing costs one or two calls; one that was shown within the hour costs none.',
    )
    .argument('<item...>', 'an item id (v1|…|…), the id of a listing, or an address in quotes');
  return addRequestFlags(item, FIELDS)
    .option('--dry-run', 'show what it would cost and when it could be done; enqueue nothing')
    .option('--no-wait', 'print the search’s id and end; dpf search --get ID shows it later')
    .option('--limit-rows <n>', 'show at most so many products', wholeNumber('--limit-rows', 999_999))
    .option('--json', 'print summary and products as JSON')
    .option('--csv', 'print the products as CSV')
    .option('--columns <names>', 'of the CSV, such as title,total,url; else all of them')
    .action(async (items: string[], flags: Flags) => {
      const request = (ebay: Defaults) => itemRequest(items, flags, ebay);
      const wanted = { isNamed: true, request, print: printListings };
      terminal.exit = await runSearch(terminal, flags, wanted).catch((error) => {
        throw withOptions(error);
      });
    });
}

/** By default with all variations, and on the site of an address. */
function itemRequest(items: string[], flags: Flags, ebay: Defaults): SearchRequest {
  const site = items.map(marketplaceOf).find((id) => id !== undefined);
  const defaults = { variations: 'all' as const, ...(site && { marketplaces: [site] }) };
  return { ...defaults, ...requestFrom(undefined, { ...flags }, ebay), items };
}

/** Each listing with its facts and its variations. As CSV and JSON like any search. */
export function printListings(
  terminal: Terminal,
  found: Parameters<typeof printFound>[1],
  options: Partial<Flags>,
  now = Date.now(),
): void {
  const { summary, products } = found;
  if (options.json || options.csv) {
    printFound(terminal, found, options, now);
    return;
  }
  const listings = listingsOf(products.slice(0, options.limitRows));
  for (const listing of listings) terminal.print(`${listingText(listing, terminal)}\n`);
  const more = products.length - (options.limitRows ?? products.length);
  if (more > 0) terminal.print(terminal.paint('dim', `… and ${countText(more, 'product')} more`));
  for (const id of summary.gone)
    terminal.print(terminal.paint('yellow', `${harmless(id)}: eBay no longer has this listing`));
  if (products.length > 0) terminal.print(terminal.paint('dim', ageText(products, now)));
  terminal.print(summaryText(summary, terminal));
}

type Row = readonly [head: string, cell: (product: Product) => string, right?: boolean];

/** What may differ between variations, and is named once where it does not. */
const OFFER: readonly Row[] = [
  ['price', priceText, true],
  ['shipping', shippingText, true],
  ['delivered', deliveredText, true],
  ['margin', marginText, true],
  ['stock', stockText, true],
  ['arrives', ({ delivery }) => arrivalText(delivery) ?? 'unknown'],
  ['condition', ({ condition }) => condition ?? 'unknown'],
];

function listingText({ products, differences }: Listing, terminal: Terminal): string {
  const [first] = products as [Product, ...Product[]];
  const valuesOf = (cell: Row[1]) => [...new Set(products.map(cell))];
  const shared = OFFER.filter(([, cell]) => valuesOf(cell).length === 1 && cell(first) !== '');
  const differing = OFFER.filter(([, cell]) => valuesOf(cell).length > 1);
  const { originalPrice, discountPercent, url, marketplace, details } = first;
  const was = originalPrice === null ? '' : `was ${amountText(originalPrice)}`;
  const discount = [was, discountPercent ? `${discountPercent} % off` : ''].filter(Boolean).join(', ');
  const fields = [
    ...shared.map(([name, cell]) => [name, cell(first)] as const),
    ...(discount !== '' && first.priceDisplay === null && products.length === 1
      ? [['discount', discount] as const]
      : []),
    ['returns', returnsText(first) ?? 'not stated'] as const,
    ...(details?.brand ? [['brand', details.brand] as const] : []),
    ['market', marketplace] as const,
    ['page', first.affiliateUrl ?? url] as const,
  ];
  const heading = terminal.paint('bold', harmless(first.title));
  const facts = fieldLines(
    terminal,
    fields.map(([name, value]) => [name, harmless(value)] as const),
  );
  if (products.length === 1) return `${heading}\n${facts}`;
  const columns: Row[] = [...differences.map((name): Row => [name, aspectText(name)]), ...differing];
  const rows = products.map((product) => columns.map(([, cell]) => harmless(cell(product))));
  const head = columns.map(([name]) => harmless(name.charAt(0).toUpperCase() + name.slice(1)));
  const colAligns = columns.map(([, , right]) => (right ? 'right' : 'left') as 'left' | 'right');
  const count = terminal.paint('dim', countText(products.length, 'variation'));
  return `${heading}\n${facts}\n${count}\n${table(rows, terminal, { head, colAligns })}`;
}
