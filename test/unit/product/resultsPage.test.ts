import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { fieldsOf, RESULTS_PAGE, withResultsTables } from '../../../scripts/resultsTable.ts';
import { ProductSchema } from '../../../src/product/product.ts';
import { SearchSummarySchema } from '../../../src/product/summary.ts';

/** Computed here: from what was seen before, and from the caller's own costs. */
const OURS = /^(mark|formerTotal|formerSeenAt|landed|margin)\b/;

describe('docs/results.md', () => {
  it('has the tables that the schemas make (else run scripts/resultsTable.ts)', () => {
    const page = readFileSync(RESULTS_PAGE, 'utf8');
    expect(page).to.equal(withResultsTables(page));
  });

  it('cannot have them without their markers', () => {
    expect(() => withResultsTables('# No tables')).to.throw('lacks the markers');
  });

  it('says what each field means', () => {
    const fields = [...fieldsOf(ProductSchema), ...fieldsOf(SearchSummarySchema)];
    const groups = fields.filter(({ path }) => fields.some((each) => each.path.startsWith(`${path}.`)));
    const silent = fields.filter((field) => field.meaning === '' && !groups.includes(field));
    expect(silent.map(({ path }) => path)).to.deep.equal([]);
  });

  it('says of each field of a product where it comes from, and when it is null', () => {
    for (const { path, type, ebay, without } of fieldsOf(ProductSchema)) {
      const isOurs = OURS.test(path) || ['object'].includes(type);
      if (!isOurs) expect(ebay, path).to.not.equal('');
      expect(without, path).to.not.include('not known');
    }
  });
});
