import { createHash } from 'node:crypto';
import { dropReasonOf } from '../../collector/assemble.ts';
import type { AlertCondition } from '../../product/alertSchema.ts';
import { fromMinorUnits, isZero, type Money, minorUnits } from '../../product/money.ts';
import type { Product } from '../../product/product.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { listingOf } from '../../product/track.ts';
import type { AlertDefinition, Basis, FullCondition } from './definition.ts';
import {
  type AnswerKind,
  areSame,
  copyOf,
  isSame,
  type KnownShipping,
  type ListingState,
  type Low,
  type Mark,
  noShipping,
  type SharedState,
  type Twin,
} from './state.ts';

/*
 * Whether what a search saw of a listing meets the conditions of an alert. Nothing here reads or writes: what is known of a
 * listing goes in, what is known afterwards comes out, with the conditions that were met.
 */

/** What one answer says of a listing, or of one of its variations. */
export interface SeenListing {
  itemId: string;
  /** When eBay answered, ms since the epoch. */
  at: number;
  /** Null: the listing has ended, or a search of all of the listings no longer has it. */
  product: Product | null;
  source: AnswerKind;
  /** The track had not seen it before. */
  isNew: boolean;
  /** It cannot be bought now. */
  isOut: boolean;
  /** How many are left; of a well-stocked listing `moreThan` says that there are more than so many. */
  quantity: number | null;
  moreThan: number | null;
}

/** A condition that was met. */
export interface Met {
  /** Its place in `when`. */
  index: number;
  on: AlertCondition;
  basis: Basis | null;
  /** As the marketplace shows prices today. */
  from: Money | null;
  to: Money | null;
  /** When `from` was seen, or earlier by up to a tenth of the time that a track remembers, ms since the epoch. */
  fromAt: number | null;
  quantity: number | null;
}

export interface Judgement {
  /** What the alert knows of the listing now. Undefined: as it was. */
  after?: ListingState;
  /** To be kept under `likenessOf`, also for the sightings that follow in the same batch. Undefined: as it was. */
  twin?: Twin;
  /** Undefined: as it was. */
  shared?: SharedState;
  met: Met[];
  /** Whether a condition on price or stock is met now, alerted or not: what a baseline counts. */
  matches: boolean;
}

export interface Known {
  /** Undefined: the alert sees the listing for the first time, or has forgotten it. */
  state: ListingState | undefined;
  /** What is kept under the product's `likenessOf`. */
  twin: Twin | undefined;
  shared: SharedState;
  /** The first look of an alert: what is there is learned, and nothing is alerted. */
  isBaseline: boolean;
  /** Ms since the epoch. */
  now: number;
  /** How long a track remembers, ms. */
  ttlMs: number;
}

/** Least change without percent or amount: both of these. One per cent of a cheap thing is a cent, and of a dear one noise. */
const LEAST_PERCENT = 1;
const LEAST_UNITS = 10n;
/** Lows kept of a listing: more are merged so that none is forgotten early. */
const LOWS_KEPT = 3;
/** Currencies whose lows are kept of all listings: one for each marketplace of a search. */
const CURRENCIES_KEPT = 5;
/** What was written by a clock that was ahead by more than this is worth nothing, ms. */
const MOST_AHEAD = 300_000;

/** Whether a product meets the alert's rules about title, seller and condition. */
export function fitsAlert({ title, seller, conditionIds }: AlertDefinition): (product: Product) => boolean {
  const dropReason = dropReasonOf({ title, seller } as NormalRequest);
  return (product) =>
    dropReason(product) === null &&
    (conditionIds === undefined || conditionIds.includes(product.conditionId ?? ''));
}

/** Whether twins matter to an alert, and so have to be remembered. */
export function needsTwins({ when }: AlertDefinition): boolean {
  return when.some(
    (condition) => (condition.on === 'new' && !condition.relisted) || condition.on === 'price-below',
  );
}

/** The same for listings with the same title and main picture; undefined without a picture. */
export function likenessOf({ title, images: [image] }: Product): string | undefined {
  if (image === undefined) return undefined;
  const text = title
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  // The last part names the size.
  const picture = image.replace(/\/s-l\d+\.\w+$/, '');
  return createHash('sha256')
    .update(JSON.stringify([text, picture]))
    .digest('base64url')
    .slice(0, 11);
}

