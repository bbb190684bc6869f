import { hasMarginCondition } from '../product/costs.ts';
import { groupOf, listingNamed, nameOf, referencesOf } from '../product/itemReference.ts';
import { marginTest } from '../product/landed.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { ItemAnswer } from './answers.ts';
import { type Assembled, type DropReason, dropReasonOf, withDetails } from './assemble.ts';

/**
 * What a search's item calls put in its result. An answer adds details to a product of a page; or it is products of its
 * own, which stand where the request names their listing, or in place of the product whose variations they are. The answer
 * is newer than the page, so a condition on the margin judges its price and shipping once more.
 */

type Listed = Pick<Product, 'itemId' | 'marketplace'>;
type Answers = ReadonlyMap<string, ItemAnswer>;

/** The item calls that a search needs, in their order: what each asks for, and where. Those that are answered are among them. */
export function itemsWanted(
  request: NormalRequest,
  listed: readonly Listed[],
  answers: Answers,
): Array<{ itemId: string; marketplace: MarketplaceId }> {
  const [marketplace] = request.marketplaces as [MarketplaceId];
  if (request.items !== undefined) {
    const references = referencesOf(request);
    const groups = references.filter((reference) => answers.get(reference)?.hasVariations);
    return [...references, ...groups.map(groupFor)].map((itemId) => ({ itemId, marketplace }));
  }
  const wanted = new Map<string, MarketplaceId>();
  for (const { itemId, marketplace } of listed) {
    const reference = replacementOf(request, itemId) ?? (request.details === 'none' ? undefined : itemId);
    if (reference !== undefined && !wanted.has(reference)) wanted.set(reference, marketplace);
  }
  return [...wanted].map(([itemId, marketplace]) => ({ itemId, marketplace }));
}

/** Whether item answers are products of their own. */
export function hasItemProducts({ items, variations }: NormalRequest): boolean {
  return items !== undefined || variations === 'all';
}

/** Whether item answers decide which products there are. */
export function itemsDecide(request: NormalRequest): boolean {
  return hasItemProducts(request) || (request.details !== 'none' && hasMarginCondition(request.costs));
}

/** The group whose variations stand in place of a product, where the request asks for all of them. */
function replacementOf({ variations }: NormalRequest, itemId: string): string | undefined {
  return variations === 'all' ? groupOf(itemId) : undefined;
}

function groupFor(reference: string): string {
  return `group:${listingNamed(reference)}`;
}

/** One place in the list of products. */
export interface Place<Item> {
  /** The product of a page that stands here; none of a request with items. */
  listed?: Item;
  /** The answer whose products stand here. */
  reference?: string;
  /** Of a request with items, the place of the entry, from 1. */
  rank?: number;
}

/**
 * The list of products, in order, before the answers are read.
 * @param isThere whether this answer is stored
 */
export function placesOf<Item extends Listed>(
  request: NormalRequest,
  listed: readonly Item[],
  isThere: (reference: string) => boolean,
): Place<Item>[] {
  if (request.items !== undefined)
    return referencesOf(request).flatMap((asked, index) => {
      // A listing that turned out to have variations was asked for twice.
      const reference = [groupFor(asked), asked].find(isThere);
      return reference === undefined ? [] : [{ reference, rank: index + 1 }];
    });
  const taken = new Set<string>();
  return listed.flatMap((product) => {
    const reference = replacementOf(request, product.itemId);
    if (reference === undefined || !isThere(reference)) return [{ listed: product }];
    // A page may show several variations of one listing.
    if (taken.has(reference)) return [];
    taken.add(reference);
    return [{ listed: product, reference }];
  });
}

/** The products of an answer that meet the request's own conditions, and why others are not among them. */
function fittingOf(
  { products = [] }: ItemAnswer,
  dropReason: (product: Product) => DropReason | null,
): { fitting: Product[]; dropped: DropReason[] } {
  const fitting: Product[] = [];
  const dropped: DropReason[] = [];
  for (const product of products) {
    const reason = dropReason(product);
    if (reason === null) fitting.push(product);
    else dropped.push(reason);
  }
  return { fitting, dropped };
}

