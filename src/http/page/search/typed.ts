import { countryNames, isCountry } from '../../../product/countries.ts';

/** Stands for text without a certain meaning: the check of a request refuses it wherever it stands, and names the field. */
export const UNREADABLE = '?';

/** An address, also one without `https://` that names eBay; an id as eBay's APIs write it. */
const ADDRESS = /^(https?:\/\/|([a-z0-9-]+\.)*ebay\.[a-z.]+\/)/i;
const ITEM_ID = /^v1\|\d+\|\d+$/;

/** What people typed or pasted: listings, a product code, or words. */
export function kindOf(text: string): 'listing' | 'code' | 'words' {
  const parts = text.split(/[\s,]+/);
  const isListing = (part: string) => ADDRESS.test(part) || ITEM_ID.test(part) || isListingNumber(part);
  if (parts.every(isListing)) return 'listing';
  return isCode(codeIn(text)) ? 'code' : 'words';
}

/**
 * Twelve digits may be the number of a listing or a UPC, and one number of a listing in ten has a right check digit by
 * chance. Numbers of listings begin with 1 to 5 today. So a number with a right check digit is a UPC where it begins with
 * another digit, or with 19, as those of some large brands do.
 */
function isListingNumber(text: string): boolean {
  return /^\d{12}$/.test(text) && !(/^([06-9]|19)/.test(text) && hasCheckDigit(text));
}

/** A code without the hyphens and spaces that people write between its digits. */
export function codeIn(text: string): string {
  return text.replace(/[\s-]/g, '');
}

function isCode(text: string): boolean {
  return (/^(\d{8}|\d{12,14})$/.test(text) && hasCheckDigit(text)) || isIsbn10(text);
}

