import {
  type Costs,
  hasMarginCondition,
  type Landed,
  type Margin,
  UNKNOWN_PARTS,
  type WrittenCosts,
} from './costs.ts';
import { fromMinorUnits, type Money, minorUnits } from './money.ts';
import type { Product } from './product.ts';

type Priced = Pick<Product, 'price' | 'shipping'>;

/**
 * The landed cost of a product and, where the costs name a resale price or a markup, the margin of selling it. Every figure
 * but price and shipping is the caller's own, and what the caller does not name is none.
 *
 *     item       = price, converted
 *     shipping   = shipping.cost, converted
 *     duty       = dutyPercent of (item + shipping)
 *     importTax  = importTaxPercent of (item + shipping + duty)
 *     handling   = handling
 *     cost       = item + shipping + duty + importTax + handling
 *
 *     resale price   = resalePrice, or cost + markupPercent of cost
 *     resale         = resale price; + tax with resaleTax.onTop: what the buyer pays
 *     tax            = with resaleTax.onTop resaleTax.percent of the resale price; else percent / (100 + percent) of it
 *     marketplaceFee = marketplaceFee.percent of resale + marketplaceFee.fixed
 *     paymentFee     = paymentFee.percent of resale + paymentFee.fixed
 *     amount         = resale − tax − marketplaceFee − paymentFee − cost
 *     percent        = amount of (resale − tax)
 *
 * Converted: times the rate that `exchangeRates` gives for the amount's currency; without one the amount is unknown. A part
 * that is unknown makes every part that is made of it unknown, and cost and margin with them. Unknown is never 0.
 *
 * Each conversion and each percentage is rounded to the smallest unit of `currency`, half of one up; then whole units are
 * added, so the parts are exactly the cost. `percent` is rounded to two decimals, half away from zero.
 */
export function landedOf(product: Priced, costs: Costs): { landed: Landed; margin?: Margin } {
  const { currency, dutyPercent, importTaxPercent, handling } = costs;
  const missingRates = new Set<string>();
  const item = converted(product.price, costs, missingRates);
  const shipping = converted(product.shipping.cost, costs, missingRates);
  const goods = sum(item, shipping);
  const duty = dutyPercent === undefined ? 0n : part(goods, dutyPercent);
  const importTax = importTaxPercent === undefined ? 0n : part(sum(goods, duty), importTaxPercent);
  const cost = sum(sum(goods, duty), sum(importTax, units(handling, currency)));

  const shown = (amount: bigint | null) => (amount === null ? null : fromMinorUnits(amount, currency).value);
  const parts: Landed['parts'] = {
    item: shown(item),
    shipping: shown(shipping),
    ...(dutyPercent !== undefined && { duty: shown(duty) }),
    ...(importTaxPercent !== undefined && { importTax: shown(importTax) }),
    ...(handling !== undefined && { handling: fromMinorUnits(units(handling, currency), currency).value }),
  };
  const landed: Landed = {
    cost: shown(cost),
    currency,
    parts,
    unknown: UNKNOWN_PARTS.filter((name) => parts[name] === null),
    ...(missingRates.size > 0 && { missingRates: [...missingRates] }),
  };
  if (costs.resalePrice === undefined && costs.markupPercent === undefined) return { landed };
  return { landed, margin: cost === null ? null : marginOf(cost, costs) };
}

function marginOf(cost: bigint, costs: Costs): NonNullable<Margin> {
  const { currency, resalePrice, markupPercent = '0', resaleTax } = costs;
  const price = resalePrice === undefined ? cost + part(cost, markupPercent) : units(resalePrice, currency);
  const { digits, one } = fraction(resaleTax?.percent ?? '0');
  const hundred = 100n * one;
  const tax = rounded(price * digits, resaleTax?.onTop ? hundred : hundred + digits);
  const resale = resaleTax?.onTop ? price + tax : price;
  const fee = ({ percent = '0', fixed }: NonNullable<Costs['paymentFee']> = {}) =>
    part(resale, percent) + units(fixed, currency);
  const marketplaceFee = fee(costs.marketplaceFee);
  const paymentFee = fee(costs.paymentFee);
  const amount = resale - tax - marketplaceFee - paymentFee - cost;
  const net = resale - tax;
  const shown = (value: bigint) => fromMinorUnits(value, currency).value;
  return {
    amount: amount < 0n ? `-${shown(-amount)}` : shown(amount),
    percent: net === 0n ? null : Number(roundedSigned(amount * 10_000n, net)) / 100,
    resale: shown(resale),
    tax: shown(tax),
    marketplaceFee: shown(marketplaceFee),
    paymentFee: shown(paymentFee),
  };
}

