import type { WantedItem } from '../results/resultStore.ts';
import type { Family, PlannedCall } from './addCalls.ts';
import { itemJobId, pageJobId } from './names.ts';
import type { PlannedPage } from './pageChain.ts';

export function pageCall({ search, run, request }: Family, planned: PlannedPage): PlannedCall {
  const { page, marketplace } = planned;
  const { query, categoryIds } = request;
  return {
    id: pageJobId(search.searchId, run, page),
    name: `page ${page}: ${query ?? `category ${categoryIds?.join(', ')}`} (${marketplace})`,
    data: { v: 1, kind: 'page', search, run, request, ...planned },
  };
}

/** @param lanes how many items of this search are under way at once; see `nextInLane` */
export function itemCall({ search, run, request }: Family, item: WantedItem, lanes: number): PlannedCall {
  const { itemId, marketplace } = item;
  return {
    id: itemJobId(search.searchId, run, itemId),
    name: `item ${itemId} (${marketplace})`,
    data: { v: 1, kind: 'item', search, run, request, itemId, marketplace, lanes },
  };
}
