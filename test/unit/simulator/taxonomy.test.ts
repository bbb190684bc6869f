import { expect } from 'chai';
import { get, mintToken, useSimulator } from '../../support/simulator.ts';

const TAXONOMY = '/commerce/taxonomy/v1';

describe('the Taxonomy API of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  const ask = async (path: string, headers: Record<string, string> = {}, own = token) => {
    const response = await get(simulator().url, TAXONOMY + path, own, headers);
    return { status: response.status, body: JSON.parse((await response.text()) || 'null') };
  };

  const refusals: [path: string, status: number, errorId: number, rule: string][] = [
    ['/get_default_category_tree_id', 400, 62008, 'a missing marketplace'],
    ['/get_default_category_tree_id?marketplace_id=EBAY_XX', 400, 62008, 'a marketplace that is none'],
    ['/category_tree/99/get_category_subtree?category_id=888', 404, 62004, 'an unknown tree'],
    ['/category_tree/0/get_category_subtree?category_id=5', 404, 62005, 'an unknown category'],
    ['/category_tree/0/get_category_subtree', 400, 62006, 'a missing category'],
    ['/category_tree/0/get_category_suggestions?q=', 400, 62007, 'missing words'],
  ];
  for (const [path, status, errorId, rule] of refusals)
    it(`refuses ${rule} with ${errorId}`, async () => {
      const { status: answered, body } = await ask(path);
      expect([answered, body.errors[0].errorId]).to.deep.equal([status, errorId]);
    });

  it('needs a token, a language that is one, and a path that there is', async () => {
    const path = '/get_default_category_tree_id?marketplace_id=EBAY_US';
    expect((await ask(path, {}, 'none')).status).to.equal(401);
    expect((await ask(path, { 'accept-language': 'english please' })).body.errors[0].errorId).to.equal(62009);
    expect((await ask(path, { 'accept-language': 'fr-CA' })).status).to.equal(200);
    expect((await ask('/category_tree/0')).status).to.equal(404);
  });

  it('has a tree for each site, with the categories of its listings, and suggests them by words', async () => {
    const treeOf = async (id: string) =>
      (await ask(`/get_default_category_tree_id?marketplace_id=${id}`)).body.categoryTreeId;
    expect([await treeOf('EBAY_US'), await treeOf('EBAY_DE')]).to.deep.equal(['0', '77']);
    const { body } = await ask('/category_tree/77/get_category_subtree?category_id=888');
    const { category, childCategoryTreeNodes: children, categoryTreeNodeLevel } = body.categorySubtreeNode;
    expect([category.categoryName, categoryTreeNodeLevel]).to.deep.equal(['Sporting Goods', 1]);
    expect(children[0]).to.include({ categoryTreeNodeLevel: 2, leafCategoryTreeNode: true });
    const { categorySuggestions } = (await ask('/category_tree/0/get_category_suggestions?q=yoga+mat')).body;
    expect(categorySuggestions[0].category.categoryId).to.equal('158928');
    expect(categorySuggestions[0].categoryTreeNodeAncestors[0].categoryId).to.equal('888');
    expect((await ask('/category_tree/0/get_category_suggestions?q=zzyzx')).body.categorySuggestions).to.be
      .empty;
  });

  it('counts its calls apart from those of Browse', async () => {
    const { controls } = simulator();
    const before = controls.quota();
    await ask('/get_default_category_tree_id?marketplace_id=EBAY_US');
    const after = controls.quota();
    expect(after.taxonomyUsed - before.taxonomyUsed).to.equal(1);
    expect(after.used).to.equal(before.used);
    expect(controls.log({ kind: 'taxonomy' })).to.have.length(1);
  });
});
