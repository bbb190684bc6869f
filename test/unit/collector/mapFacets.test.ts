import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import fc from 'fast-check';
import { headOf } from '../../../src/collector/assemble.ts';
import { mapFacets } from '../../../src/collector/mapFacets.ts';
import { mapPage } from '../../../src/collector/mapPage.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import { SearchSummarySchema } from '../../../src/product/summary.ts';
import { packHead, unpackHead } from '../../../src/results/packing.ts';
import { MADE_UP } from '../../contract/madeUpAnswers.ts';
import { request } from './listing.ts';

const asked = {
  marketplace: 'EBAY_US',
  offset: 0,
  limit: 200,
  observedAt: '2026-02-03T04:05:06.000Z',
} as const;

function page(body: unknown) {
  const mapped = mapPage(body, asked);
  if (!mapped.ok) throw new Error(mapped.reason);
  return mapped.page;
}

const value = (localizedAspectValue: unknown, matchCount: unknown, refinementHref?: unknown) => ({
  localizedAspectValue,
  matchCount,
  refinementHref,
});

const aspect = (localizedAspectName: unknown, ...aspectValueDistributions: unknown[]) => ({
  localizedAspectName,
  aspectValueDistributions,
});

describe('what narrows a search', () => {
  it('is read from the page, with eBay’s counts, under the names that a request has', () => {
    expect(page(MADE_UP['search-refinement']).facets).to.deep.equal({
      dominantCategoryId: '900100',
      categories: [{ id: '900100', name: 'Made-up goods', count: 14 }],
      aspects: [
        {
          name: 'Shade',
          values: [
            { value: 'Linen', count: 12 },
            { value: '!', text: 'Not Specified', count: 3 },
          ],
        },
      ],
      conditions: [{ id: '1000', name: 'New', count: 9 }],
      buyingOptions: [{ name: 'FIXED_PRICE', count: 15 }],
    });
  });

  it('is absent from a page without it, as is a corrected query', () => {
    expect(page(MADE_UP['search-us'])).to.not.have.any.keys('facets', 'correctedQuery');
    expect(page(MADE_UP['search-refinement'])).to.include({ correctedQuery: 'lamp' });
  });

  it('is in the head of its page, and a head without it is what it was', () => {
    const headOfPage = (name: string) =>
      unpackHead(packHead(headOf(request(), { ...page(MADE_UP[name]), calls: 1, latencyMs: 1 })));
    expect(headOfPage('search-refinement').facets).to.deep.equal(page(MADE_UP['search-refinement']).facets);
    expect(headOfPage('search-us')).to.not.have.any.keys('facets', 'correctedQuery');
  });

  it('leaves out what no request can hold, what has no count, and what comes twice', () => {
    const facets = mapFacets({
      dominantCategoryId: 'shoes',
      aspectDistributions: [
        aspect('Size', value('42', 3), value('42', 5), value('43', '4'), value('44', null), value('{5}', 1)),
        aspect('Si:ze', value('42', 3)),
        aspect('Size', value('99', 3)),
        aspect('x'.repeat(101), value('42', 3)),
        aspect('Long', value('y'.repeat(101), 1), value('y'.repeat(100), 1)),
        aspect('Empty'),
      ],
      categoryDistributions: [{ categoryId: 7, matchCount: 2 }, { categoryId: '7', matchCount: 1 }, {}],
      conditionDistributions: [
        { condition: 'Not Specified', conditionId: '', matchCount: 6 },
        { conditionId: '3000', matchCount: 0 },
      ],
      buyingOptionDistributions: [
        { buyingOption: 'FIXED_PRICE|AUCTION', matchCount: 6 },
        { buyingOption: 'AUCTION', matchCount: 1 },
      ],
    });
    expect(facets).to.deep.equal({
      dominantCategoryId: null,
      categories: [{ id: '7', name: null, count: 2 }],
      aspects: [
        {
          name: 'Size',
          values: [
            { value: '42', count: 3 },
            { value: '43', count: 4 },
          ],
        },
        { name: 'Long', values: [{ value: 'y'.repeat(100), count: 1 }] },
      ],
      conditions: [{ id: '3000', name: null, count: 0 }],
      buyingOptions: [{ name: 'AUCTION', count: 1 }],
    });
  });

  it('keeps at most as many aspects and values as a request holds: those with most listings, in eBay’s order', () => {
    const values = Array.from({ length: 70 }, (_, index) => value(`v${index}`, index));
    const aspects = Array.from({ length: 30 }, (_, index) => aspect(`a${index}`, ...values));
    const facets = mapFacets({ aspectDistributions: aspects })?.aspects ?? [];
    expect(facets.map(({ name }) => name)).to.deep.equal(aspects.slice(0, 20).map((_, index) => `a${index}`));
    expect(facets[0]?.values.map(({ count }) => count)).to.deep.equal(
      Array.from({ length: 50 }, (_, index) => index + 20),
    );
  });

  it('is what a request holds, whatever eBay sends', () => {
    const valid = new Ajv({ strict: false, formats: { 'date-time': true } }).compile(
      SearchSummarySchema.properties.facets,
    );
    const odd = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.constantFrom('1000', 'AUCTION', 3, -1, null, 'https://x/?aspect_filter=a:{!}'),
    );
    const keys = [
      ...['localizedAspectName', 'localizedAspectValue', 'matchCount', 'refinementHref', 'categoryId'],
      ...['categoryName', 'conditionId', 'condition', 'buyingOption', 'aspectValueDistributions'],
    ];
    const entry = fc.dictionary(fc.constantFrom(...keys), fc.oneof(odd, fc.array(odd, { maxLength: 2 })));
    const entries = fc.oneof(odd, fc.array(fc.oneof(odd, entry), { maxLength: 4 }));
    const refinement = fc.record({
      dominantCategoryId: odd,
      aspectDistributions: fc.oneof(
        entries,
        fc.array(fc.record({ localizedAspectName: odd, aspectValueDistributions: entries }), {
          maxLength: 3,
        }),
      ),
      categoryDistributions: entries,
      conditionDistributions: entries,
      buyingOptionDistributions: entries,
    });
    fc.assert(
      fc.property(fc.oneof(refinement, odd), (json) => {
        const facets = mapFacets(json);
        if (facets === null) return;
        expect(valid([{ marketplace: 'EBAY_US', ...facets }]), JSON.stringify(valid.errors)).to.equal(true);
        const { aspects, conditions, buyingOptions, categories } = facets;
        for (const { name, values } of aspects) {
          const filters = { aspects: { [name]: values.map((each) => each.value) } };
          expectRequest({ query: 'x', categoryIds: ['1'], filters });
        }
        if (conditions.length > 0)
          expectRequest({ query: 'x', filters: { conditionIds: conditions.map(({ id }) => id) } });
        if (buyingOptions.length > 0)
          expectRequest({ query: 'x', filters: { buyingOptions: buyingOptions.map(({ name }) => name) } });
        for (const { id } of categories) expectRequest({ categoryIds: [id] });
      }),
      { numRuns: 100 },
    );
  });

  const sample = join(process.env.EBAY_SAMPLES ?? '', 'us-search-aspect-refinements.json');
  if (process.env.EBAY_SAMPLES === undefined || !existsSync(sample))
    it('is read from a real answer (skipped: set EBAY_SAMPLES to the folder of the answers)');
  else
    it('is read from a real answer, with ! for listings without an aspect', () => {
      const body = JSON.parse(readFileSync(sample, 'utf8'));
      const { dominantCategoryId, aspectDistributions } = body.refinement;
      const { facets } = page(body);
      expect(facets?.dominantCategoryId).to.equal(dominantCategoryId);
      const said = (facets?.aspects ?? []).map(({ name, values }) => [
        name,
        values.map((each) => [each.text ?? each.value, each.count]),
      ]);
      type Wire = { localizedAspectName: string; aspectValueDistributions: ReturnType<typeof value>[] };
      expect(said).to.deep.equal(
        (aspectDistributions as Wire[]).map((each) => [
          each.localizedAspectName,
          each.aspectValueDistributions.map((entry) => [entry.localizedAspectValue, entry.matchCount]),
        ]),
      );
      const none = (facets?.aspects ?? []).flatMap(({ values }) => values.filter(({ text }) => text));
      expect(none.length).to.be.above(0);
      expect(none.map((each) => each.value)).to.deep.equal(none.map(() => '!'));
    });
});

function expectRequest(input: object) {
  const parsed = parseSearchRequest(input, { marketplace: 'EBAY_US' });
  expect(parsed, JSON.stringify(parsed)).to.include({ ok: true });
}
