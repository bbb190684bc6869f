import { expect } from 'chai';
import { facetView } from '../../../../src/http/page/search/facetView.ts';
import { parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import type { SearchFacets } from '../../../../src/product/summary.ts';

const value = (text: string) => ({ value: text, text, count: 3 });

/** Of a category with two values of each of these aspects. */
function facetsOf(...names: string[]): SearchFacets {
  const aspects = names.map((name) => ({ name, values: [value('Red'), value('Blue')] }));
  return {
    ...{ marketplace: 'EBAY_US', dominantCategoryId: '1', categories: [], conditions: [], buyingOptions: [] },
    aspects,
  } as SearchFacets;
}

function viewOf(facets: SearchFacets, filters: object): string {
  const parsed = parseSearchRequest(
    { query: 'lamp', categoryIds: ['1'], filters },
    { marketplace: 'EBAY_US' },
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return String(facetView('s_1', parsed.request, [facets], null));
}

describe('what narrows a search', () => {
  it('has the chosen values of an aspect pressed', () => {
    const view = viewOf(facetsOf('Colour'), { aspects: { Colour: ['Red'] } });
    expect(view)
      .to.match(/aria-pressed="true"><span>Red</)
      .and.match(/aria-pressed="false"><span>Blue</);
  });

  it('has nothing chosen of an aspect whose name every object has', () => {
    const view = viewOf(facetsOf('constructor', 'toString', '__proto__'), { aspects: { Colour: ['Red'] } });
    for (const name of ['constructor', 'toString', '__proto__'])
      expect(view).to.include(`<summary>${name}</summary>`);
    expect(view).to.not.match(/aria-pressed="true"><span>(Red|Blue)</);
  });
});
