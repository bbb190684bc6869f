/** The sites that Browse search is offered for, each with what it does to a listing. */

export type Language = 'en' | 'de' | 'fr' | 'it' | 'es' | 'nl' | 'pl';

export interface Site {
  readonly id: string;
  /** Part of every listing number, so it must never change. */
  readonly number: number;
  readonly country: string;
  readonly currency: string;
  readonly language: Language;
  /** Host of eBay's own web pages there. */
  readonly host: string;
  /** Size of its catalogue relative to EBAY_US. */
  readonly share: number;
}

function site(
  number: number,
  country: string,
  currency: string,
  language: Language,
  host: string,
  share: number,
): Site {
  return { id: `EBAY_${country}`, number, country, currency, language, host, share };
}

export const SITES: readonly Site[] = [
  site(0, 'US', 'USD', 'en', 'www.ebay.com', 1),
  site(1, 'GB', 'GBP', 'en', 'www.ebay.co.uk', 0.6),
  site(2, 'DE', 'EUR', 'de', 'www.ebay.de', 0.5),
  site(3, 'AU', 'AUD', 'en', 'www.ebay.com.au', 0.3),
  site(4, 'CA', 'CAD', 'en', 'www.ebay.ca', 0.3),
  site(5, 'FR', 'EUR', 'fr', 'www.ebay.fr', 0.25),
  site(6, 'IT', 'EUR', 'it', 'www.ebay.it', 0.25),
  site(7, 'ES', 'EUR', 'es', 'www.ebay.es', 0.2),
  site(8, 'AT', 'EUR', 'de', 'www.ebay.at', 0.12),
  site(9, 'BE', 'EUR', 'fr', 'www.benl.ebay.be', 0.1),
  site(10, 'CH', 'CHF', 'de', 'www.ebay.ch', 0.1),
  site(11, 'HK', 'HKD', 'en', 'www.ebay.com.hk', 0.1),
  site(12, 'IE', 'EUR', 'en', 'www.ebay.ie', 0.1),
  site(13, 'NL', 'EUR', 'nl', 'www.ebay.nl', 0.1),
  site(14, 'PL', 'PLN', 'pl', 'www.ebay.pl', 0.1),
  site(15, 'SG', 'SGD', 'en', 'www.ebay.com.sg', 0.1),
];

const BY_ID = new Map(SITES.map((each) => [each.id, each]));

/** Marketplaces that exist at eBay but have no Browse search: naming one is 409/12019, not a fallback. */
const WITHOUT_SEARCH = new Set(
  ['CN', 'CZ', 'DK', 'FI', 'GR', 'HU', 'ID', 'IL', 'IN', 'JP', 'MY', 'NO', 'NZ', 'PE', 'PH', 'PR', 'PT']
    .concat(['RU', 'SE', 'TH', 'TW', 'VN', 'ZA'])
    .map((country) => `EBAY_${country}`)
    .concat('EBAY_MOTORS_US'),
);

/**
 * The site a request is answered from. A missing or unknown id silently means EBAY_US, as at eBay.
 * Null for a real marketplace that Browse search is not offered for.
 */
export function siteFor(header: string | undefined): Site | null {
  if (header !== undefined && WITHOUT_SEARCH.has(header)) return null;
  return BY_ID.get(header ?? 'EBAY_US') ?? (SITES[0] as Site);
}

/** How many units of a currency one US dollar buys. Fixed: the simulator's money does not move. */
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
