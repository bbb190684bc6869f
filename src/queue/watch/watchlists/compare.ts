import { createHash } from 'node:crypto';
import type { ItemAnswer } from '../../../collector/answers.ts';
import { type EventOf, type EventType, listingOfEvent, type ServiceEvent } from '../../../events/event.ts';
import type { Product } from '../../../product/product.ts';
import { compareOffer, OFFERS_KEPT, type Remembered } from '../../../product/track.ts';
import type { OwnColumns } from './import.ts';

/** What is remembered of a listing of a watchlist. */
export interface Watched {
  state: 'in-stock' | 'out-of-stock' | 'ended';
  /** When eBay last answered about it, ms since the epoch. */
  seen: number;
  /** When a call for it was last answered, ms since the epoch; 0: never. */
  checked: number;
  /** Its leaf category; null where eBay names none, or a search cannot show it among those of its seller: an auction. */
  category: string | null;
  /** Number left, and of a well-stocked listing the number that there are more than. */
  quantity: number | null;
  moreThan: number | null;
  /** From order to the last day of arrival, ms, of which variation, and which kind of answer said so; null: not known yet. */
  arrival: { ms: number; variation: string; source: 'search' | 'item' } | null;
  /** Its prices as tracks keep them; undefined of what has ended. */
  known: Remembered | undefined;
}

/** What one answer says of a listing of the list. */
export interface Observed {
  /** ms since the epoch. */
  at: number;
  source: 'search' | 'item';
  /** Variations of a listing that is watched as a whole; none: eBay no longer has it, or it has ended. */
  products: readonly Product[];
}

/** A change that is worth an event. */
export type WatchChange =
  | { type: 'watchlist.price-dropped' | 'watchlist.price-rose'; product: Product; comparison: PriceChange }
  | { type: 'watchlist.out-of-stock' | 'watchlist.ended'; itemId: string }
  | { type: 'watchlist.quantity-changed'; itemId: string; from: Left; to: Left }
  | { type: 'watchlist.delivery-later'; itemId: string; fromMs: number; toMs: number }
  | { type: 'watchlist.returned'; product: Product; from: 'out-of-stock' | 'ended' };

type Left = { quantity: number | null; moreThan: number | null };
type PriceChange = Pick<EventOf<'watchlist.price-rose'>, 'formerTotal' | 'formerSeenAt'>;

const DAY_MS = 86_400_000;

/**
 * Compares what an answer says of a listing with what is remembered of it.
 * @param entry its id in the list @param options.quantity whether the number left is watched
 * @returns undefined where the answer is no later one than what is remembered
 */
export function compareSeen(
  entry: string,
  before: Watched | undefined,
  { at, source, products }: Observed,
  { quantity: watchesQuantity }: { quantity: boolean },
): { after: Watched; changes: WatchChange[] } | undefined {
  if (before !== undefined && before.seen >= at) return undefined;
  const checked = source === 'item' ? at : (before?.checked ?? 0);
  const there = products.filter((product) => stockOf(product) === 'in-stock');
  const [first] = there.length > 0 ? there : products;
  const changes: WatchChange[] = [];
  if (first === undefined || products.every((product) => stockOf(product) === 'ended')) {
    // Of what eBay no longer lists only the id and the time stay.
    const after: Watched = {
      ...NOTHING,
      state: 'ended',
      seen: at,
      checked,
      category: before?.category ?? null,
    };
    const itemId = before?.known?.itemId ?? first?.itemId ?? entry;
    if (before !== undefined && before.state !== 'ended') changes.push({ type: 'watchlist.ended', itemId });
    return { after, changes };
  }
  const state = there.length > 0 ? 'in-stock' : 'out-of-stock';
  const { itemId } = first;
  if (before !== undefined && before.state !== state) {
    if (state === 'in-stock')
      changes.push({ type: 'watchlist.returned', product: first, from: before.state as 'ended' });
    else if (before.state === 'in-stock') changes.push({ type: 'watchlist.out-of-stock', itemId });
  }
  // What is sold out keeps the price at which it could be bought.
  const priced = comparePrices(before?.known, there);
  if (priced.change !== undefined && before !== undefined) changes.push(priced.change);

  const left =
    source === 'item'
      ? leftOf(products)
      : { quantity: before?.quantity ?? null, moreThan: before?.moreThan ?? null };
  const isOther =
    before !== undefined && (left.quantity !== before.quantity || left.moreThan !== before.moreThan);
  const isKnown = before !== undefined && (before.quantity !== null || before.moreThan !== null);
  if (watchesQuantity && isOther && isKnown && state === 'in-stock' && before.state === 'in-stock')
    changes.push({
      type: 'watchlist.quantity-changed',
      itemId,
      from: { quantity: before.quantity, moreThan: before.moreThan },
      to: left,
    });

  const same = there.find((product) => variationOf(product) === before?.arrival?.variation) ?? first;
  const { arrival, later } = compareArrival(before?.arrival ?? null, same, at, source);
  if (later !== undefined && state === 'in-stock')
    changes.push({ type: 'watchlist.delivery-later', itemId, ...later });
  const isSearchable = first.buyingOptions.length === 0 || first.buyingOptions.includes('FIXED_PRICE');
  const category = isSearchable ? (first.categoryIds[0] ?? before?.category ?? null) : null;
  const known = priced.known ?? { ...NEVER_PRICED, itemId, lastSeen: at };
  return { after: { state, seen: at, checked, category, ...left, arrival, known }, changes };
}

