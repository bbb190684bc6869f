import { isObject } from '../../product/parseRequest.ts';
import type { AlertDefinition } from './definition.ts';

/* What an alert knows of listings, and the form in which that is stored. There may be very many listings. */

/** Of eBay: to a search, or to a call for one item. They may name another shipping cost for the same listing. */
export type AnswerKind = 'search' | 'item';

/** The listing that showed a title and a main picture first. Another one with both is the same offer under a new number. */
export interface Twin {
  /** See `listingOf`. */
  listing: string;
  /** When it was seen, or earlier by up to a tenth of the time that a track remembers, ms since the epoch. */
  at: number;
  /** Of each condition `price-below`: whether the price was below then. */
  isBelow: boolean[];
}

/** Of one condition: what a price is compared with, in minor units of the listing's currency and with the shipping of `base`. */
export type Mark =
  | { highest: bigint; at: number }
  | { lowestSince: bigint; at: number }
  | { isBelow: BySource<boolean> }
  /** Oldest first, each lower than those after it. */
  | { lows: Low[] };
export type Low = [at: number, units: bigint];
/** Null: not known. */
type BySource<Value> = Record<AnswerKind, Value | null>;

/**
 * Shipping as the two kinds of answer named it last, in minor units of the listing's currency. They may name another one for
 * the same listing, which is no change: the first one is `base`, and it changes by what changes within one kind of answer.
 */
export interface KnownShipping extends BySource<bigint> {
  base: bigint | null;
}

/** What an alert knows of a listing. */
export interface ListingState {
  /** When eBay last answered about it, or earlier by up to a tenth of the time that a track remembers, ms since the epoch. */
  at: number;
  presence: 'there' | 'out' | 'gone';
  /** The currency that it is sold in; empty before a price was seen. */
  currency: string;
  /** Of each condition: when it was alerted last, and at which price. */
  hits: Array<{ at: number; units: bigint | null } | null>;
  /** Whether fewer are left than a condition says; null before that was known. */
  scarce: Array<boolean | null>;
  marks: Array<Mark | null>;
  /** Only where a condition is about delivered prices. */
  shipping: KnownShipping;
}

/** What an alert knows of all listings together: of each condition the lowest prices shown, by currency. */
export interface SharedState {
  lows: Array<Record<string, Low[]>>;
}

export function noneShared({ when }: AlertDefinition): SharedState {
  return { lows: when.map(() => ({})) };
}

export const noShipping = (): KnownShipping => ({ search: null, item: null, base: null });

export function copyOf(state: ListingState | undefined, length: number, at: number): ListingState {
  const empty = () => Array.from({ length }, () => null);
  return {
    at,
    presence: state?.presence ?? 'there',
    currency: state?.currency ?? '',
    hits: [...(state?.hits ?? empty())],
    scarce: [...(state?.scarce ?? empty())],
    marks: [...(state?.marks ?? empty())],
    shipping: { ...(state?.shipping ?? noShipping()) },
  };
}

/** Whether nothing but times differs. Times of prices are refreshed with that of the listing. */
export function isSame(before: ListingState, after: ListingState): boolean {
  const form = (state: ListingState) => packState({ ...state, at: 0, marks: state.marks.map(withoutTime) });
  return form(before) === form(after);
}

function withoutTime(mark: Mark | null): Mark | null {
  if (mark === null || 'isBelow' in mark) return mark;
  return 'lows' in mark ? { lows: mark.lows.map(([, units]) => [0, units]) } : { ...mark, at: 0 };
}

/** Whether no low differs, nor its time by more than a tenth of the time that a track remembers. */
export function areSame(before: SharedState, after: SharedState, ttlMs: number): boolean {
  return after.lows.every((lows, index) =>
    Object.entries(lows).every(([currency, list]) => {
      const former = before.lows[index]?.[currency] ?? [];
      return (
        former.length === list.length &&
        list.every(([at, units], place) => {
          const [formerAt, formerUnits] = former[place] as Low;
          return units === formerUnits && at - formerAt <= ttlMs / 10;
        })
      );
    }),
  );
}

const PRESENCES = ['there', 'out', 'gone'] as const;

/** Without the names of the fields: there may be very many. */
export function packState({ at, presence, currency, hits, scarce, marks, shipping }: ListingState): string {
  const packed = [
    at,
    PRESENCES.indexOf(presence),
    currency,
    tidy(hits.map((hit) => hit && [hit.at, packUnits(hit.units)])),
    tidy(scarce.map((each) => each && 1)),
    tidy(marks.map(packMark)),
    tidy([packUnits(shipping.base), packUnits(shipping.search), packUnits(shipping.item)]),
  ];
  return JSON.stringify(tidy(packed));
}