/** In the smallest unit of the costs' currency; null where there is no amount, or no rate for its currency. */
function converted(amount: Money | null, costs: Costs, missingRates: Set<string>): bigint | null {
  if (amount === null) return null;
  const { currency, exchangeRates = {} } = costs;
  const from = minorUnits(amount.value, amount.currency);
  if (from === null || amount.currency === currency) return from;
  if (!Object.hasOwn(exchangeRates, amount.currency)) {
    missingRates.add(amount.currency);
    return null;
  }
  const { digits, one } = fraction(exchangeRates[amount.currency] as string);
  return rounded(from * digits * unit(currency), unit(amount.currency) * one);
}

/** Smallest units in one of a currency, such as 100 cents. */
function unit(currency: string): bigint {
  return minorUnits('1', currency) as bigint;
}

function units(amount: string | undefined, currency: string): bigint {
  // A request's rules let no amount in that is finer than its currency.
  return minorUnits(amount ?? '0', currency) ?? 0n;
}

/** A decimal number as digits over a power of ten. */
function fraction(decimal: string): { digits: bigint; one: bigint } {
  const [whole = '', decimals = ''] = decimal.split('.');
  return { digits: BigInt(whole + decimals), one: 10n ** BigInt(decimals.length) };
}

function part<Amount extends bigint | null>(of: Amount, percent: string): Amount {
  const { digits, one } = fraction(percent);
  return (of === null ? null : rounded(of * digits, 100n * one)) as Amount;
}

function sum(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || b === null ? null : a + b;
}

/** The quotient of two numbers that are not negative, half up. */
function rounded(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}

function roundedSigned(dividend: bigint, divisor: bigint): bigint {
  return dividend < 0n ? -rounded(-dividend, divisor) : rounded(dividend, divisor);
}

/**
 * A test of the conditions on the margin: `margin` for a lower one than `minMarginPercent` or `minMarginAmount`, both
 * compared as they are shown; `margin-unknown` where the margin is not known; null for a product that fits.
 */
export function marginTest(
  costs: Costs | undefined,
): ((product: Priced) => 'margin' | 'margin-unknown' | null) | undefined {
  if (costs === undefined || !hasMarginCondition(costs)) return undefined;
  const within = withinCosts({ minMargin: costs.minMarginAmount, minMarginPercent: costs.minMarginPercent });
  return (product) => {
    const { landed, margin } = landedOf(product, costs);
    // Of a sale for less than the smallest unit the percentage is unknown.
    if (!margin || margin.percent === null) return 'margin-unknown';
    return within({ landed, margin }) ? null : 'margin';
  };
}

/** A figure that products can be sorted and filtered by. */
export type CostFigure = 'landed' | 'margin' | 'marginPercent';

type Figured = Pick<Product, 'landed' | 'margin'>;

/** An amount as a decimal, or a percentage. */
type Figure = string | number;

/** Null where it is unknown, or the product has none. */
export function costFigure({ landed, margin }: Figured, figure: CostFigure): Figure | null {
  if (figure === 'landed') return landed?.cost ?? null;
  return (figure === 'margin' ? margin?.amount : margin?.percent) ?? null;
}

/** Orders figures of one search; unknown ones are last either way. */
export function byFigure({ falling = false } = {}) {
  return (a: Figure | null, b: Figure | null): number => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return falling ? compareFigures(b, a) : compareFigures(a, b);
  };
}

/** Orders products of one search by a figure. */
export function byCosts(figure: CostFigure, options: { falling?: boolean } = {}) {
  const order = byFigure(options);
  return (one: Figured, other: Figured) => order(costFigure(one, figure), costFigure(other, figure));
}

/** Bounds that a product must keep, as decimals; the amounts are in the costs' currency. */
export interface CostBounds {
  maxLanded?: string | undefined;
  minMargin?: string | undefined;
  minMarginPercent?: string | undefined;
}

/** A test of bounds. A figure that is unknown keeps none. */
export function withinCosts({ maxLanded, minMargin, minMarginPercent }: CostBounds) {
  return (product: Figured): boolean => {
    const differs = (figure: CostFigure, bound: string) => {
      const value = costFigure(product, figure);
      return value === null ? undefined : compareFigures(value, bound);
    };
    return (
      (maxLanded === undefined || (differs('landed', maxLanded) ?? 1) <= 0) &&
      (minMargin === undefined || (differs('margin', minMargin) ?? -1) >= 0) &&
      (minMarginPercent === undefined || (differs('marginPercent', minMarginPercent) ?? -1) >= 0)
    );
  };
}

