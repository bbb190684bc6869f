import { createHash } from 'node:crypto';
import { MARKETPLACES } from '../config/formats.ts';
import { hasMarginCondition } from './costs.ts';
import type { MarketplaceId } from './marketplaces.ts';
import { fromMinorUnits, isZero, type Money, minorUnits } from './money.ts';
import { normalForm } from './parseRequest.ts';
import type { Mark, Product } from './product.ts';
import { MAX_ITEMS, type NormalRequest } from './requestSchema.ts';
import type { StoppedBy } from './summary.ts';

/** A price of a listing that was reported last, or seen first. Prices of other variations and sources are never compared. */
export interface Offer {
  /** The part of the item id that names a variation; `0` or empty without one. */
  variation: string;
  /** The site, and whether a search or an item call answered: shipping differs between them. */
  source: string;
  /** Without shipping, in the listing's own currency. */
  price: string;
  /** Null where it cannot be compared: a carrier sets it, or its amount in the listing's own currency is unknown. */
  shipping: string | null;
  /** When it was seen last, ms since the epoch; null where an earlier release stored it. */
  seen: number | null;
}

/** What a track stores of a listing. */
export interface Remembered {
  /** When eBay last listed it, ms since the epoch. */
  lastSeen: number;
  /** Its item id then. A listing with variations may show another one each time. */
  itemId: string;
  /** Whether a search delivered it. Others only had it on their pages. */
  delivered: boolean;
  /** The currency it is sold in; null while no price was known. */
  currency: string | null;
  /** Whether eBay named that currency beside a converted price. */
  named: boolean;
  /** The latest first. */
  offers: readonly Offer[];
}

/** What the searches of one track have seen so far. */
export interface Track {
  /** When the first complete one began, ms since the epoch; null before there was one: until then nothing is marked. */
  since: number | null;
  /** When the last one that saw the whole listing began; null before there was one. */
  lastWhole: number | null;
  /** No listing seen since then has been forgotten, ms since the epoch. */
  rememberedFrom: number;
  /** By listing, see `listingOf`. */
  listings: ReadonlyMap<string, Remembered>;
  /** See `Newest`; undefined in a track of an earlier release. */
  newest?: Newest | undefined;
}

/**
 * Of each marketplace, how many of its newest items the searches sorted by newest first have seen without a gap, and how many
 * of them met the request's own conditions; both are `MAX_ITEMS` where the searches came to the end of the listing.
 */
export type Newest = Partial<Record<MarketplaceId, { items: number; fitting: number }>>;

/** Items on pages of a marketplace, in their order. */
export interface SeenItems {
  itemIds: readonly string[];
  /** Those that meet the request's own conditions. */
  fitting: readonly string[];
}

/** What a search sorted by newest first saw of a marketplace, from the first page on without a gap. */
export interface SeenNewest extends SeenItems {
  /** Its last page is known to the track, or the last one of the listing; null: the search wanted no more. */
  end: 'known' | 'listing' | null;
}

/** What a search decided. It does not change, whatever the search fetches later. */
export interface TrackVerdict {
  /** Item id → mark; null: there was nothing to compare with. */
  marks: ReadonlyMap<string, Mark | null>;
  /** Item id → former delivered price at today's exchange rate, for the marks price-dropped and price-rose. */
  formerTotals: ReadonlyMap<string, Money>;
  /** Item id → when that former price was seen last, ms since the epoch. */
  formerSeen?: ReadonlyMap<string, number>;
  gone: string[];
  /** Whether the whole listing was seen, so that `gone` is final. */
  whole: boolean;
  /** No earlier complete search was there to compare with. Missing in what version 0.1 stored. */
  firstRun?: boolean;
  /** Why nothing was compared although the name had been used before. */
  note?: string;
}

export type TrackedProduct = Pick<
  Product,
  'itemId' | 'marketplace' | 'price' | 'converted' | 'shipping' | 'total' | 'listedAt' | 'observedAt'
> & { details?: object };

/** What a search saw. */
export interface Observation {
  /** What it delivers, without the items of which eBay answered that they are gone. */
  products: readonly TrackedProduct[];
  /** The id of every item of its pages, delivered or not. */
  listed: ReadonlySet<string>;
  /** When its first page was answered, ms since the epoch. */
  began: number;
  /** Everything that was requested is there. */
  complete: boolean;
  /** That is also all of the listing, see `sawWhole`: what is not in it is gone. */
  whole: boolean;
  /** See `priceCurrencyOf`. */
  priceCurrency?: string | undefined;
  /** Of a search sorted by newest first. */
  newest?: Partial<Record<MarketplaceId, SeenNewest>> | undefined;
  /** What this search decided before it was continued. */
  before?: TrackVerdict | undefined;
}

