/** A site that Browse search is offered for. */
export interface Marketplace {
  /** ISO 3166 country of the site. */
  country: string;
  /** ISO 4217 currency of its prices. */
  currency: string;
  /** Whether eBay honours `sellerAccountTypes` there; elsewhere it warns (12014) and ignores the filter. */
  accountTypes: boolean;
}

/** eBay's "supported marketplaces" page, Browse search. An id that is none of these would silently mean EBAY_US. */
export const MARKETPLACES = {
  EBAY_AT: { country: 'AT', currency: 'EUR', accountTypes: true },
  EBAY_AU: { country: 'AU', currency: 'AUD', accountTypes: false },
  EBAY_BE: { country: 'BE', currency: 'EUR', accountTypes: true },
  EBAY_CA: { country: 'CA', currency: 'CAD', accountTypes: false },
  EBAY_CH: { country: 'CH', currency: 'CHF', accountTypes: true },
  EBAY_DE: { country: 'DE', currency: 'EUR', accountTypes: true },
  EBAY_ES: { country: 'ES', currency: 'EUR', accountTypes: true },
  EBAY_FR: { country: 'FR', currency: 'EUR', accountTypes: true },
  EBAY_GB: { country: 'GB', currency: 'GBP', accountTypes: true },
  EBAY_HK: { country: 'HK', currency: 'HKD', accountTypes: false },
  EBAY_IE: { country: 'IE', currency: 'EUR', accountTypes: true },
  EBAY_IT: { country: 'IT', currency: 'EUR', accountTypes: true },
  EBAY_NL: { country: 'NL', currency: 'EUR', accountTypes: false },
  EBAY_PL: { country: 'PL', currency: 'PLN', accountTypes: true },
  EBAY_SG: { country: 'SG', currency: 'SGD', accountTypes: false },
  EBAY_US: { country: 'US', currency: 'USD', accountTypes: false },
} as const satisfies Record<string, Marketplace>;
