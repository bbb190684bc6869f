import { expect } from 'chai';
import { mapItemAnswer } from '../../src/collector/mapDetails.ts';
import { mapItem } from '../../src/collector/mapItem.ts';
import { packPage, unpackPage } from '../../src/results/packing.ts';
import { answersIn, kindOf, SAMPLES } from './answers.ts';
import { HOSTS, mapped } from './checkedAnswers.ts';
import { type Document, EBAYS, OWN } from './documents.ts';
import type { Json } from './fieldMeanings.ts';
import { coverageOfItems, ITEM } from './itemFields.ts';
import { MADE_UP } from './madeUpAnswers.ts';
import { Coverage, isKnown, leavesOf, pathsOf, type Tables } from './passedOn.ts';
import { SUMMARY } from './searchFields.ts';

/** Of the values that eBay sends in searches and a caller may have. */
const LEAST = 0.98;

/** What a caller gets of search answers: the products after they were kept and read again. */
function coverageOfSearches(answers: Readonly<Record<string, unknown>>): Coverage {
  const coverage = new Coverage(SUMMARY);
  for (const body of Object.values(answers).filter((each) => kindOf(each) === 'search')) {
    const result = mapped(body);
    if (!result.ok) continue;
    const { products } = unpackPage(packPage({ ...result.page, calls: 1, latencyMs: 1 }));
    const byRank = new Map(products.map((product) => [product.rank - result.page.offset, product]));
    const items: Json[] = (body as Json).itemSummaries ?? [];
    for (const [index, item] of items.entries()) coverage.add(item, byRank.get(index + 1) ?? null);
  }
  return coverage;
}

function testSearches(answers: Readonly<Record<string, unknown>>): void {
  it('search: each value that eBay sends is passed on, or its path is left out for a reason', () => {
    const coverage = coverageOfSearches(answers);
    expect([...coverage.unknown], 'paths of neither table').to.deep.equal([]);
    expect(coverage.share, String(coverage)).to.be.at.least(LEAST);
  });
}

/** Of the values that eBay sends of items and a caller may have. */
const LEAST_OF_ITEMS = 0.95;

function testItems(answers: Readonly<Record<string, unknown>>): void {
  for (const [name, body] of Object.entries(answers).filter(([, each]) => kindOf(each) === 'item'))
    it(`${name}: each value that eBay sends of an item is passed on, or its path is in a table of reasons`, () => {
      const coverage = coverageOfItems([body]);
      expect([...coverage.unknown], 'paths of no table').to.deep.equal([]);
      expect(coverage.share, String(coverage)).to.be.at.least(LEAST_OF_ITEMS);
    });
}

describe('made-up answers, value by value', () => {
  // Some of these listings are rejected on purpose.
  const { 'search-few-fields': _, ...answers } = MADE_UP;
  testSearches(answers);
  testItems(answers);

  it('of an item with every field nothing is lost but what is dropped for a reason', () => {
    const { lost } = coverageOfItems([MADE_UP['item-everything']]);
    expect([...lost.keys()].filter((path) => ITEM.passed[path] !== undefined)).to.deep.equal([]);
  });

  it('no contact data and no user name of an item is in its product', () => {
    const item = MADE_UP['item-everything'] as Json;
    const observation = { marketplace: 'EBAY_US', observedAt: new Date(0).toISOString(), rank: 1 } as const;
    const product = JSON.stringify(mapItemAnswer(item, { ...observation, hosts: HOSTS }));
    const people =
      /^(seller\.(username|userId|sellerLegalInfo)|manufacturer|responsiblePersons|sellerCustomPolicies)/;
    const held = leavesOf(item).filter(({ path }) => people.test(path) && !path.endsWith('issuingCountry'));
    expect(held).to.have.length(14);
    for (const { path, value } of held) expect(product, path).to.not.include(String(value));
  });

  it('a value that a product lacks counts as lost, and a path of neither table is named', () => {
    const item = (MADE_UP['search-us'] as Json).itemSummaries[0];
    const observation = { marketplace: 'EBAY_US', observedAt: new Date(0).toISOString(), rank: 1 } as const;
    const found = mapItem(item, { ...observation, hosts: HOSTS });
    if ('rejected' in found) throw new Error(found.rejected);
    const coverage = new Coverage(SUMMARY);
    coverage.add({ ...item, newField: [{ name: 1 }] }, { ...found.product, discountPercent: null });
    expect([...coverage.unknown]).to.deep.equal(['newField[].name']);
    expect([...coverage.lost.keys()]).to.include('marketingPrice.discountPercentage');
    const { passed, sent } = coverage;
    coverage.add({ title: 'x' }, null);
    expect([coverage.passed, coverage.sent]).to.deep.equal([passed, sent + 1]);
  });
});

describe('real answers of eBay, value by value', () => {
  if (SAMPLES === undefined) it('are passed on (skipped: set EBAY_SAMPLES to a folder with captured bodies)');
  else {
    testSearches(answersIn(SAMPLES));
    testItems(answersIn(SAMPLES));
  }
});

describe('our own list of eBay’s fields, path by path', () => testPaths(OWN.browse));

describe('eBay’s OpenAPI documents, path by path', () => {
  if (EBAYS === undefined) it('are known (skipped: set EBAY_OPENAPI to the folder of the documents)');
  else testPaths(EBAYS.browse);
});

function testPaths(document: Document): void {
  const unknown = (schema: string, tables: Tables) => {
    const paths = pathsOf(document, schema);
    expect(paths).to.not.have.length(0);
    return paths.filter((path) => !isKnown(tables, path));
  };

  it('each value of an ItemSummary is passed on, or left out for a reason', () => {
    expect(unknown('ItemSummary', SUMMARY)).to.deep.equal([]);
  });

  it('each value of an Item is passed on, or left out for a reason', () => {
    expect(unknown('Item', ITEM)).to.deep.equal([]);
  });
}