/** Why a product of a page does not fit with the offer that its own answer names, or null. */
function marginReasonOf({ costs }: NormalRequest): (answer: ItemAnswer | undefined) => DropReason | null {
  const marginReason = marginTest(costs);
  return (answer) => (answer?.listing && marginReason?.(answer.listing)) ?? null;
}

/** The products of a place. @param join adds to a product of a page what its own answer says */
export function productsAt(
  request: NormalRequest,
  { listed, reference, rank }: Place<Product>,
  answers: Answers,
  join: (product: Product, answer: ItemAnswer) => Product = withDetails,
): Product[] {
  const answer = reference === undefined ? undefined : answers.get(reference);
  if (listed !== undefined && !answer?.products?.length) {
    const own = answers.get(listed.itemId) ?? answer;
    if (marginReasonOf(request)(own) !== null) return [];
    return [own === undefined ? listed : join(listed, own)];
  }
  if (answer === undefined) return [];
  const place = rank ?? listed?.rank ?? 1;
  return fittingOf(answer, dropReasonOf(request)).fitting.map((product) => ({ ...product, rank: place }));
}

/** What a search has found, its item calls included. */
export interface Delivered extends Pick<Assembled, 'counts' | 'lookedAt' | 'stoppedBy'> {
  /** Pages, or of a request with items the answers that say what became of a listing. */
  answers: number;
  /** The listings that eBay had no longer when asked for one: an item's id, or the listing's where no item was named. */
  gone: string[];
}

/** The counts of a search with its item calls. @param assembled what its pages give */
export function deliveredBy<Item extends Listed>(
  request: NormalRequest,
  { products: listed, counts, lookedAt, pages, stoppedBy }: Assembled<Item>,
  answers: Answers,
): Delivered {
  const dropReason = dropReasonOf(request);
  const marginReason = marginReasonOf(request);
  const filteredOutBy: Record<string, number> = { ...counts.filteredOutBy };
  const rejected: Record<string, number> = { ...counts.rejected };
  const gone: string[] = [];
  let [products, received, dropped, answered] = [0, 0, 0, 0];
  const drop = (reason: DropReason) => {
    dropped += 1;
    filteredOutBy[reason] = (filteredOutBy[reason] ?? 0) + 1;
  };
  for (const { listed: product, reference } of placesOf(request, listed, (id) => answers.has(id))) {
    const answer = answers.get(reference ?? product?.itemId ?? '');
    if (answer?.details.availability === 'gone') gone.push(product?.itemId ?? nameOf(reference as string));
    if (answer !== undefined && !answer.hasVariations) answered += 1;
    const inPlace = reference === undefined ? undefined : answer;
    if (product !== undefined && !inPlace?.products?.length) {
      const reason = marginReason(answers.get(product.itemId) ?? inPlace);
      if (reason === null) products += 1;
      else drop(reason);
    }
    if (inPlace === undefined) continue;
    const { fitting, dropped: reasons } = fittingOf(inPlace, dropReason);
    products += fitting.length;
    reasons.forEach(drop);
    received += inPlace.products?.length ?? 0;
    for (const [reason, n] of Object.entries(inPlace.rejected ?? {})) {
      rejected[reason] = (rejected[reason] ?? 0) + n;
      received += n;
    }
  }
  const whole = {
    ...counts,
    products,
    filteredOut: counts.filteredOut + dropped,
    ...(Object.keys(filteredOutBy).length > 0 && { filteredOutBy }),
    rejected,
  };
  if (request.items === undefined) return { counts: whole, lookedAt, stoppedBy, answers: pages, gone };
  const isWhole = answered === referencesOf(request).length;
  return {
    counts: { ...whole, found: received, collected: received },
    lookedAt: received,
    stoppedBy: isWhole ? 'end' : undefined,
    answers: answered,
    gone,
  };
}