/** The same for the same condition of the same alert, met by the same answer. @param creation of the alert */
export function hitIdOf(creation: string, { index, on }: Met, { itemId, at }: SeenListing): string {
  const text = JSON.stringify([creation, index, on, itemId, at]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Compares an answer with what is known, and changes nothing. An answer that is no later than what is known has no effect. */
export function judge(definition: AlertDefinition, seen: SeenListing, known: Known): Judgement {
  const { product, source } = seen;
  const { ttlMs, now, isBaseline } = known;
  const at = Math.min(seen.at, now);
  const isCurrent = (each: { at: number }) => each.at >= at - ttlMs && each.at <= now + MOST_AHEAD;
  const before = known.state && isCurrent(known.state) ? known.state : undefined;
  const nothing = { met: [], matches: false };
  if (before !== undefined && before.at >= at) return nothing;
  if (product === null && before === undefined) return nothing;
  const { when, rearm } = definition;
  const after = copyOf(before, when.length, at);
  const met: Met[] = [];
  let matches = false;

  /** @param isFurther a change by the whole amount since the last alert, which no pause holds back */
  const alert = (index: number, what: Partial<Met> & { units?: bigint; isFurther?: boolean } = {}): void => {
    const { units = null, isFurther = false, basis = null, from = null, to = null } = what;
    const { fromAt = null, quantity = null } = what;
    const last = after.hits[index] ?? null;
    if (isBaseline || (last !== null && at - last.at < rearm * 1000 && !isFurther)) return;
    after.hits[index] = { at, units };
    met.push({ index, on: (when[index] as FullCondition).on, basis, from, to, fromAt, quantity });
  };

  // Searches do not say whether a listing is sold out: only an item answer ends that.
  const isOut = seen.isOut || (before?.presence === 'out' && source === 'search');
  const presence = product === null ? 'gone' : isOut ? 'out' : 'there';
  after.presence = presence;
  const isThere = presence === 'there';
  const isFirst = before === undefined && seen.isNew;
  const listing = listingOf(seen.itemId);
  const twin = known.twin && isCurrent(known.twin) && known.twin.listing !== listing ? known.twin : undefined;
  const to = { basis: product?.total ? ('delivered' as const) : null, to: product?.total ?? null };
  for (const [index, condition] of when.entries()) {
    if (condition.on === 'gone' && presence === 'gone' && before?.presence !== 'gone') alert(index);
    if (!isThere) continue;
    if (condition.on === 'back-in-stock' && before !== undefined && before.presence !== 'there')
      alert(index, to);
    if (condition.on === 'new' && isFirst && (condition.relisted || twin === undefined)) alert(index, to);
    if (condition.on !== 'stock-below') continue;
    const isScarce = isBelowQuantity(condition.quantity, seen);
    if (isScarce === null) continue;
    const was = after.scarce[index] ?? null;
    after.scarce[index] = isScarce;
    if (!isScarce) continue;
    matches = true;
    if (was === false || (was === null && isFirst)) alert(index, { ...to, quantity: seen.quantity });
  }
  const shared: SharedState = { lows: known.shared.lows.map((lows) => ({ ...lows })) };
  const isBelow: boolean[] = when.map(() => false);
  if (product !== null && isThere) {
    const own = product.converted ?? product.price;
    if (own !== null && own.currency !== after.currency) {
      // A listing keeps its currency. A price in another one may be a converted one.
      if (after.currency !== '') {
        after.marks = when.map(() => null);
        after.shipping = noShipping();
      }
      after.currency = own.currency;
    }
    if (when.some((condition) => 'basis' in condition && condition.basis === 'delivered'))
      after.shipping = shippingAfter(after.shipping, product, source);
    for (const [index, condition] of when.entries()) {
      if (!('basis' in condition)) continue;
      const { basis } = condition;
      const price = priceOf(product, basis);
      if (price === undefined) continue;
      // What is known is compared as if this kind of answer had said it.
      const offset = basis === 'delivered' ? offsetOf(after.shipping, source) : 0n;
      const mark = shift(after.marks[index] ?? null, offset);
      const { marks } = after;
      if (condition.on === 'price-below') {
        const isNow = isBelowPrice(condition, price);
        if (isNow === null) continue;
        isBelow[index] = isNow;
        matches ||= isNow;
        const former = mark !== null && 'isBelow' in mark ? mark.isBelow : { search: null, item: null };
        const was = former[source];
        // What the other kind of answer said is from before the change, which would be reported once more.
        const rest = was === null || was === isNow ? former : { search: null, item: null };
        marks[index] = { isBelow: { ...rest, [source]: isNow } };
        const isNews = was === false || (was === null && isFirst && !twin?.isBelow[index]);
        if (isNow && isNews) alert(index, { basis, to: price.shown });
      } else if (condition.on === 'lowest' && condition.of === 'all') {
        const lows = shared.lows[index] as Record<string, Low[]>;
        const { currency, value } = price.shown;
        if (lows[currency] === undefined && Object.keys(lows).length >= CURRENCIES_KEPT) continue;
        const result = lowestOf(lows[currency] ?? [], minorUnits(value, currency) ?? 0n, at, ttlMs);
        lows[currency] = result.lows;
        // Where the price is converted, the rate alone may make it the lowest.
        const isConverted = currency !== price.currency;
        const isLower = mark === null || !('highest' in mark) || price.units < mark.highest;
        marks[index] = isConverted ? { highest: price.units - offset, at } : null;
        if (result.former !== null && (!isConverted || isLower)) {
          const from = fromMinorUnits(result.former, currency);
          alert(index, { basis, from, fromAt: result.formerAt, to: price.shown, isFurther: true });
        }
      } else {
        const alerted = after.hits[index]?.units ?? null;
        const last = alerted === null ? null : alerted + offset;
        const step = compare(condition, price, { mark, last, at, ttlMs });
        marks[index] = shift(step.mark, -offset);
        if (step.former === null) continue;
        const { former, formerAt, isFurther } = step;
        const from = shownOf(former, price);
        const what = { basis, from, fromAt: formerAt, to: price.shown };
        alert(index, { ...what, units: price.units - offset, isFurther });
      }
    }
  }
  const isOld = (each: { at: number }) => at - each.at > ttlMs / 10;
  const isChanged = before === undefined || met.length > 0 || isOld(before) || !isSame(before, after);
  const isOwner = known.twin?.listing === listing;
  const isTwinChanged =
    isThere &&
    needsTwins(definition) &&
    (known.twin === undefined ||
      !isCurrent(known.twin) ||
      isFirst ||
      (isOwner && (isOld(known.twin) || known.twin.isBelow.join() !== isBelow.join())));
  return {
    ...(isChanged && { after }),
    ...(isTwinChanged && { twin: { listing, at, isBelow } }),
    ...(!areSame(known.shared, shared, ttlMs) && { shared }),
    met,
    matches,
  };
}

/** Null where it is not known: more than so many may still be fewer than asked for. */
function isBelowQuantity(least: number, { quantity, moreThan }: SeenListing): boolean | null {
  if (quantity !== null) return quantity < least;
  return moreThan !== null && moreThan + 1 >= least ? false : null;
}

function shippingAfter(known: KnownShipping, product: Product, source: AnswerKind): KnownShipping {
  const [item, delivered] = [priceOf(product, 'item'), priceOf(product, 'delivered')];
  if (item === undefined || delivered === undefined) return known;
  const named = delivered.units - item.units;
  const former = known[source];
  if (known.base === null) return { ...known, base: named, [source]: named };
  if (former === null || former === named) return { ...known, [source]: named };
  // The other kind of answer is from before the change.
  return { search: null, item: null, [source]: named, base: known.base + named - former };
}

/** What this kind of answer names more than `base`. */
function offsetOf({ base, ...named }: KnownShipping, source: AnswerKind): bigint {
  const own = named[source];
  return base === null || own === null ? 0n : own - base;
}

function shift(mark: Mark | null, by: bigint): Mark | null {
  if (mark === null || by === 0n || 'isBelow' in mark) return mark;
  if ('highest' in mark) return { ...mark, highest: mark.highest + by };
  if ('lowestSince' in mark) return { ...mark, lowestSince: mark.lowestSince + by };
  return { lows: mark.lows.map(([at, units]) => [at, units + by]) };
}

interface Price {
  /** In minor units of the listing's own currency. */
  units: bigint;
  currency: string;
  /** As the marketplace shows it. */
  shown: Money;
}

/** Undefined where it is not known, or may be converted from a currency that eBay does not name. Bids are no price. */
export function priceOf(
  { price, converted, shipping, total }: Pick<Product, 'price' | 'converted' | 'shipping' | 'total'>,
  basis: Basis,
): Price | undefined {
  const own = converted ?? price;
  if (price === null || own === null || isZero(own)) return undefined;
  const original = shipping.converted ?? null;
  if (converted === null && original !== null && original.currency !== price.currency) return undefined;
  const units = minorUnits(own.value, own.currency);
  if (units === null) return undefined;
  if (basis === 'item') return { units, currency: own.currency, shown: price };
  const { cost } = shipping;
  if (total === null || cost === null) return undefined;
  const ownCost = isZero(cost) || converted === null ? cost : original;
  if (ownCost === null || (ownCost.currency !== own.currency && !isZero(ownCost))) return undefined;
  const more = isZero(ownCost) ? 0n : minorUnits(ownCost.value, own.currency);
  return more === null ? undefined : { units: units + more, currency: own.currency, shown: total };
}

/** An amount in the listing's own currency, as the marketplace would show it today. */
function shownOf(amount: bigint, price: Price): Money {
  // Below zero where shipping was named in both ways by turns.
  const units = amount < 0n ? 0n : amount;
  const { value, currency } = price.shown;
  if (currency === price.currency) return fromMinorUnits(units, currency);
  const shown = minorUnits(value, currency) ?? 0n;
  return fromMinorUnits((units * shown * 2n + price.units) / (price.units * 2n), currency);
}

/** Null where the currencies differ. */
function isBelowShown(
  { price, currency }: { price: string; currency: string },
  shown: Money | null,
): boolean | null {
  if (shown === null || shown.currency !== currency) return null;
  return (minorUnits(shown.value, currency) ?? 0n) < (minorUnits(price, currency) ?? 0n);
}

function isBelowPrice(condition: { price: string; currency: string }, price: Price): boolean | null {
  const shown = isBelowShown(condition, price.shown);
  if (shown !== null || price.currency !== condition.currency) return shown;
  return price.units < (minorUnits(condition.price, condition.currency) ?? 0n);
}

type Change = Extract<FullCondition, { on: 'drop' | 'rise' }>;

/** Whether a price has changed by as much as a condition says. */
function isEnough(condition: Change, former: bigint, present: bigint, price: Price): boolean {
  const change = condition.on === 'drop' ? former - present : present - former;
  if (change <= 0n) return false;
  const { percent, amount, currency } = condition;
  if (amount !== undefined && currency !== undefined) {
    const least = minorUnits(amount, currency) ?? 0n;
    if (currency === price.currency) return change >= least;
    if (currency !== price.shown.currency) return false;
    // Both sides at today's rate.
    return change * (minorUnits(price.shown.value, currency) ?? 0n) >= least * price.units;
  }
  return percent === undefined ? isNotable(former, present) : isPercent(change, former, percent);
}

const PARTS = 1_000_000;

function isPercent(change: bigint, former: bigint, percent: number): boolean {
  return change * 100n * BigInt(PARTS) >= former * BigInt(Math.round(percent * PARTS));
}

function isNotable(former: bigint, present: bigint): boolean {
  const change = former > present ? former - present : present - former;
  return change >= LEAST_UNITS && isPercent(change, former, LEAST_PERCENT);
}

interface Step {
  mark: Mark | null;
  /** The price that the present one is compared with; null: the condition is not met. */
  former: bigint | null;
  /** When that was seen. */
  formerAt: number | null;
  isFurther: boolean;
}

/** @param last the price that was alerted last */
function compare(
  condition: FullCondition,
  price: Price,
  { mark, last, at, ttlMs }: { mark: Mark | null; last: bigint | null; at: number; ttlMs: number },
): Step {
  const { units } = price;
  if (condition.on === 'drop' || condition.on === 'rise') {
    const isDrop = condition.on === 'drop';
    const make = (value: bigint, seen: number): Mark =>
      isDrop ? { highest: value, at: seen } : { lowestSince: value, at: seen };
    const known = mark !== null && ('highest' in mark || 'lowestSince' in mark) ? mark : null;
    const none = { former: null, formerAt: null, isFurther: false };
    if (known === null) return { mark: make(units, at), ...none };
    const reference = 'highest' in known ? known.highest : known.lowestSince;
    if (reference === units || isDrop === units > reference) return { mark: make(units, at), ...none };
    if (!isEnough(condition, reference, units, price)) return { mark: known, ...none };
    const isFurther = last !== null && isEnough(condition, last, units, price);
    // Also where a pause holds the alert back: what was not alerted then is no news later.
    return { mark: make(units, at), former: reference, formerAt: known.at, isFurther };
  }
  if (condition.on === 'lowest') {
    const { lows, former, formerAt } = lowestOf(
      mark !== null && 'lows' in mark ? mark.lows : [],
      units,
      at,
      ttlMs,
    );
    const isFurther = last !== null && units < last && isNotable(last, units);
    return { mark: { lows }, former, formerAt, isFurther };
  }
  return { mark, former: null, formerAt: null, isFurther: false };
}

/** @returns the lows with this price among them, and the lowest one before where this one is clearly lower */
function lowestOf(known: readonly Low[], units: bigint, at: number, ttlMs: number) {
  const lows = known.filter(([seen]) => seen >= at - ttlMs);
  const [first] = lows;
  if (first === undefined) return { lows: [[at, units] as Low], former: null, formerAt: null };
  const [formerAt, lowest] = first;
  if (units < lowest && isNotable(lowest, units))
    return { lows: [[at, units] as Low], former: lowest, formerAt };
  // A little lower counts as the same, so that small steps add up.
  const value = units < lowest ? lowest : units;
  const lower = lows.filter(([, each]) => each < value);
  const kept: Low[] = [...lower, [at, value]];
  while (kept.length > LOWS_KEPT) {
    const [[, low], [seen]] = kept.splice(1, 2) as [Low, Low];
    kept.splice(1, 0, [seen, low]);
  }
  return { lows: kept, former: null, formerAt: null };
}
