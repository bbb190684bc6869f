import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { mapDetails } from '../../src/collector/mapDetails.ts';
import { packPage, unpackPage } from '../../src/results/packing.ts';
import { checkFields, checkItem, expectProduct, isContradiction, mapped } from './checkedAnswers.ts';

const folder = process.env.EBAY_SAMPLES;
const REASONS = ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price'];

type Fields = Record<string, unknown>;

/** What a captured body is, told by its own shape, so that files nobody has seen yet find their mapper. */
function kindOf(body: unknown): 'search' | 'item' | 'other' {
  const { itemSummaries, total, itemId } = (body ?? {}) as Fields;
  if (Array.isArray(itemSummaries) || typeof total === 'number') return 'search';
  return typeof itemId === 'string' ? 'item' : 'other';
}

function checkSearch(body: unknown): void {
  const result = mapped(body);
  if (isContradiction(body as object)) {
    expect(result).to.include({ ok: false, reason: 'no-items' });
    return;
  }
  if (!result.ok) throw new Error(result.reason);
  const { products, rejected, received } = result.page;
  for (const product of products) expectProduct(product);
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
    const body: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const kind = kindOf(body);

    it(`${name}: products or named reasons, no exception`, () => {
      if (kind === 'search') checkSearch(body);
      else if (kind === 'item') expect(mapDetails(body, new Date(0))).to.not.equal(null);
      else checkOther(body);
    });
    if (kind === 'other') continue;

    it(`${name}: every field is what eBay said, in the product, its row of CSV and its card of the page`, () => {
      if (kind === 'search') checkFields(body);
      else checkItem(body);
    });
  }
});