/** The verdict, and the track as it is afterwards: `listings` holds only those that changed. */
export interface Comparison {
  verdict: TrackVerdict;
  after: Omit<Track, 'rememberedFrom'>;
}

/**
 * Prices remembered of one listing, or as many as a search delivers of its variations. A change of a variation that was left
 * out is not reported.
 */
export const OFFERS_KEPT = 16;

/** The listing that an item id belongs to: the middle of `v1|LEGACY|VARIATION`, which all its variations share. */
export function listingOf(itemId: string): string {
  return /^v1\|([^|]+)\|/.exec(itemId)?.[1] ?? itemId;
}

/** The fields of a request that decide which listings it finds and at which prices. */
export const MEANING = [
  'query',
  'categoryIds',
  'marketplaces',
  'filters',
  'shipTo',
  'title',
  'seller',
  'excludePickupOnly',
] as const satisfies readonly (keyof NormalRequest)[];

/** The same, of those that earlier releases do not know: where a request names none, its fingerprint is theirs. */
export const MORE_MEANING = [
  'items',
  'gtin',
  'epid',
  'image',
  'autoCorrect',
] as const satisfies readonly (keyof NormalRequest)[];

/** The same for requests whose results can be compared. How many items, in which order, how often: all that may change. */
export function trackFingerprint(request: NormalRequest): string {
  const form = normalForm({ ...request, marketplaces: request.marketplaces.toSorted() });
  const meaning: unknown[] = MEANING.map((field) => form[field] ?? null);
  for (const field of MORE_MEANING) if (form[field] !== undefined) meaning.push([field, form[field]]);
  // Costs decide what is found only where the margin is a condition.
  if (hasMarginCondition(request.costs)) meaning.push(form.costs ?? null);
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex').slice(0, 32);
}

/** What there is of a marketplace's listing. */
export interface Coverage {
  /** Why no further page was asked for. */
  stoppedBy: StoppedBy;
  /** The highest total that one of its pages claims; null where one claims none. */
  claimed: number | null;
  /** The ids of the items on its pages, as often as they are there. */
  itemIds: readonly string[];
  /** Items of its pages that could not be read. */
  unreadable: number;
}

/**
 * Whether pages are all of a marketplace's listing, so that what is not on them is gone. The listing must have ended. A
 * listing that is there twice has moved between two pages, and another one may have moved past unseen; so it may if there
 * are fewer than eBay claims.
 */
export function sawWhole({ stoppedBy, claimed, itemIds, unreadable }: Coverage): boolean {
  const different = new Set(itemIds.map(listingOf)).size;
  return (
    stoppedBy === 'end' &&
    unreadable === 0 &&
    claimed !== null &&
    different >= claimed &&
    different === itemIds.length
  );
}

