/** An amount as a decimal string in the currency's usual form (`12.50`, `1200` yen), and its ISO 4217 currency. */
export interface Money {
  value: string;
  currency: string;
}

/** ISO 4217: currencies whose minor unit is not a hundredth. */
const NO_DECIMALS = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' ');
const THREE_DECIMALS = 'BHD IQD JOD KWD LYD OMR TND'.split(' ');

const AMOUNT = /^(\d{1,15})(?:\.(\d{1,8}))?$/;

/** The amount in its usual form, or null for what is no amount: not decimal, negative, too precise, no currency code. */
export function money(value: unknown, currency: unknown): Money | null {
  if (typeof value !== 'string' || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return null;
  const units = minorUnits(value, currency);
  return units === null ? null : fromMinorUnits(units, currency);
}

/** The sum, or null where the currencies differ: amounts in different currencies are never mixed. */
export function add(a: Money, b: Money): Money | null {
  const [left, right] = unitsOfBoth(a, b);
  return left === null || right === null ? null : fromMinorUnits(left + right, a.currency);
}

/** Negative when `a` is less, 0 when equal, positive when more; null where the currencies differ. */
export function compare(a: Money, b: Money): number | null {
  const [left, right] = unitsOfBoth(a, b);
  if (left === null || right === null) return null;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function isZero(amount: Money): boolean {
  return /^[0.]+$/.test(amount.value);
}

function unitsOfBoth(a: Money, b: Money): [bigint | null, bigint | null] {
  if (a.currency !== b.currency) return [null, null];
  return [minorUnits(a.value, a.currency), minorUnits(b.value, b.currency)];
}

function decimalsOf(currency: string): number {
  if (NO_DECIMALS.includes(currency)) return 0;
  return THREE_DECIMALS.includes(currency) ? 3 : 2;
}

/** In the smallest unit of the currency; null for what is no amount. */
export function minorUnits(value: string, currency: string): bigint | null {
  const [, whole, fraction = ''] = AMOUNT.exec(value) ?? [];
  if (whole === undefined) return null;
  const decimals = decimalsOf(currency);
  // More decimals than the currency has are readable only when they are zeros (`100.00` yen).
  if (/[1-9]/.test(fraction.slice(decimals))) return null;
  return BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, '0'));
}

export function fromMinorUnits(units: bigint, currency: string): Money {
  const decimals = decimalsOf(currency);
  const digits = units.toString().padStart(decimals + 1, '0');
  if (decimals === 0) return { value: digits, currency };
  return { value: `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`, currency };
}
