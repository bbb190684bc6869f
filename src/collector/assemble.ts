import type { MarketplaceId } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchCounts, SearchWarning } from '../product/summary.ts';
import type { PageAnswer } from './answers.ts';
import { shareOf } from './query.ts';

/** Letters, digits and accents: a character beside a word that belongs to it. */
const WORD_CHARACTER = '[\\p{L}\\p{N}\\p{M}]';
/** Scripts that write words without a space between them. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/**
 * A test of the conditions that are applied here, after eBay's answer:
 * - title: every word or phrase of `include` and none of `exclude`, as whole words, case ignored;
 * - seller: at least the named figures; a seller without the figure does not pass.
 */
export function conditionsOf({ title, seller }: NormalRequest): (product: Product) => boolean {
  const include = (title?.include ?? []).map(wholeWord);
  const exclude = (title?.exclude ?? []).map(wholeWord);
  const { minFeedbackPercentage: percentage, minFeedbackScore: score } = seller ?? {};
  if (include.length + exclude.length === 0 && percentage === undefined && score === undefined)
    return () => true;
  return (product) => {
    const text = product.title.normalize('NFC');
    return (
      include.every((word) => word.test(text)) &&
      !exclude.some((word) => word.test(text)) &&
      reaches(product.seller.feedbackPercentage, percentage) &&
      reaches(product.seller.feedbackScore, score)
    );
  };
}

function reaches(figure: number | null, least: number | undefined): boolean {
  return least === undefined || (figure !== null && figure >= least);
}

function wholeWord(word: string): RegExp {
  const literal = word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/\s+/g, '\\s+');
  const edge = (character: string | undefined, look: string) =>
    character !== undefined && UNSPACED.test(character) ? '' : `(?${look}${WORD_CHARACTER})`;
  const characters = [...word];
  return new RegExp(`${edge(characters[0], '<!')}${literal}${edge(characters.at(-1), '!')}`, 'iu');
}

/** What going on and counting need to know of a product. */
export interface ProductHead {
  itemId: string;
  marketplace: MarketplaceId;
  /** Whether it meets the request's own conditions on title and seller. */
  fits: boolean;
}

/** A page without its products' content, a twentieth of its size: all that a search needs to go on and to sum up. */
export type PageHead = Omit<PageAnswer, 'products'> & { products: ProductHead[] };

export function headOf(request: NormalRequest, page: PageAnswer): PageHead {
  const fits = conditionsOf(request);
  const products = page.products.map((product) => ({
    itemId: product.itemId,
    marketplace: product.marketplace,
    fits: fits(product),
  }));
  return { ...page, products };
}

type Listed = Pick<Product, 'itemId' | 'marketplace'>;

export type AnsweredPage<Item extends Listed = Product> = Pick<
  PageAnswer,
  'marketplace' | 'offset' | 'total' | 'received' | 'rejected' | 'warnings'
> & { products: Item[] };

export interface Assembled<Item extends Listed = Product> {
  /** By marketplace in the request's order, then in eBay's order; each keeps its rank there, so gaps are normal. */
  products: Item[];
  counts: SearchCounts;
  warnings: SearchWarning[];
}

/**
 * The result of a search from the pages that are there, in whatever order they came. It is derived at every reading, so
 * that the same page twice is the same result.
 *
 * An item counts once, where it stands first; then the conditions of the request drop some; then the list is cut to
 * `maxItems`. What one marketplace leaves of its share, others that have more fill up.
 */
export function assemble(request: NormalRequest, pages: readonly AnsweredPage[]): Assembled {
  return assembled(request, pages, conditionsOf(request));
}

/** The same from heads: which products, how many, and why others are not among them. */
export function assembleHeads(request: NormalRequest, heads: readonly PageHead[]): Assembled<ProductHead> {
  return assembled(request, heads, ({ fits }) => fits);
}

function assembled<Item extends Listed>(
  request: NormalRequest,
  pages: readonly AnsweredPage<Item>[],
  fits: (product: Item) => boolean,
): Assembled<Item> {
  const ordered = inOrder(request, pages);
  const collected = ordered.flatMap((page) => page.products);
  const unique = firstOfEach(collected);
  const fitting = unique.filter(fits);
  const products = cut(request, fitting);
  return {
    products,
    counts: {
      found: found(ordered),
      collected: sum(ordered.map((page) => page.received)),
      products: products.length,
      duplicates: collected.length - unique.length,
      filteredOut: unique.length - fitting.length,
      rejected: rejections(ordered),
    },
    warnings: distinct(ordered.flatMap((page) => page.warnings)),
  };
}

/** A page once, by marketplace and offset. Pages of marketplaces that the request does not name are none of its own. */
function inOrder<Item extends Listed>(
  request: NormalRequest,
  pages: readonly AnsweredPage<Item>[],
): AnsweredPage<Item>[] {
  return request.marketplaces.flatMap((marketplace) => {
    const own = pages.filter((page) => page.marketplace === marketplace);
    const byOffset = new Map(own.toReversed().map((page) => [page.offset, page]));
    return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
  });
}

function firstOfEach<Item extends Listed>(products: readonly Item[]): Item[] {
  const seen = new Set<string>();
  return products.filter(({ itemId }) => !seen.has(itemId) && seen.add(itemId));
}

function cut<Item extends Listed>(request: NormalRequest, products: Item[]): Item[] {
  if (products.length <= request.maxItems) return products;
  const shares = new Map(request.marketplaces.map((id) => [id, shareOf(request, id)]));
  const within = new Set<Item>();
  for (const product of products) {
    const left = shares.get(product.marketplace) ?? 0;
    if (left > 0) within.add(product);
    shares.set(product.marketplace, left - 1);
  }
  for (const product of products) {
    if (within.size >= request.maxItems) break;
    within.add(product);
  }
  return products.filter((product) => within.has(product));
}

/** eBay's total changes from page to page; that of each marketplace's first page counts. */
function found(ordered: readonly Pick<PageAnswer, 'marketplace' | 'total'>[]): number {
  const first = new Map(ordered.toReversed().map((page) => [page.marketplace, page.total ?? 0]));
  return sum([...first.values()]);
}

function rejections(pages: readonly Pick<PageAnswer, 'rejected'>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const page of pages) {
    for (const [reason, n] of Object.entries(page.rejected)) counts[reason] = (counts[reason] ?? 0) + n;
  }
  return counts;
}

function distinct(warnings: readonly SearchWarning[]): SearchWarning[] {
  return [...new Map(warnings.map((warning) => [JSON.stringify(warning), warning])).values()];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