/** Compares what a search saw with its track. */
export function compareWithTrack(track: Track, observation: Observation): Comparison {
  const { products, listed, began, before, complete, whole } = observation;
  const marks = new Map<string, Mark | null>(before?.marks);
  const formerTotals = new Map<string, Money>(before?.formerTotals);
  const formerSeen = new Map<string, number>(before?.formerSeen);
  const listings = new Map<string, Remembered>();
  const variations = new Map<string, number>();
  for (const listing of products.map(({ itemId }) => listingOf(itemId)))
    variations.set(listing, (variations.get(listing) ?? 0) + 1);
  for (const product of products) {
    const { itemId, observedAt } = product;
    // Decided before the search was continued: the track's entry is from this search.
    if (marks.has(itemId)) continue;
    const listing = listingOf(itemId);
    const known = track.listings.get(listing);
    const seen = Date.parse(observedAt);
    if (known?.delivered && known.lastSeen > seen) {
      // A concurrent search saw the listing later: its price is the newer one.
      marks.set(itemId, track.since === null ? null : 'same');
      continue;
    }
    const current = listings.get(listing) ?? known;
    const {
      change,
      formerTotal,
      formerAt = null,
      after,
    } = compareOffer(current, product, Math.max(OFFERS_KEPT, variations.get(listing) ?? 0));
    listings.set(listing, after);
    if (track.since === null) marks.set(itemId, null);
    else if (isNew(track, current, product, observation.priceCurrency)) marks.set(itemId, 'new');
    else marks.set(itemId, current === undefined ? null : change);
    if (track.since !== null && formerTotal !== undefined) {
      formerTotals.set(itemId, formerTotal);
      if (formerAt !== null) formerSeen.set(itemId, formerAt);
    }
  }
  for (const itemId of listed) {
    const listing = listingOf(itemId);
    const current = listings.get(listing) ?? track.listings.get(listing);
    if (current === undefined || current.lastSeen < began)
      listings.set(listing, { ...(current ?? NEVER_DELIVERED), itemId, lastSeen: began });
  }
  const settled = before?.whole === true;
  const gone = settled ? before.gone : whole ? goneFrom(track, observation) : [];
  // Of what eBay no longer lists only the id and the time stay.
  for (const itemId of settled ? [] : gone) {
    const known = track.listings.get(listingOf(itemId));
    if (known !== undefined) listings.set(listingOf(itemId), { ...known, ...NO_OFFER });
  }
  return {
    verdict: {
      marks,
      formerTotals,
      ...(formerSeen.size > 0 && { formerSeen }),
      gone,
      whole: settled || whole,
      firstRun: before?.firstRun ?? track.since === null,
    },
    after: {
      since: track.since ?? (complete ? began : null),
      lastWhole: whole && !settled ? Math.max(began, track.lastWhole ?? 0) : track.lastWhole,
      listings,
      newest: newestAfter(track, observation),
    },
  };
}

/**
 * How many items at the end of a page must be known. eBay's order by date is not exact: where half of a page is known, a new
 * listing that still follows would be a hundred places from its own. A listing that is offered again is a new one, with a new
 * date.
 */
const KNOWN_PART = 0.5;
const KNOWN_LEAST = 10;

/**
 * Whether nothing new can follow a page of a search sorted by newest first: the track knows the items at its end, and its
 * searches have gone through the older ones behind them.
 * @param page of it, those that fit are judged alone: the others are not delivered
 * @param wanted fitting items of the marketplace that the search wants @param within items that it may go through at most
 */
export function isAllKnownBehind(
  { since, listings, newest }: Track,
  page: SeenItems,
  { marketplace, wanted, within }: { marketplace: MarketplaceId; wanted: number; within: number },
): boolean {
  const isKnown = (id: string) => listings.has(listingOf(id));
  const { fitting } = page;
  const tail = fitting.slice(-Math.max(KNOWN_LEAST, Math.ceil(fitting.length * KNOWN_PART)));
  if (since === null || tail.length === 0 || !tail.every(isKnown)) return false;
  // What an earlier release stored says nothing of it.
  if (newest === undefined) return true;
  const seen = newest[marketplace] ?? { items: 0, fitting: 0 };
  const added = addedBy(page, isKnown);
  return seen.fitting + added.fitting >= wanted || seen.items + added.items >= within;
}

function addedBy({ itemIds, fitting }: SeenItems, isKnown: (itemId: string) => boolean) {
  const added = (ids: readonly string[]) => new Set(ids.filter((id) => !isKnown(id))).size;
  return { items: added(itemIds), fitting: added(fitting) };
}

/**
 * Which of these products, as a page shows them, a track does not know or has known at another delivered price: what an item
 * call would say of the others is known. It changes nothing.
 */
export function newsAmong(
  track: Track,
  products: readonly TrackedProduct[],
  priceCurrency: string | undefined,
): Set<string> {
  const seen = { products, listed: new Set<string>(), began: 0, complete: true, whole: false, priceCurrency };
  const { marks } = compareWithTrack(track, seen).verdict;
  const isKnown = (product: TrackedProduct) => {
    const known = track.listings.get(listingOf(product.itemId));
    return known?.delivered && marks.get(product.itemId) === 'same' && !hasOtherPrice(known, product);
  };
  return new Set(products.filter((product) => !isKnown(product)).map(({ itemId }) => itemId));
}