/** Without what is empty at the end. */
function tidy(list: readonly unknown[]): unknown[] {
  const isEmpty = (each: unknown) => each === null || (Array.isArray(each) && each.length === 0);
  return list.slice(0, list.findLastIndex((each) => !isEmpty(each)) + 1);
}

function packMark(mark: Mark | null): unknown {
  if (mark === null) return null;
  if ('isBelow' in mark) return [mark.isBelow.search, mark.isBelow.item].map((each) => each && 1);
  if ('highest' in mark) return `h${packLows([[mark.at, mark.highest]])}`;
  if ('lowestSince' in mark) return `l${packLows([[mark.at, mark.lowestSince]])}`;
  return `w${packLows(mark.lows)}`;
}

const packUnits = (units: bigint | null) => (units === null ? null : String(units));

/** Undefined for what another program has written, or is damaged. @param length number of the alert's conditions */
export function readState(text: string | null | undefined, length: number): ListingState | undefined {
  try {
    const fields: unknown = JSON.parse(text ?? '');
    if (!Array.isArray(fields)) return undefined;
    const [at, presence, currency = '', hits = [], scarce = [], marks = [], shipping = []] = fields;
    if (!Number.isFinite(at) || PRESENCES[presence] === undefined || typeof currency !== 'string')
      return undefined;
    const all = <T>(list: unknown[], read: (each: unknown) => T): Array<T | null> =>
      Array.from({ length }, (_, index) => (list[index] == null ? null : read(list[index])));
    return {
      at,
      presence: PRESENCES[presence] as ListingState['presence'],
      currency,
      hits: all(hits, (each) => {
        const [when, units] = each as [number, string | null];
        if (!Number.isFinite(when)) throw new RangeError('no time');
        return { at: when, units: unitsIn(units) };
      }),
      scarce: Array.from({ length }, (_, index) => (scarce[index] == null ? null : Boolean(scarce[index]))),
      marks: all(marks, readMark),
      shipping: { base: unitsIn(shipping[0]), search: unitsIn(shipping[1]), item: unitsIn(shipping[2]) },
    };
  } catch {
    return undefined;
  }
}

/** @throws for what is damaged */
function unitsIn(packed: unknown): bigint | null {
  return packed == null ? null : BigInt(packed as string);
}

function readMark(packed: unknown): Mark {
  if (Array.isArray(packed)) {
    const [search, item] = packed.map((each) => (each === null ? null : Boolean(each)));
    return { isBelow: { search: search ?? null, item: item ?? null } };
  }
  const text = packed as string;
  const lows = readLows(text.slice(1));
  const [at, units] = lows[0] as Low;
  if (text.startsWith('w')) return { lows };
  return text.startsWith('h') ? { highest: units, at } : { lowestSince: units, at };
}

/** Such as `12999@mij2x3k0,13100@mij9k2a8`. */
function packLows(lows: readonly Low[]): string {
  return lows.map(([at, units]) => `${units}@${at.toString(36)}`).join();
}

/** @throws for what is damaged */
function readLows(text: unknown): Low[] {
  return (text as string).split(',').map((each): Low => {
    const [, units, at] = /^(-?\d+)@([0-9a-z]{1,9})$/.exec(each) ?? [];
    return [Number.parseInt(at as string, 36), BigInt(units as string)];
  });
}

export function packTwin({ listing, at, isBelow }: Twin): string {
  return JSON.stringify([listing, at, tidy(isBelow.map((each) => each && 1))]);
}

/** Undefined for what is damaged. @param length number of the alert's conditions */
export function readTwin(text: string | null | undefined, length: number): Twin | undefined {
  try {
    const fields: unknown = JSON.parse(text ?? '');
    if (!Array.isArray(fields)) return undefined;
    const [listing, at, isBelow] = fields;
    if (typeof listing !== 'string' || !Number.isFinite(at) || !Array.isArray(isBelow)) return undefined;
    return { listing, at, isBelow: Array.from({ length }, (_, index) => Boolean(isBelow[index])) };
  } catch {
    return undefined;
  }
}

export function packShared({ lows }: SharedState): string {
  const packed = lows.map((byCurrency) =>
    Object.fromEntries(Object.entries(byCurrency).map(([currency, list]) => [currency, packLows(list)])),
  );
  return JSON.stringify(packed);
}

/** What is damaged counts as not known. */
export function readShared(text: string | null | undefined, definition: AlertDefinition): SharedState {
  const shared = noneShared(definition);
  let packed: unknown;
  try {
    packed = JSON.parse(text ?? '');
  } catch {
    return shared;
  }
  if (!Array.isArray(packed)) return shared;
  for (const [index, byCurrency] of packed.entries()) {
    const own = shared.lows[index];
    if (own === undefined || !isObject(byCurrency)) continue;
    for (const [currency, list] of Object.entries(byCurrency)) {
      try {
        own[currency] = readLows(list);
      } catch {
        delete own[currency];
      }
    }
  }
  return shared;
}
