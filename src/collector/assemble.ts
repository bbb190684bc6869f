import { marginTest } from '../product/landed.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchCounts, SearchSummary, SearchWarning, StoppedBy } from '../product/summary.ts';
import type { ItemAnswer, PageAnswer } from './answers.ts';
import { type ListingPage, type PageAddress, progressOf, shareOf } from './paging.ts';

/** Letters, digits and accents: a character beside a word that belongs to it. */
const WORD_CHARACTER = '[\\p{L}\\p{N}\\p{M}]';
/** Scripts that write words without a space between them. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** The condition that drops a product. A closed list: the summary counts by these words. */
export type DropReason =
  | 'title'
  | 'seller-rating'
  | 'seller-rating-unknown'
  | 'pickup-only'
  | 'margin'
  | 'margin-unknown';

/**
 * The first of the request's own conditions that a product does not meet, or null. They are applied here, after eBay's
 * answer:
 * - title: every word or phrase of `include` and none of `exclude`, as whole words, case ignored;
 * - seller: at least the named figures; a seller without the figure does not pass;
 * - pick-up: with `excludePickupOnly`, what is not sent does not pass;
 * - margin: with `costs.minMarginPercent` or `costs.minMarginAmount`, a lower or unknown margin does not pass.
 */
export function dropReasonOf({
  title,
  seller,
  excludePickupOnly,
  costs,
}: NormalRequest): (product: Product) => DropReason | null {
  const include = (title?.include ?? []).map(wholeWord);
  const exclude = (title?.exclude ?? []).map(wholeWord);
  const marginReason = marginTest(costs);
  const { minFeedbackPercentage: percentage, minFeedbackScore: score } = seller ?? {};
  return (product) => {
    if (include.length + exclude.length > 0) {
      const text = product.title.normalize('NFC');
      if (!include.every((word) => word.test(text)) || exclude.some((word) => word.test(text)))
        return 'title';
    }
    const { feedbackPercentage, feedbackScore } = product.seller;
    if (isBelow(feedbackPercentage, percentage) || isBelow(feedbackScore, score)) return 'seller-rating';
    if (isMissing(feedbackPercentage, percentage) || isMissing(feedbackScore, score))
      return 'seller-rating-unknown';
    if (excludePickupOnly && product.shipping.kind === 'pickup-only') return 'pickup-only';
    return marginReason?.(product) ?? null;
  };
}

/** A test of the request's own conditions. */
export function conditionsOf(request: NormalRequest): (product: Product) => boolean {
  const dropReason = dropReasonOf(request);
  return (product) => dropReason(product) === null;
}

function isBelow(figure: number | null, least: number | undefined): boolean {
  return least !== undefined && figure !== null && figure < least;
}

function isMissing(figure: number | null, least: number | undefined): boolean {
  return least !== undefined && figure === null;
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
  /** Whether it meets the request's own conditions. */
  fits: boolean;
  /** Why it does not; missing in what release 0.1 stored. */
  dropped?: DropReason;
}

/** A page without its products' content, a twentieth of its size: all that a search needs to go on and to sum up. */
export type PageHead = Omit<PageAnswer, 'products'> & { products: ProductHead[] };

export function headOf(request: NormalRequest, page: PageAnswer): PageHead {
  const dropReason = dropReasonOf(request);
  const products = page.products.map((product) => {
    const { itemId, marketplace } = product;
    const dropped = dropReason(product);
    return { itemId, marketplace, ...(dropped === null ? { fits: true } : { fits: false, dropped }) };
  });
  return { ...page, products };
}

type Listed = Pick<Product, 'itemId' | 'marketplace'>;

export type AnsweredPage<Item extends Listed = Product> = ListingPage<Item> &
  Pick<PageAnswer, 'total' | 'received' | 'rejected' | 'warnings' | 'facets' | 'correctedQuery'> & {
    products: Item[];
  };

export interface Assembled<Item extends Listed = Product> {
  /** By marketplace in the request's order, then in eBay's order; each keeps its rank there, so gaps are normal. */
  products: Item[];
  counts: SearchCounts;
  warnings: SearchWarning[];
  /** What eBay says of the whole search beside its products: what narrows it, and what was searched for. */
  said: Pick<SearchSummary, 'facets' | 'correctedQuery'>;
  /** Pages that belong to the search; others may be there that were asked for ahead. */
  pages: number;
  /** Different listings on the pages, unreadable ones included. */
  lookedAt: number;
  /** Why no further page is needed; undefined while one is. */
  stoppedBy: StoppedBy | undefined;
  /** The pages that are needed; empty when none is. */
  next: PageAddress[];
}

