import { compare, isZero, type Money } from '../product/money.ts';
import type { Shipping } from '../product/product.ts';
import { amount, fields, list } from './readJson.ts';

/**
 * The cheapest usable shipping option. An option is usable when its cost is known:
 * - fixed with a cost: `fixed`, or `free` when that is zero;
 * - calculated with a cost above zero: `calculated`. A calculated zero is doubtful (search and item calls disagree about
 *   such listings), and one without a cost depends on a buyer that eBay was not told of: both are `calculated`, no cost;
 * - of a kind that eBay did not name: `fixed` with a cost above zero; a zero says nothing.
 *
 * Options in the price's own currency come first, for only those can be added to it. Unknown is never free.
 */
export function mapShipping(options: unknown, priceCurrency: string | undefined): Shipping {
  const read = list(options).flatMap((option) => readOption(option) ?? []);
  const priced = read.filter((option): option is Shipping & { cost: Money } => option.cost !== null);
  const comparable = priced.filter(({ cost }) => cost.currency === priceCurrency);
  const [first, ...others] = comparable.length > 0 ? comparable : priced;
  if (first !== undefined) {
    return others.reduce((best, other) => ((compare(other.cost, best.cost) ?? 0) < 0 ? other : best), first);
  }
  return read[0] ?? { kind: 'unknown', cost: null };
}

function readOption(option: unknown): Shipping | null {
  const { shippingCostType: type, shippingCost } = fields(option) ?? {};
  const cost = amount(shippingCost);
  const priced = cost !== null && !isZero(cost);
  if (type === 'CALCULATED') return { kind: 'calculated', cost: priced ? cost : null };
  if (priced) return { kind: 'fixed', cost };
  return type === 'FIXED' && cost !== null ? { kind: 'free', cost } : null;
}
