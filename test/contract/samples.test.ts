import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import { mapDetails } from '../../src/collector/mapDetails.ts';
import { type MappedPage, mapPage } from '../../src/collector/mapPage.ts';
import { ProductSchema } from '../../src/product/product.ts';
import { packPage, unpackPage } from '../../src/results/packing.ts';

const folder = process.env.EBAY_SAMPLES;
const isProduct = addFormats.default(new Ajv({ strictTypes: false })).compile(ProductSchema);
const REASONS = ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price'];

type Fields = Record<string, unknown>;

/** What a captured body is, told by its own shape, so that files nobody has seen yet find their mapper. */
function kindOf(body: unknown): 'search' | 'item' | 'other' {
  const { itemSummaries, total, itemId } = (body ?? {}) as Fields;
  if (Array.isArray(itemSummaries) || typeof total === 'number') return 'search';
  return typeof itemId === 'string' ? 'item' : 'other';
}

function mapped(body: unknown): MappedPage {
  const { offset, limit } = (body ?? {}) as Fields;
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise);
  const address = { marketplace: 'EBAY_US', offset: number(offset, 0), limit: number(limit, 50) } as const;
  return mapPage(body, { ...address, observedAt: new Date(0).toISOString() });
}

function checkSearch(body: unknown): void {
  const result = mapped(body);
  if (!result.ok) throw new Error(result.reason);
  const { products, rejected, received } = result.page;
  for (const product of products) expect(isProduct(product), JSON.stringify(isProduct.errors)).to.equal(true);
  const page = { ...result.page, calls: 1, latencyMs: 1 };
  expect(unpackPage(packPage(page)), 'as it is kept').to.deep.equal(page);
  for (const reason of Object.keys(rejected)) expect(REASONS).to.include(reason);
  const items = ((body as Fields).itemSummaries ?? []) as { seller?: Fields }[];
  expect(received).to.equal(items.length);
  expect(products.length + Object.values(rejected).reduce((sum, n) => sum + n, 0)).to.equal(received);
  const names = items
    .map((item) => JSON.stringify(item?.seller?.username ?? null))
    .filter((name) => name !== 'null');
  for (const { seller } of products)
    expect(names.some((name) => JSON.stringify(seller).includes(name))).to.equal(false);
}

/** Anything else is no page, for a named reason, unless warnings are all that eBay sent. */
function checkOther(body: unknown): void {
  const result = mapped(body);
  if (result.ok) expect(result.page.warnings).to.not.have.length(0);
  else expect(['error-body', 'not-a-search-answer', 'not-an-object']).to.include(result.reason);
  expect(mapDetails(body, new Date(0))).to.equal(null);
}

describe('real answers of eBay', () => {
  if (folder === undefined) {
    it('are mapped (skipped: set EBAY_SAMPLES to a folder with captured JSON bodies)');
    return;
  }
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  for (const name of names.sort()) {
    it(`${name}: products or named reasons, no exception`, () => {
      const body: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const kind = kindOf(body);
      if (kind === 'search') checkSearch(body);
      else if (kind === 'item') expect(mapDetails(body, new Date(0))).to.not.equal(null);
      else checkOther(body);
    });
  }
});
