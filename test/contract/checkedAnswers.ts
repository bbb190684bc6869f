import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import { withDetails } from '../../src/collector/assemble.ts';
import { mapDetails } from '../../src/collector/mapDetails.ts';
import { mapItem } from '../../src/collector/mapItem.ts';
import { type MappedPage, mapPage } from '../../src/collector/mapPage.ts';
import { resultView } from '../../src/http/page/result/resultView.ts';
import { PER_PAGE, selectionFrom } from '../../src/http/page/result/selection.ts';
import { productCsv } from '../../src/product/csv.ts';
import { linkableHosts } from '../../src/product/marketplaces.ts';
import { parseSearchRequest } from '../../src/product/parseRequest.ts';
import { type Product, ProductSchema } from '../../src/product/product.ts';
import type { SearchReport } from '../../src/queue/searchReader.ts';
import {
  cellsOf,
  checkCard,
  checkDetails,
  checkIdentity,
  checkImages,
  checkListing,
  checkPrice,
  checkRating,
  checkRest,
  checkRow,
  checkShipping,
  type Json,
} from './fieldMeanings.ts';

const isProduct = addFormats.default(new Ajv({ strictTypes: false })).compile(ProductSchema);

export function expectProduct(product: Product): void {
  expect(isProduct(product), JSON.stringify(isProduct.errors)).to.equal(true);
}

/** An answer that claims items and shows none: no product may come of it, and it may not count as nothing found. */
export function isContradiction({ total, itemSummaries }: Json): boolean {
  return Number(total) > 0 && (itemSummaries?.length ?? 0) === 0;
}

export function mapped(body: unknown): MappedPage {
  const { offset, limit } = (body ?? {}) as Json;
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise);
  const address = { marketplace: 'EBAY_US', offset: number(offset, 0), limit: number(limit, 50) } as const;
  return mapPage(body, { ...address, observedAt: new Date(0).toISOString() }, HOSTS);
}

/** eBay's, and the simulator's own. */
export const HOSTS = linkableHosts(['127.0.0.1']);

/** The rows of CSV by their columns' names. */
function rowsOf(products: Product[]): Record<string, string | undefined>[] {
  const [head = '', ...lines] = productCsv(products).split('\r\n');
  const names = cellsOf(head);
  return lines.map((line) => {
    const cells = cellsOf(line);
    expect(cells).to.have.length(names.length);
    return Object.fromEntries(names.map((name, index) => [name, cells[index]]));
  });
}

/** The cards of the page, one for each product. */
function cardsOf(products: Product[]): string[] {
  const report: SearchReport = {
    searchId: 's',
    state: 'collecting',
    progress: null,
    summary: null,
    error: null,
  };
  const parsed = parseSearchRequest({ query: 'x' }, { marketplace: 'EBAY_US' });
  const request = parsed.ok ? parsed.request : undefined;
  const pages = Array.from({ length: Math.ceil(products.length / PER_PAGE) }, (_, index) => index + 1);
  return pages.flatMap((page) => {
    const selection = selectionFrom({ page: String(page) });
    const view = String(
      resultView({
        ...{ report, request, products, selection, query: {}, saved: new Map() },
        ...{
          marketplace: 'EBAY_US',
          csrf: null,
          mayEnqueue: false,
          maySchedule: false,
          now: Date.now(),
          job: undefined,
        },
      }),
    );
    return view.split('<li class="card"').slice(1);
  });
}

/** Every field of the product, of its row and of its card against eBay's own JSON. */
function checkProducts(items: Json[], products: Product[]): void {
  const rows = rowsOf(products);
  const cards = cardsOf(products);
  expect(cards).to.have.length(products.length);
  for (const [index, product] of products.entries()) {
    const item = items[product.rank - 1];
    checkIdentity(item, product);
    checkPrice(item, product);
    checkShipping(item, product);
    checkImages(item, product);
    checkRest(item, product);
    checkRating(item, product);
    checkRow(item, rows[index] ?? {}, product);
    checkCard(item, cards[index] ?? '', product);
  }
}

/** Every product of a search answer, and that none is missing but those rejected. */
export function checkFields(body: Json): void {
  if (isContradiction(body)) return;
  const result = mapped(body);
  if (!result.ok) throw new Error(result.reason);
  const { products, offset } = result.page;
  const items = body.itemSummaries ?? [];
  const own = products.map((product) => ({ ...product, rank: product.rank - offset }));
  checkProducts(items, own);
  for (const product of own) checkListing(items[product.rank - 1], product);
}

/** An item answer beside a search answer that said something else of the same item. */
export function checkItem(item: Json): void {
  const asked = { marketplace: 'EBAY_US', observedAt: new Date(0).toISOString(), rank: 1 } as const;
  const older = {
    itemId: item.itemId,
    title: 'An older title',
    itemWebUrl: item.itemWebUrl,
    price: { value: '123', currency: 'JPY' },
    shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: { value: '4.56', currency: 'CHF' } }],
    seller: { feedbackPercentage: '12.3', feedbackScore: 4 },
    buyingOptions: ['FIXED_PRICE'],
  };
  const found = mapItem(older, { ...asked, hosts: HOSTS });
  if ('rejected' in found) throw new Error(found.rejected);
  const now = new Date('2026-01-01T00:00:00Z');
  const answer = mapDetails(item, now, HOSTS);
  if (answer?.listing == null) throw new Error('no offer in the answer');
  const { details, listing } = answer;
  const product = withDetails(found.product, { details, listing, calls: 1, latencyMs: 1 });
  expectProduct(product);
  expect(product.observedAt).to.equal(now.toISOString());
  checkProducts([item], [product]);
  checkDetails(item, product);
}
