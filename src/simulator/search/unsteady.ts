import type { Listing } from '../catalogue/listing.ts';
import { hash } from '../random.ts';

/**
 * What makes eBay's pages differ from a tidy database, as shares of the pages beyond the first. All of it
 * is repeatable: the same search of the same seed is unsteady in the same places.
 */
export interface Unsteadiness {
  /** Pages that show 1 to 6 items of the page before again, in place of their own. */
  readonly repeats: number;
  /** Pages that lack up to three of their items. */
  readonly shortPages: number;
  /** Pages that claim a `total` up to 1 % off. */
  readonly drift: number;
}

export const REAL_LIFE: Unsteadiness = { repeats: 0.06, shortPages: 0.02, drift: 0.3 };
export const STEADY: Unsteadiness = { repeats: 0, shortPages: 0, drift: 0 };

const REACHABLE = 10_000;

/** The items of one page and the total that it claims. `key` names the search. */
export function cutPage(
  listings: readonly Listing[],
  page: { limit: number; offset: number },
  key: string,
  unsteady: Unsteadiness,
): { items: Listing[]; total: number } {
  const { limit, offset } = page;
  const items = listings.slice(offset, Math.min(offset + limit, REACHABLE));
  if (offset === 0 || items.length === 0) return { items, total: listings.length };
  const chance = (what: string) => hash(key, what, offset) / 4294967296;

  if (chance('repeats') < unsteady.repeats) {
    const before = listings.slice(offset - limit, offset);
    const count = Math.min(items.length, before.length, 1 + (hash(key, 'count', offset) % 6));
    items.splice(0, count, ...before.slice(-count));
  }
  if (items.length === limit && limit > 10 && chance('short') < unsteady.shortPages) {
    items.length -= 1 + (hash(key, 'missing', offset) % 3);
  }
  const off = chance('drift') < unsteady.drift ? (chance('by') - 0.5) / 50 : 0;
  return { items, total: Math.round(listings.length * (1 + off)) };
}
