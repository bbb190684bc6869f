import { fromMinorUnits, type Money } from '../../src/product/money.ts';
import type { Product } from '../../src/product/product.ts';
import { type Judgement, judge, likenessOf, type SeenListing } from '../../src/queue/alerts/conditions.ts';
import type { AlertDefinition } from '../../src/queue/alerts/definition.ts';
import { parseAlert } from '../../src/queue/alerts/definition.ts';
import {
  type ListingState,
  noneShared,
  packShared,
  packState,
  packTwin,
  readShared,
  readState,
  readTwin,
} from '../../src/queue/alerts/state.ts';

export const MONTH_MS = 30 * 86_400_000;

export interface Shown {
  /** Minor units of the listing's own currency; null: bids only. */
  item: number | null;
  /** The same; null: a carrier sets it. */
  shipping: number | null;
  currency?: string;
  /** Shown in another currency, at this rate. */
  converted?: { currency: string; rate: number };
  title?: string;
  image?: string;
}

/** A product with what conditions look at. */
export function shownAs(
  itemId: string,
  { item, shipping, currency = 'USD', converted, title, image }: Shown,
): Product {
  const own = (units: number | null) => (units === null ? null : fromMinorUnits(BigInt(units), currency));
  const shown = (units: number | null): Money | null =>
    units === null || converted === undefined
      ? own(units)
      : fromMinorUnits(BigInt(Math.round(units * converted.rate)), converted.currency);
  const both = item === null || shipping === null ? null : { item: shown(item), shipping: shown(shipping) };
  const units = (amount: Money | null | undefined) => Number(amount?.value.replace('.', ''));
  const total =
    both?.item == null
      ? null
      : fromMinorUnits(BigInt(units(both.item) + units(both.shipping)), both.item.currency);
  return {
    itemId,
    title: title ?? `Lens ${itemId}`,
    images: [image ?? `https://i.ebayimg.example/${itemId}/s-l225.jpg`],
    price: shown(item),
    converted: converted === undefined ? null : own(item),
    shipping: {
      kind: shipping === null ? 'calculated' : shipping === 0 ? 'free' : 'fixed',
      cost: shown(shipping),
      ...(converted !== undefined && shipping !== null && { converted: own(shipping) }),
    },
    total,
    seller: { feedbackPercentage: 99, feedbackScore: 100 },
    conditionId: '1000',
  } as unknown as Product;
}

export function alertOf(condition: object, more: object = {}): AlertDefinition {
  const parsed = parseAlert({ name: 'a', track: 't', when: [condition], ...more });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.definition;
}

/** What an alert knows, kept as Redis keeps it. */
export class AlertMemory {
  readonly states = new Map<string, string>();
  readonly twins = new Map<string, string>();
  shared: string;
  /** States written. */
  writes = 0;

  private readonly definition: AlertDefinition;
  private readonly ttlMs: number;

  constructor(definition: AlertDefinition, ttlMs = MONTH_MS) {
    this.definition = definition;
    this.ttlMs = ttlMs;
    this.shared = packShared(noneShared(definition));
  }

  state(itemId: string): ListingState | undefined {
    return readState(this.states.get(itemId), this.definition.when.length);
  }

  see(seen: SeenListing, { isBaseline = false, now = seen.at } = {}): Judgement {
    const { definition, ttlMs } = this;
    const likeness = seen.product === null ? undefined : likenessOf(seen.product);
    const judgement = judge(definition, seen, {
      state: this.state(seen.itemId),
      twin: readTwin(this.twins.get(likeness ?? ''), definition.when.length),
      shared: readShared(this.shared, definition),
      isBaseline,
      now,
      ttlMs,
    });
    const { after, twin, shared } = judgement;
    if (after !== undefined) {
      this.states.set(seen.itemId, packState(after));
      this.writes += 1;
    }
    if (twin !== undefined && likeness !== undefined) this.twins.set(likeness, packTwin(twin));
    if (shared !== undefined) this.shared = packShared(shared);
    return judgement;
  }
}
