import type { PageAnswer } from '../collector/pageAnswer.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { Sight, TrackVerdict } from '../product/track.ts';
import { productsOf } from '../results/productsOf.ts';
import type { StoredResult } from '../results/resultStore.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { QueueContext } from './context.ts';

/** A search at its end. */
interface Ended {
  search: SearchRef;
  request: NormalRequest;
  /** No page failed and nobody cancelled. */
  complete: boolean;
}

/** Compares what a search found with what its track remembers; undefined without a track, or without anything found. */
export async function compareWithHistory(
  { tracks, results }: QueueContext,
  { search, request, complete }: Ended,
): Promise<TrackVerdict | undefined> {
  if (request.track === undefined) return undefined;
  const content = await results.readAll(search);
  if (content.pages.length === 0) return undefined;
  return tracks.compare(search, request.track, sightOf(request, content, complete));
}

export function sightOf(
  request: NormalRequest,
  content: StoredResult,
  complete: boolean,
): Omit<Sight, 'before'> {
  const answers = content.pages.map(({ answer }) => answer);
  const products = productsOf(request, content);
  return {
    products: products.filter(({ details }) => details?.availability !== 'gone'),
    listed: new Set(answers.flatMap((page) => page.products.map(({ itemId }) => itemId))),
    began: Math.min(...answers.map(({ observedAt }) => Date.parse(observedAt))),
    complete,
    whole:
      complete &&
      request.marketplaces.every((id) => sawWhole(answers.filter((page) => page.marketplace === id))),
  };
}

/**
 * Whether these pages of a marketplace, in order, are all of its listing. eBay's pages repeat items in place of others,
 * so the last one's word is not enough: there must be as many different items as the first one claims.
 */
function sawWhole(pages: PageAnswer[]): boolean {
  const last = pages.at(-1);
  if (last === undefined || last.hasNext) return false;
  if (pages.some(({ rejected }) => Object.keys(rejected).length > 0)) return false;
  const different = new Set(pages.flatMap(({ products }) => products.map(({ itemId }) => itemId)));
  return different.size >= (pages[0]?.total ?? Number.POSITIVE_INFINITY);
}
