import type { Listing } from '../catalogue/listing.ts';

type Order = (a: Listing, b: Listing) => number;

/** Price plus delivery; unknown delivery counts as none. */
function delivered({ priceCents, bidCents, shipping }: Listing): number {
  return (priceCents ?? bidCents ?? 0) + (shipping?.kind === 'FIXED' ? shipping.cents : 0);
}

const ORDERS: Readonly<Record<string, Order>> = {
  price: (a, b) => delivered(a) - delivered(b),
  '-price': (a, b) => delivered(b) - delivered(a),
  newlyListed: (a, b) => b.listedAt - a.listedAt,
  endingSoonest: (a, b) => (a.endsAt ?? Number.MAX_VALUE) - (b.endsAt ?? Number.MAX_VALUE),
  // Distance needs a pickup place, which the simulator does not model: Best Match.
  distance: () => 0,
};

const bestMatch: Order = (a, b) => a.rank - b.rank;

export function isSort(name: string): boolean {
  return Object.hasOwn(ORDERS, name);
}

/** Sorts in place; ties keep Best Match order, so every page sees the same sequence. */
export function sortListings(listings: Listing[], name: string | null): Listing[] {
  const order = (name === null ? undefined : ORDERS[name]) ?? bestMatch;
  return listings.sort((a, b) => order(a, b) || bestMatch(a, b));
}