/** Whether a product's price without shipping differs from the one that any source of its site named last. */
function hasOtherPrice({ currency, offers }: Remembered, product: TrackedProduct): boolean {
  const { itemId, marketplace } = product;
  const own = product.converted ?? product.price;
  const variation = itemId.split('|')[2] ?? '';
  const last = offers.find((offer) => {
    return offer.variation === variation && offer.source.split(' ')[0] === marketplace;
  });
  if (own === null || last === undefined || own.currency !== currency) return false;
  const [former, present] = [last.price, own.value].map((value) => minorUnits(value, own.currency) ?? 0n);
  return !isSmall(former as bigint, present as bigint, own.currency);
}

function newestAfter({ newest, listings }: Track, { newest: seen }: Observation): Newest | undefined {
  if (seen === undefined) return newest;
  const after: Newest = { ...newest };
  for (const [id, { end, ...items }] of Object.entries(seen) as Array<[MarketplaceId, SeenNewest]>) {
    const before = end === null ? { items: 0, fitting: 0 } : after[id];
    const added = addedBy(items, (itemId) => end === 'known' && listings.has(listingOf(itemId)));
    if (end === 'listing') after[id] = { items: MAX_ITEMS, fitting: MAX_ITEMS };
    else if (before !== undefined)
      after[id] = {
        items: Math.min(before.items + added.items, MAX_ITEMS),
        fitting: Math.min(before.fitting + added.fitting, MAX_ITEMS),
      };
  }
  return Object.keys(after).length === 0 ? newest : after;
}

/**
 * Whether a listing is new that no search of the track has delivered. A look at a part of a listing sees other items each
 * time, so one that an earlier search did not see is new only if eBay says that it began later, or if that search saw the
 * whole listing.
 */
function isNew(
  { since, lastWhole, rememberedFrom }: Track,
  current: Remembered | undefined,
  { price, converted, listedAt, observedAt }: TrackedProduct,
  priceCurrency: string | undefined,
): boolean {
  if (current?.delivered) return false;
  // What began before `rememberedFrom` may have been reported and forgotten. eBay's dates are whole seconds.
  const from = Math.max(Math.floor((since ?? 0) / 1000) * 1000, rememberedFrom);
  if (listedAt !== null && Date.parse(listedAt) >= from) return true;
  const currency = (converted ?? price)?.currency ?? null;
  return (
    current === undefined &&
    lastWhole !== null &&
    lastWhole >= rememberedFrom &&
    lastWhole <= Date.parse(observedAt) &&
    staysWithinPrices(currency, priceCurrency)
  );
}

/**
 * The currency of a request's price limits; undefined without limits. Exchange rates carry listings in other currencies
 * over them, and those in every currency where a site has another one than the limits: then it is empty.
 */
export function priceCurrencyOf({ filters, marketplaces }: NormalRequest): string | undefined {
  const currency = filters.price?.currency;
  return marketplaces.every((id) => MARKETPLACES[id].currency === currency) ? currency : currency && '';
}

/** Whether only its seller can carry a listing over the request's price limits: neither exchange rates nor bids can. */
function staysWithinPrices(currency: string | null, priceCurrency: string | undefined): boolean {
  return priceCurrency === undefined || currency === priceCurrency;
}

/** A listing is reported once: it was last seen before the whole search that reported it, so no later one reports it. */
function goneFrom({ listings, lastWhole }: Track, { listed, began, priceCurrency }: Observation): string[] {
  if (lastWhole === null) return [];
  const there = new Set([...listed].map(listingOf));
  return [...listings].flatMap(([listing, { lastSeen, itemId, currency }]) =>
    lastSeen >= lastWhole &&
    lastSeen < began &&
    !there.has(listing) &&
    staysWithinPrices(currency, priceCurrency)
      ? [itemId]
      : [],
  );
}

const NO_OFFER = { currency: null, named: false, offers: [] };
const NEVER_DELIVERED = { delivered: false, ...NO_OFFER };

export interface OfferComparison {
  change: Exclude<Mark, 'new'>;
  formerTotal?: Money | undefined;
  formerAt?: number | null;
  after: Remembered;
}