const NOTHING = { quantity: null, moreThan: null, arrival: null, known: undefined };
const NEVER_PRICED = { delivered: true, currency: null, named: false, offers: [] };

/** A search shows what can be bought. eBay does not always say how much there is: then it can be bought too. */
function stockOf({ details }: Product): Watched['state'] {
  const said = details?.availability;
  if (said === 'out-of-stock') return 'out-of-stock';
  return said === 'ended' || said === 'gone' ? 'ended' : 'in-stock';
}

/** Of all variations together; not known where it is not known of one of them. */
function leftOf(products: readonly Product[]): Left {
  let [sum, isMore] = [0, false];
  for (const product of products) {
    const { availableQuantity: quantity, availableQuantityMoreThan: moreThan } = product.details ?? {};
    const left = quantity ?? moreThan ?? (stockOf(product) === 'in-stock' ? null : 0);
    if (left === null) return { quantity: null, moreThan: null };
    sum += left;
    isMore ||= quantity == null && moreThan != null;
  }
  return isMore ? { quantity: null, moreThan: sum } : { quantity: sum, moreThan: null };
}

function variationOf({ itemId }: Product): string {
  return itemId.split('|')[2] ?? '0';
}

/** Each variation is compared with itself; the first one that changed is reported. */
function comparePrices(known: Remembered | undefined, products: readonly Product[]) {
  let current = known;
  let change: WatchChange | undefined;
  for (const product of products) {
    const compared = compareOffer(current, product, Math.max(OFFERS_KEPT, products.length));
    current = compared.after;
    if (compared.change === 'same' || change !== undefined || compared.formerTotal === undefined) continue;
    if (product.total === null) continue;
    const seen = compared.formerAt == null ? {} : { formerSeenAt: new Date(compared.formerAt).toISOString() };
    const comparison = { formerTotal: compared.formerTotal, ...seen };
    change = { type: `watchlist.${compared.change}`, product, comparison };
  }
  return { known: current, change };
}

/** It stays as it was reported last until it is a day longer, so that small changes add up. Another variation begins it. */
function compareArrival(
  before: Watched['arrival'],
  product: Product,
  at: number,
  source: Observed['source'],
): { arrival: Watched['arrival']; later?: { fromMs: number; toMs: number } } {
  const { delivery } = product;
  const latest = delivery?.latest == null ? Number.NaN : Date.parse(delivery.latest);
  if (Number.isNaN(latest)) return { arrival: before };
  const arrival = { ms: Math.max(0, latest - at), variation: variationOf(product), source };
  const isSame = before?.source === source && before.variation === arrival.variation;
  if (before === null || !isSame || arrival.ms < before.ms) return { arrival };
  if (arrival.ms - before.ms < DAY_MS) return { arrival: before };
  return { arrival, later: { fromMs: before.ms, toMs: arrival.ms } };
}

/** What an item's answer says of an entry; undefined where it says nothing. */
export function observedIn(
  entry: string,
  { details, products = [], rejected, hasVariations }: ItemAnswer,
): Observed | undefined {
  if (hasVariations) return undefined;
  const at = Date.parse(details.observedAt);
  const observed = (own: readonly Product[]): Observed => ({ at, source: 'item', products: own });
  if (details.availability === 'gone') return observed([]);
  const own = entry.startsWith('v1|') ? products.filter(({ itemId }) => itemId === entry) : products;
  // One that could not be read may be the one that is missing.
  return own.length === 0 && (rejected !== undefined || products.length === 0) ? undefined : observed(own);
}