/** UPC, EAN and GTIN-14: weights 3 and 1 from the right, the sum a multiple of ten. */
function hasCheckDigit(digits: string): boolean {
  const sum = [...digits]
    .reverse()
    .reduce((all, digit, at) => all + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  if (!/^\d{9}[\dX]$/.test(text)) return false;
  const weighted = [...text].map((sign, at) => (sign === 'X' ? 10 : Number(sign)) * (10 - at));
  return weighted.reduce((sum, each) => sum + each, 0) % 11 === 0;
}

/** Signs that people write beside amounts, in lower case, with the currencies that they may mean. */
const SIGNS: Readonly<Record<string, string>> = {
  ...{ $: 'USD CAD AUD HKD SGD', us$: 'USD', c$: 'CAD', ca$: 'CAD', a$: 'AUD', au$: 'AUD', hk$: 'HKD' },
  ...{ s$: 'SGD', '€': 'EUR', euro: 'EUR', '£': 'GBP', zł: 'PLN', zl: 'PLN', fr: 'CHF', 'fr.': 'CHF' },
  ...{ sfr: 'CHF' },
};

/** The currencies that the sign or code beside an amount may mean; undefined: there is none. */
export function signedCurrencies(text: string): string[] | undefined {
  const [, before = '', , after = ''] = AMOUNT.exec(text.trim()) ?? [];
  const sign = (before || after).trim().toLowerCase();
  if (sign === '') return undefined;
  return (SIGNS[sign] ?? sign.toUpperCase()).split(' ');
}

/** A number with a sign or a code of three letters on one of its sides. */
const AMOUNT = /^([^\d\s.,'’-]{1,4}\.?\s*)?(\d[\d.,'’\s]{0,31}?)(\s*[^\d\s.,'’-]{1,4}\.?)?$/u;

/**
 * `40`, `$40`, `40 USD`, `19,99` and `1.000,50` as a decimal string. A number such as `1,000` or `1.000` is a thousand to
 * some and one to others.
 * @param currency what the amount is in: another sign is not understood
 */
export function amountFrom(text: string, currency: string): string {
  const [match, before, number = '', after] = AMOUNT.exec(text.trim()) ?? [];
  const currencies = signedCurrencies(text);
  const isSure = match !== undefined && !(before && after) && (currencies?.includes(currency) ?? true);
  return (isSure && decimalFrom(number)) || UNREADABLE;
}

/** A number as a decimal string; undefined where its separators have no certain meaning. */
export function decimalFrom(text: string): string | undefined {
  const plain = text.trim();
  const marks = [...new Set(plain.replace(/\d/g, ''))];
  const last = marks.at(-1) ?? '';
  if (marks.length === 0) return withoutZeros(plain);
  const whole = plain.slice(0, plain.lastIndexOf(last));
  const rest = plain.slice(whole.length + 1);
  const isPoint = /[.,]/.test(last);
  if (marks.length === 1) {
    const isOnce = !whole.includes(last);
    if (isPoint && isOnce && /^\d*$/.test(rest)) {
      if (rest.length !== 3 || /^0+$/.test(whole) || whole.length > 3) return decimalOf(whole, rest);
      return undefined;
    }
    return inGroups(plain) ? withoutZeros(plain.replace(/\D/g, '')) : undefined;
  }
  if (marks.length > 2 || !isPoint || !/^\d{1,4}$/.test(rest) || !inGroups(whole)) return undefined;
  return decimalOf(whole.replace(/\D/g, ''), rest);
}

/** Whether digits are grouped in threes by one sign. */
function inGroups(text: string): boolean {
  return /^\d{1,3}(?:([.,'’\s])\d{3})(?:\1\d{3})*$/u.test(text);
}

function decimalOf(whole: string, rest: string): string {
  const fraction = rest.replace(/0+$/, '');
  return withoutZeros(whole || '0') + (fraction === '' ? '' : `.${fraction}`);
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}

/** An amount that `amountFrom` reads as itself: three decimals alone would be grouped digits to some. */
export function amountText(amount: string): string {
  return /^(?!0+\.)\d{1,3}\.\d{3}$/.test(amount) ? `${amount}0` : amount;
}

/** `98`, `98.5 %` or `98,5%` as a decimal string. */
export function percentFrom(text: string): string {
  return decimalFrom(text.replace(/\s*%\s*$/, '')) ?? UNREADABLE;
}

/** A whole number; digits may be in groups. */
export function integerFrom(text: string): number | string {
  const plain = text.trim();
  if (/^\d{1,12}$/.test(plain)) return Number(plain);
  return inGroups(plain) ? Number(plain.replace(/\D/g, '')) : UNREADABLE;
}

const COUNTRIES = countryNames();

/** The code of a country by its code or its English name; other text stays, so that the check refuses it. */
export function countryFrom(text: string): string {
  const plain = text.trim();
  if (isCountry(plain.toUpperCase())) return plain.toUpperCase();
  const named = Object.entries(COUNTRIES).find(([, name]) => name.toLowerCase() === plain.toLowerCase());
  return named?.[0] ?? plain;
}

/** The number of a category, alone or in brackets behind its name; undefined for a name alone. */
export function categoryIdIn(text: string): string | undefined {
  return /^(?:.*\()?\s*(\d{1,10})\s*\)?$/s.exec(text.trim())?.[1];
}

/** Texts separated by commas, each once. */
export function listFrom(text: string, separator: RegExp = /,/): string[] {
  const parts = text.split(separator).map((part) => part.trim().replace(/\s+/g, ' '));
  return [...new Set(parts.filter(Boolean))];
}

/** `Make: BMW, Year: 2018`. A part of another form stays as a name, so that the check refuses it. */
export function pairsFrom(text: string): Record<string, string> {
  return Object.fromEntries(
    listFrom(text, /[,;]/).map((part) => {
      const [, name = part, value = ''] = /^([^:=]+)[:=]\s*(.+)$/.exec(part) ?? [];
      return [name.trim(), value.trim()];
    }),
  );
}

/**
 * `GBP 1.27, EUR 1.08`, also with a comma for a point. A part of another form stays, and so does a second rate of one
 * currency, so that the check refuses them.
 */
export function ratesFrom(text: string): Record<string, string> {
  const rates = new Map<string, string>();
  const parts = text.replace(/\s+/g, ' ').split(/ ?; ?| ?, ?(?=[a-z])| (?=[a-z])/i);
  for (const part of parts.filter(Boolean)) {
    const [, code = '', rate = ''] = /^([a-z]{3}) ?[:=]? ?(\d+(?:[.,]\d+)?)$/i.exec(part) ?? [];
    const currency = code.toUpperCase();
    if (currency === '' || rates.has(currency)) rates.set(part.slice(0, 40), '');
    else rates.set(currency, rate.replace(',', '.'));
  }
  return Object.fromEntries(rates);
}
