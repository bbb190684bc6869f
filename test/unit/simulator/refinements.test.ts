import { expect } from 'chai';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Value {
  matchCount: number;
  refinementHref: string;
}

interface Page {
  total: number;
  itemSummaries?: object[];
  warnings?: object[];
  refinement?: {
    dominantCategoryId?: string;
    aspectDistributions?: { localizedAspectName: string; aspectValueDistributions: Value[] }[];
    categoryDistributions?: Value[];
    conditionDistributions?: Value[];
    buyingOptionDistributions?: (Value & { buyingOption: string })[];
  };
}

const ALL = ['ASPECT', 'BUYING_OPTION', 'CATEGORY', 'CONDITION'].map((name) => `${name}_REFINEMENTS`).join();

describe('the refinements of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  const ask = async (query: string, marketplace = 'EBAY_US') => {
    const headers = { 'x-ebay-c-marketplace-id': marketplace };
    const response = await get(simulator().url, `${SEARCH}?${query}`, token, headers);
    return (await response.json()) as Page;
  };

  for (const [query, marketplace] of [
    ['q=theremin', 'EBAY_US'],
    ['q=heißluftfritteuse&filter=conditions:{NEW},price:[60..90],priceCurrency:EUR', 'EBAY_DE'],
    ['q=air+fryer&category_ids=159903&aspect_filter=categoryId:159903,Features:{Digital|Compact}', 'EBAY_US'],
  ] as const)
    it(`count what the search of their address finds: ${query}`, async () => {
      const { refinement, warnings } = await ask(
        `${query}&limit=1&fieldgroups=MATCHING_ITEMS,${ALL}`,
        marketplace,
      );
      expect(warnings).to.equal(undefined);
      const values = [
        ...(refinement?.aspectDistributions ?? []).flatMap((aspect) => aspect.aspectValueDistributions),
        ...(refinement?.categoryDistributions ?? []),
        ...(refinement?.conditionDistributions ?? []),
        ...(refinement?.buyingOptionDistributions ?? []),
      ];
      expect(values.length).to.be.above(8);
      for (const { matchCount, refinementHref } of values) {
        const narrowed = await ask(new URL(refinementHref).search.slice(1), marketplace);
        expect(narrowed.total, decodeURIComponent(refinementHref)).to.equal(matchCount);
        expect(narrowed.warnings).to.equal(undefined);
      }
    });

  it('come without items when nothing else is asked for, and with them beside EXTENDED', async () => {
    const alone = await ask(`q=theremin&fieldgroups=${ALL}`);
    expect(alone.refinement).to.include.keys('dominantCategoryId', 'categoryDistributions');
    expect(alone).to.not.have.any.keys('itemSummaries');
    for (const groups of ['', 'EXTENDED', `EXTENDED,${ALL}`, `MATCHING_ITEMS,${ALL}`, 'FULL'])
      expect((await ask(`q=theremin&fieldgroups=${groups}`)).itemSummaries, groups).to.have.length(
        alone.total,
      );
  });
});
