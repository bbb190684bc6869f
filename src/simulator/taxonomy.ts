import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, json } from './answers.ts';
import { FAMILIES } from './catalogue/families.ts';
import { SITES } from './catalogue/marketplaces.ts';

/** Numbers of eBay's category trees, in the order of the sites: they are those of the sites in eBay's older APIs. */
const TREES = [0, 3, 77, 15, 2, 71, 101, 186, 16, 23, 193, 201, 205, 146, 212, 216];
const VERSION = '1';
const ROOT = { id: '0', name: 'Root' };
const MAX_SUGGESTIONS = 10;
/** `de-DE`, or several with weights. */
const LANGUAGE = /^([a-z]{2}(-[A-Z]{2})?|\*)(;q=[\d.]+)?(,\s*([a-z]{2}(-[A-Z]{2})?|\*)(;q=[\d.]+)?)*$/;

/** Error ids of the Taxonomy API as they are remembered; the texts are the simulator's own. */
const ERRORS = {
  62004: [404, 'No category tree has this id.'],
  62005: [404, 'No category of this tree has this id.'],
  62006: [400, "'category_id' is missing."],
  62007: [400, "'q' is missing."],
  62008: [400, "'marketplace_id' is missing or names no marketplace."],
  62009: [400, "'Accept-Language' is malformed."],
} as const;

interface Category {
  id: string;
  name: string;
}

interface Node extends Category {
  level: number;
  parent: Category;
}

/** Departments below the root, and the leaves below them: one tree, which all sites have. */
const NODES: ReadonlyMap<string, Node> = new Map(
  FAMILIES.flatMap(({ leaf: { department, ...leaf } }): [string, Node][] => [
    [department.id, { id: department.id, name: department.name, level: 1, parent: ROOT }],
    [leaf.id, { id: leaf.id, name: leaf.name, level: 2, parent: department }],
  ]),
);

interface Asked {
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** What names of categories need of eBay’s Taxonomy API. @param parts of the path: a tree, and what is asked of it */
export function taxonomyAnswer(
  [first = '', method = first]: readonly string[],
  { query, headers }: Asked,
): Answer {
  const language = headers['accept-language'];
  if (language !== undefined && !LANGUAGE.test(language)) return refuse(62009);
  if (method === 'get_default_category_tree_id') {
    const site = SITES.find(({ id }) => id === query.get('marketplace_id'));
    if (site === undefined) return refuse(62008);
    return json(200, { categoryTreeId: String(TREES[site.number]), categoryTreeVersion: VERSION });
  }
  if (!TREES.map(String).includes(first)) return refuse(62004);
  const tree = { categoryTreeId: first, categoryTreeVersion: VERSION };
  if (method === 'get_category_subtree') {
    const id = query.get('category_id') ?? '';
    if (id === '') return refuse(62006);
    const node = NODES.get(id);
    return node === undefined
      ? refuse(62005)
      : json(200, { ...tree, categorySubtreeNode: subtree(node, first) });
  }
  const words = (query.get('q') ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return refuse(62007);
  return json(200, { ...tree, categorySuggestions: suggestions(words, first) });
}

function subtree(node: Node, tree: string): object {
  const children = [...NODES.values()].filter(({ parent }) => parent.id === node.id);
  return {
    category: categoryOf(node),
    parentCategoryTreeNodeHref: subtreeHref(tree, node.parent.id),
    categoryTreeNodeLevel: node.level,
    ...(children.length === 0
      ? { leafCategoryTreeNode: true }
      : { childCategoryTreeNodes: children.map((child) => subtree(child, tree)) }),
  };
}

/** Leaves by how many of the words their families have; those with none are left out. */
function suggestions(words: readonly string[], tree: string): object[] {
  const scores = new Map<string, number>();
  for (const { leaf, noun } of FAMILIES) {
    const text = `${noun} ${leaf.name}`.toLowerCase();
    const score = words.filter((word) => text.includes(word)).length;
    if (score > 0) scores.set(leaf.id, Math.max(score, scores.get(leaf.id) ?? 0));
  }
  return [...scores]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_SUGGESTIONS)
    .flatMap(([id]) => NODES.get(id) ?? [])
    .map((node) => ({
      category: categoryOf(node),
      categoryTreeNodeLevel: node.level,
      categoryTreeNodeAncestors: [
        {
          ...categoryOf(node.parent),
          categoryTreeNodeLevel: node.level - 1,
          categorySubtreeNodeHref: subtreeHref(tree, node.parent.id),
        },
      ],
    }));
}

function categoryOf({ id, name }: Category) {
  return { categoryId: id, categoryName: name };
}

function subtreeHref(tree: string, id: string): string {
  return `https://api.ebay.com/commerce/taxonomy/v1/category_tree/${tree}/get_category_subtree?category_id=${id}`;
}

function refuse(errorId: keyof typeof ERRORS): Answer {
  const [status, message] = ERRORS[errorId];
  return json(status, { errors: [{ errorId, domain: 'API_TAXONOMY', category: 'REQUEST', message }] });
}
