export const LANGUAGES = ['en', 'de', 'fr', 'it', 'es', 'nl', 'pl'] as const;
export type Language = (typeof LANGUAGES)[number];

/**
 * The sites that Browse search is offered for; `share` is the size of the catalogue relative to EBAY_US. The position in
 * the list is part of every listing number, so it must never change.
 */
const ROWS: readonly [country: string, currency: string, language: Language, share: number][] = [
  ['US', 'USD', 'en', 1],
  ['GB', 'GBP', 'en', 0.6],
  ['DE', 'EUR', 'de', 0.5],
  ['AU', 'AUD', 'en', 0.3],
  ['CA', 'CAD', 'en', 0.3],
  ['FR', 'EUR', 'fr', 0.25],
  ['IT', 'EUR', 'it', 0.25],
  ['ES', 'EUR', 'es', 0.2],
  ['AT', 'EUR', 'de', 0.12],
  ['BE', 'EUR', 'fr', 0.1],
  ['CH', 'CHF', 'de', 0.1],
  ['HK', 'HKD', 'en', 0.1],
  ['IE', 'EUR', 'en', 0.1],
  ['NL', 'EUR', 'nl', 0.1],
  ['PL', 'PLN', 'pl', 0.1],
  ['SG', 'SGD', 'en', 0.1],
];

export type Site = (typeof SITES)[number];
export const SITES = ROWS.map(([country, currency, language, share], number) => {
  return { id: `EBAY_${country}`, number, country, currency, language, share };
});

/** Marketplaces that exist at eBay but have no Browse search: naming one is 409/12019, not a fallback. */
const WITHOUT_SEARCH =
  /^EBAY_(CN|CZ|DK|FI|GR|HU|ID|IL|IN|JP|MY|NO|NZ|PE|PH|PR|PT|RU|SE|TH|TW|VN|ZA|MOTORS_US)$/;

/**
 * The site a request is answered from. A missing or unknown id silently means EBAY_US, as at eBay.
 * Null for a real marketplace that Browse search is not offered for.
 */
export function siteFor(header: string | null): Site | null {
  if (header !== null && WITHOUT_SEARCH.test(header)) return null;
  return SITES.find(({ id }) => id === header) ?? (SITES[0] as Site);
}

/** How many units of a currency one US dollar buys when a listing is drawn. `Rates` says how that moves. */
const PER_DOLLAR: Readonly<Record<string, number>> = {
  USD: 1,
  GBP: 0.78,
  EUR: 0.92,
  AUD: 1.5,
  CAD: 1.36,
  CHF: 0.88,
  HKD: 7.8,
  PLN: 3.95,
  SGD: 1.34,
  CNY: 7.2,
};

export function isCurrency(code: string): boolean {
  return Object.hasOwn(PER_DOLLAR, code);
}

/** Converts minor units between two currencies named above. */
export function convert(cents: number, from: string, to: string): number {
  if (from === to) return cents;
  return Math.round((cents / (PER_DOLLAR[from] ?? 1)) * (PER_DOLLAR[to] ?? 1));
}

/** Countries whose postal codes have a form that is checked. */
const POSTAL_CODES: readonly [countries: string, form: RegExp][] = [
  ['US', /^\d{5}(-?\d{4})?$/],
  ['DE FR IT ES', /^\d{5}$/],
  ['AU AT BE CH', /^\d{4}$/],
  ['SG', /^\d{6}$/],
  ['PL', /^\d\d-?\d{3}$/],
  ['NL', /^\d{4}( ?[A-Z]{2})?$/i],
  ['GB', /^[A-Z]{1,2}\d[A-Z\d]?( ?\d[A-Z]{2})?$/i],
  ['CA', /^[A-Z]\d[A-Z]( ?\d[A-Z]\d)?$/i],
];

/** Whether a postal code has the form of its country's; of other countries any has. */
export function isPostalCode(code: string, country: string): boolean {
  return POSTAL_CODES.find(([countries]) => countries.includes(country))?.[1].test(code) ?? true;
}