/**
 * The result of a search from the pages that are there, in whatever order they came, those left out that do not belong to
 * it (`progressOf`). It is derived at every reading, so that the same page twice is the same result.
 *
 * An item counts once, where it stands first; then the conditions of the request drop some; then the list is cut to
 * `maxItems`. What one marketplace leaves of its share, others that have more fill up.
 */
export function assemble(request: NormalRequest, pages: readonly AnsweredPage[]): Assembled {
  const dropReason = dropReasonOf(request);
  return assembled(request, pages, (product) => dropReason(product) ?? true);
}

/** The same from heads: which products, how many, and why others are not among them. */
export function assembleHeads(request: NormalRequest, heads: readonly PageHead[]): Assembled<ProductHead> {
  return assembled(request, heads, ({ fits, dropped }) => dropped ?? fits);
}

/** @param judge true for a product that fits, else why not, false where that is not known. */
function assembled<Item extends Listed>(
  request: NormalRequest,
  pages: readonly AnsweredPage<Item>[],
  judge: (product: Item) => boolean | DropReason,
): Assembled<Item> {
  const progress = progressOf(request, pages, (product: Item) => judge(product) === true);
  const { pages: ordered, stoppedBy, next } = progress;
  const collected = ordered.flatMap((page) => page.products);
  const unique = firstOfEach(collected);
  const fitting: Item[] = [];
  const filteredOutBy: Record<string, number> = {};
  for (const product of unique) {
    const verdict = judge(product);
    if (verdict === true) fitting.push(product);
    else if (verdict !== false) filteredOutBy[verdict] = (filteredOutBy[verdict] ?? 0) + 1;
  }
  const products = cut(request, fitting);
  const received = sum(ordered.map((page) => page.received));
  const duplicates = collected.length - unique.length;
  return {
    products,
    counts: {
      found: found(ordered),
      collected: received,
      products: products.length,
      duplicates,
      filteredOut: unique.length - fitting.length,
      ...(Object.keys(filteredOutBy).length > 0 && { filteredOutBy }),
      rejected: rejections(ordered),
    },
    warnings: [...distinct(ordered.flatMap((page) => page.warnings)), ...unreadable(ordered)],
    said: saidOf(ordered),
    pages: ordered.length,
    lookedAt: received - duplicates,
    stoppedBy,
    next,
  };
}

function saidOf(
  pages: readonly Pick<PageAnswer, 'marketplace' | 'facets' | 'correctedQuery'>[],
): Assembled['said'] {
  const facets = pages.flatMap(({ marketplace, facets }) => (facets ? [{ marketplace, ...facets }] : []));
  const correctedQuery = pages.find((page) => page.correctedQuery !== undefined)?.correctedQuery;
  return { ...(facets.length > 0 && { facets }), ...(correctedQuery !== undefined && { correctedQuery }) };
}

/** From this part of a page on, unreadable items are worth a warning: eBay's answers may have changed. */
const UNREADABLE = 0.2;

function unreadable(pages: readonly Pick<PageAnswer, 'received' | 'rejected'>[]): SearchWarning[] {
  const bad = pages.filter(
    ({ received, rejected }) => received > 0 && rejectedOf(rejected) >= UNREADABLE * received,
  );
  if (bad.length === 0) return [];
  const count = sum(bad.map(({ rejected }) => rejectedOf(rejected)));
  const of = sum(bad.map(({ received }) => received));
  return [{ errorId: null, message: `${count} of ${of} items could not be read and are left out` }];
}

function rejectedOf(rejected: Record<string, number>): number {
  return sum(Object.values(rejected));
}

/**
 * A product with what its own call said. The item's answer is the newer one, so all of its offer replaces that of the page:
 * no product has amounts of two instants. Where it names no offer, the page's stands.
 */
export function withDetails(product: Product, { details, listing }: ItemAnswer): Product {
  return { ...product, ...listing, details };
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
