import { Command } from 'commander';
import { Failure } from '../failures.ts';
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
  ...['marketplaces', 'shipTo', 'variations', 'detailsMaxAge', 'language', 'reference', 'costs'],
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
        throw withArguments(withOptions(error), items);
      });
    });
}

/** An error about a request with the arguments that its items were written as. */
function withArguments(error: unknown, items: readonly string[]): unknown {
  if (!(error instanceof Failure) || error.detail.errors === undefined) return error;
  const errors = error.detail.errors.map((each) => {
    const [, index] = /^items\.(\d+)$/.exec(each.path) ?? [];
    return index === undefined ? each : { ...each, option: items[Number(index)]?.slice(0, 60) };
  });
  return new Failure(error.code, error.message, { ...error.detail, errors });
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

/** The offer: a row for each variation. */
const OFFER: readonly Row[] = [
  ['price', priceText, true],
  ['shipping', shippingText, true],
  ['delivered', deliveredText, true],
  ['margin', marginText, true],
  ['stock', stockText, true],
  ['arrives', ({ delivery }) => arrivalText(delivery) ?? 'unknown'],
];
/** The same for nearly all listings, and then named once. */
const CONDITION: Row = ['condition', ({ condition }) => condition ?? 'unknown'];

function listingText({ products, differences }: Listing, terminal: Terminal): string {
  const [first] = products as [Product, ...Product[]];
  const offer = OFFER.filter(([, cell]) => products.some((product) => cell(product) !== ''));
  const isOne = products.length === 1;
  const hasOneCondition = new Set(products.map(CONDITION[1])).size === 1;
  const named = [...(isOne ? offer : []), ...(hasOneCondition ? [CONDITION] : [])];
  const { url, affiliateUrl, marketplace, details } = first;
  const fields: Array<readonly [string, string]> = [
    ...named.map(([name, cell]) => [name, cell(first)] as const),
    ['discount', isOne ? discountText(first) : ''],
    ['returns', returnsText(first) ?? 'not stated'],
    ['brand', details?.brand ?? ''],
    ['market', marketplace],
    ['page', affiliateUrl ?? url],
  ];
  const known = fields.flatMap(([name, value]) => (value === '' ? [] : [[name, harmless(value)] as const]));
  const heading = `${terminal.paint('bold', harmless(first.title))}\n${fieldLines(terminal, known)}`;
  if (isOne) return heading;
  const aspects = differences.map((name): Row => [name, aspectText(name)]);
  const columns = [...aspects, ...offer, ...(hasOneCondition ? [] : [CONDITION])];
  const rows = products.map((product) => columns.map(([, cell]) => harmless(cell(product))));
  const head = columns.map(([name]) => harmless(name.charAt(0).toUpperCase() + name.slice(1)));
  const colAligns = columns.map(([, , right]): 'left' | 'right' => (right ? 'right' : 'left'));
  const count = terminal.paint('dim', countText(products.length, 'variation'));
  return `${heading}\n${count}\n${table(rows, terminal, { head, colAligns })}`;
}

function discountText({ originalPrice, discountPercent, priceDisplay }: Product): string {
  if (priceDisplay !== null) return '';
  const was = originalPrice === null ? '' : `was ${amountText(originalPrice)}`;
  return [was, discountPercent ? `${discountPercent} % off` : ''].filter(Boolean).join(', ');
}