/** What a product says of its listing. What is remembered stays until a change is reported, so that small ones add up. */
export function compareOffer(
  current: Remembered | undefined,
  product: TrackedProduct,
  mostOffers: number,
): OfferComparison {
  const { itemId, price, converted } = product;
  const lastSeen = Math.max(Date.parse(product.observedAt), current?.lastSeen ?? 0);
  const { currency, named, offers } = current ?? NEVER_DELIVERED;
  const same = (known: Pick<Remembered, 'currency' | 'named' | 'offers'>): OfferComparison => ({
    change: 'same',
    after: { ...known, lastSeen, itemId, delivered: true },
  });
  const own = converted ?? price;
  const isOther = currency !== null && own?.currency !== currency;
  // A listing keeps its currency. A price in another one without a named original is a converted price.
  if (own === null || (isOther && named && converted === null)) return same({ currency, named, offers });
  const kept = isOther ? [] : offers;
  const listing = { currency: own.currency, named: converted !== null || (named && !isOther) };
  const offer = offerOf(product, own);
  if (offer === undefined) return same({ ...listing, offers: kept });
  const { variation, source } = offer;
  const last = kept.find((each) => each.variation === variation && each.source === source);
  const others = kept.filter((each) => each !== last).slice(0, mostOffers - 1);
  if (last === undefined) return same({ ...listing, offers: [offer, ...others] });
  const withShipping = last.shipping !== null && offer.shipping !== null;
  const [former, present] = [last, offer].map((each) => unitsOf(each, own.currency, withShipping));
  const shipping = offer.shipping ?? last.shipping;
  if (isSmall(former as bigint, present as bigint, own.currency))
    return same({
      ...listing,
      offers: [{ ...last, shipping: last.shipping ?? shipping, seen: offer.seen }, ...others],
    });
  // What other sources said of this variation is from before the change, which would be reported once more.
  const unaffected = others.filter((each) => each.variation !== variation);
  return {
    change: (present as bigint) < (former as bigint) ? 'price-dropped' : 'price-rose',
    formerTotal: totalToday(former as bigint, product, own, withShipping),
    formerAt: last.seen,
    after: { ...listing, lastSeen, itemId, delivered: true, offers: [{ ...offer, shipping }, ...unaffected] },
  };
}

/** Undefined where the delivered price is unknown, or may be converted from a currency that eBay does not name. */
function offerOf(product: TrackedProduct, own: Money): Offer | undefined {
  const { itemId, marketplace, price, converted, shipping, total } = product;
  const original = shipping.converted ?? null;
  if (price === null || total === null || isZero(own)) return undefined;
  if (converted === null && original !== null && original.currency !== price.currency) return undefined;
  const source = isItemAnswer(product) ? `${marketplace} item` : marketplace;
  const variation = itemId.split('|')[2] ?? '';
  const seen = Date.parse(product.observedAt);
  return { variation, source, price: own.value, shipping: ownShipping(product, own.currency), seen };
}

function ownShipping({ shipping, converted }: TrackedProduct, currency: string): string | null {
  const { kind, cost } = shipping;
  // Carriers set it, and eBay names it in one answer and not in the next.
  if (kind === 'calculated' || cost === null) return null;
  if (isZero(cost)) return '0';
  const own = converted === null ? cost : shipping.converted;
  return own?.currency === currency ? own.value : null;
}

/** Whether an item call named the offer: its shipping is another one than that of a search answer. */
function isItemAnswer({ details, observedAt }: TrackedProduct): boolean {
  return details !== undefined && 'observedAt' in details && details.observedAt === observedAt;
}

function unitsOf({ price, shipping }: Offer, currency: string, withShipping: boolean): bigint {
  const units = (value: string) => minorUnits(value, currency) ?? 0n;
  return units(price) + (withShipping && shipping !== null ? units(shipping) : 0n);
}

/** Below 1 % and below 0.50 of the currency; where that has no decimals, below 50. */
function isSmall(former: bigint, present: bigint, currency: string): boolean {
  const change = present > former ? present - former : former - present;
  const one = minorUnits('1', currency) ?? 100n;
  return change * 100n < former && change < (one === 1n ? 50n : one / 2n);
}

/** What the former offer costs today: at the rate at which eBay converts the present price, with shipping as it is now. */
function totalToday(
  former: bigint,
  { price, shipping, total }: TrackedProduct,
  own: Money,
  withShipping: boolean,
): Money | undefined {
  const currency = total?.currency ?? '';
  const [shown, from] = [minorUnits(price?.value ?? '', currency), minorUnits(own.value, own.currency)];
  if (shown === null || !from) return undefined;
  const rest = withShipping ? 0n : (minorUnits(shipping.cost?.value ?? '', currency) ?? 0n);
  return fromMinorUnits((former * shown * 2n + from) / (from * 2n) + rest, currency);
}
