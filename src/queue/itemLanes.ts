import type { WantedItem } from '../results/resultStore.ts';

/**
 * The items of a search are called for in lanes: of three, the first has items 1, 4, 7, … and the second 2, 5, 8, ….
 * Within a lane each item is followed by the next, so that as many as there are lanes are under way, nothing is planned
 * far ahead, and each item has exactly one that adds it.
 */
export function firstOfLanes(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  lanes: number,
): WantedItem[] {
  return Array.from({ length: lanes }, (_, lane) => firstOpen(wanted, isOpen, lane, lanes)).flat();
}

/** The open item that follows this one in its lane. */
export function nextInLane(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  itemId: string,
  lanes: number,
): WantedItem[] {
  const place = wanted.findIndex((item) => item.itemId === itemId);
  return place < 0 ? [] : firstOpen(wanted, isOpen, place + lanes, lanes);
}

function firstOpen(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  from: number,
  step: number,
): WantedItem[] {
  for (let place = from; place < wanted.length; place += step) {
    const item = wanted[place] as WantedItem;
    if (isOpen(item)) return [item];
  }
  return [];
}