/** The events of changes. Their ids follow from the answer's time: the same change twice is one event. */
export function watchEvents(
  about: {
    tenant: string;
    watchlist: string;
    searchId: string;
    entry: string;
    columns: OwnColumns;
    at: number;
  },
  changes: readonly WatchChange[],
): ServiceEvent[] {
  const { tenant, watchlist, searchId, entry, columns, at } = about;
  const time = new Date(at).toISOString();
  const common = <T extends EventType>(type: T) => {
    const sha256 = createHash('sha256').update(JSON.stringify([type, tenant, watchlist, entry, at]));
    const id = sha256.digest('hex').slice(0, 32);
    const base = { v: 1 as const, id, type, at: time, tenant, searchId, schedule: null };
    return { ...base, watchlist, item: entry, columns: { ...columns } };
  };
  const days = (ms: number) => Math.round((ms / DAY_MS) * 10) / 10;
  const arrivalOf = (ms: number) => ({ days: days(ms), latest: new Date(at + ms).toISOString() });
  return changes.map((change): ServiceEvent => {
    switch (change.type) {
      case 'watchlist.price-dropped':
      case 'watchlist.price-rose': {
        const total = change.product.total as NonNullable<Product['total']>;
        const product = { ...listingOfEvent(change.product), total };
        return { ...common(change.type), product, ...change.comparison };
      }
      case 'watchlist.returned': {
        const product = { ...listingOfEvent(change.product), total: change.product.total };
        return { ...common(change.type), product, from: change.from };
      }
      case 'watchlist.quantity-changed':
        return {
          ...common(change.type),
          product: { itemId: change.itemId },
          from: change.from,
          to: change.to,
        };
      case 'watchlist.delivery-later': {
        const { itemId, fromMs, toMs } = change;
        return { ...common(change.type), product: { itemId }, from: arrivalOf(fromMs), to: arrivalOf(toMs) };
      }
      default:
        return { ...common(change.type), product: { itemId: change.itemId } };
    }
  });
}

/** Without the names of the fields: there may be 20,000. */
export function packWatched({
  state,
  seen,
  checked,
  category,
  quantity,
  moreThan,
  arrival,
  known,
}: Watched): string {
  const offers = (known?.offers ?? []).map(({ variation, source, price, shipping, seen: at }) => [
    variation,
    source,
    price,
    shipping,
    at,
  ]);
  const ms = arrival === null ? 0 : arrival.source === 'item' ? -arrival.ms : arrival.ms;
  const way = arrival === null || arrival.variation === '0' ? ms : [ms, arrival.variation];
  const of = known === undefined ? [] : [known.itemId, known.currency, known.named ? 1 : 0, ...offers];
  return JSON.stringify([STATES.indexOf(state), seen, checked, category, quantity, moreThan, way, ...of]);
}

const STATES: ReadonlyArray<Watched['state']> = ['in-stock', 'out-of-stock', 'ended'];

/** Undefined for what another program has written. */
export function readWatched(text: string | null | undefined): Watched | undefined {
  if (text == null) return undefined;
  try {
    const [state, seen, checked, category, quantity, moreThan, way, ...of] = JSON.parse(text) as [
      number,
      number,
      number,
      string | null,
      number | null,
      number | null,
      number | [number, string],
      ...unknown[],
    ];
    const known = STATES[state];
    if (known === undefined || !Number.isFinite(seen)) return undefined;
    const [ms, variation] = typeof way === 'number' ? [way, '0'] : way;
    const source = ms < 0 ? ('item' as const) : ('search' as const);
    const arrival = ms === 0 ? null : { ms: Math.abs(ms), variation, source };
    const [itemId, currency, named, ...offers] = of as [
      string,
      string | null,
      number,
      ...Array<[string, string, string, string | null, number | null]>,
    ];
    const remembered =
      itemId === undefined
        ? undefined
        : {
            lastSeen: seen,
            itemId,
            delivered: true,
            currency,
            named: named === 1,
            offers: offers.map(([variation, source, price, shipping, at]) => ({
              variation,
              source,
              price,
              shipping,
              seen: at,
            })),
          };
    return { state: known, seen, checked, category, quantity, moreThan, arrival, known: remembered };
  } catch {
    return undefined;
  }
}