/** Of two percentages, or two signed amounts such as `-12.5`: negative, 0 or positive. */
function compareFigures(a: Figure, b: Figure): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b);
  const digits = Math.max(...[a, b].map((each) => (each.split('.')[1] ?? '').length));
  const [left, right] = [a, b].map((each) => {
    const [whole = '', decimals = ''] = each.split('.');
    return BigInt(whole + decimals.padEnd(digits, '0'));
  }) as [bigint, bigint];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A product with its landed cost and margin. */
export function withLanded(product: Product, costs: Costs | undefined): Product {
  return costs === undefined ? product : { ...product, ...landedOf(product, costs) };
}

type Refusal = { path: string; code: string; message: string };

/**
 * Rules between the fields of costs whose own form is right. Paths begin with `costs`.
 * @param currencies of the marketplaces that are searched
 */
export function costsErrors(costs: WrittenCosts, currencies: readonly string[] = []): Refusal[] {
  const { currency, exchangeRates = {}, resalePrice, markupPercent } = costs;
  const errors: Refusal[] = [];
  const refuse = (path: string, code: string, message: string) =>
    errors.push({ path: `costs.${path}`, code, message });

  const amounts = {
    handling: costs.handling,
    resalePrice,
    'marketplaceFee.fixed': costs.marketplaceFee?.fixed,
    'paymentFee.fixed': costs.paymentFee?.fixed,
    minMarginAmount: costs.minMarginAmount,
  };
  for (const [path, value] of Object.entries(amounts))
    if (value !== undefined && minorUnits(String(value), currency) === null)
      refuse(
        path,
        'amount_precision',
        `has more decimals than ${currency}: its smallest amount is ${smallest(currency)}`,
      );

  if (resalePrice !== undefined && markupPercent !== undefined)
    refuse('markupPercent', 'resale_conflict', 'give resalePrice or markupPercent, not both');
  if (resalePrice !== undefined && Number(resalePrice) === 0)
    refuse('resalePrice', 'price_range', 'must be above 0');
  if (Object.hasOwn(exchangeRates, currency) && Number(exchangeRates[currency]) !== 1)
    refuse(`exchangeRates.${currency}`, 'exchange_rate', 'is the currency of costs itself, whose rate is 1');

  if (hasMarginCondition(costs)) {
    const path = costs.minMarginPercent === undefined ? 'minMarginAmount' : 'minMarginPercent';
    if (resalePrice === undefined && markupPercent === undefined)
      refuse(path, 'resale_required', 'needs costs.resalePrice or costs.markupPercent');
    // No product of such a site could meet the condition, and every call would be wasted.
    const missing = currencies.filter((each) => each !== currency && !Object.hasOwn(exchangeRates, each));
    if (missing.length > 0) {
      const named = [...new Set(missing)].join(', ');
      refuse('exchangeRates', 'exchange_rate', `needs ${named}, the prices' currency, for costs.${path}`);
    }
  }
  return errors.length > 0 ? errors : marginErrors(costs as Costs);
}

/** Refuses what no product could leave: every call would be wasted. */
function marginErrors(costs: Costs): Refusal[] {
  const { resalePrice, minMarginPercent, minMarginAmount } = costs;
  if (!hasMarginCondition(costs)) return [];
  const { amount = '0', percent = 0 } = bestMargin(costs) ?? {};
  const refusal = (path: string, most: string): Refusal => ({
    path: `costs.${path}`,
    code: 'margin_range',
    message: `is more than any product can leave: with these figures at most ${most}`,
  });
  return [
    ...(minMarginPercent !== undefined && (percent === null || Number(minMarginPercent) > percent)
      ? [refusal('minMarginPercent', `${percent ?? 0} %`)]
      : []),
    ...(minMarginAmount !== undefined &&
    resalePrice !== undefined &&
    compareFigures(minMarginAmount, amount) > 0
      ? [refusal('minMarginAmount', `${amount} ${costs.currency}`)]
      : []),
  ];
}

/**
 * That of a product for nothing, which no other exceeds. With a markup a dearer product leaves more per cent, since fixed
 * amounts are a smaller part.
 */
function bestMargin(costs: Costs): Margin | undefined {
  const { currency, resalePrice } = costs;
  const price = { value: resalePrice === undefined ? '999999999' : '0', currency };
  return landedOf({ price, shipping: { kind: 'free', cost: { value: '0', currency } } }, costs).margin;
}

function smallest(currency: string): string {
  return fromMinorUnits(1n, currency).value;
}
