import { MARKETPLACES } from '../config/formats.ts';

export type MarketplaceId = keyof typeof MARKETPLACES;

export const MARKETPLACE_IDS = Object.keys(MARKETPLACES) as MarketplaceId[];

/** Where the listings of a marketplace are shown; of a country with two languages, the site of its default locale. */
const SITES: Readonly<Record<MarketplaceId, string>> = {
  EBAY_AT: 'www.ebay.at',
  EBAY_AU: 'www.ebay.com.au',
  EBAY_BE: 'www.benl.ebay.be',
  EBAY_CA: 'www.ebay.ca',
  EBAY_CH: 'www.ebay.ch',
  EBAY_DE: 'www.ebay.de',
  EBAY_ES: 'www.ebay.es',
  EBAY_FR: 'www.ebay.fr',
  EBAY_GB: 'www.ebay.co.uk',
  EBAY_HK: 'www.ebay.com.hk',
  EBAY_IE: 'www.ebay.ie',
  EBAY_IT: 'www.ebay.it',
  EBAY_NL: 'www.ebay.nl',
  EBAY_PL: 'www.ebay.pl',
  EBAY_SG: 'www.ebay.com.sg',
  EBAY_US: 'www.ebay.com',
};

/** The part of a site's name that eBay has registered, and where its pictures are. */
const DOMAINS = [
  ...new Set(Object.values(SITES).map((site) => site.slice(site.indexOf('ebay.')))),
  'ebayimg.com',
  'ebaystatic.com',
];

/**
 * The hosts that may be linked: eBay's, and for a simulated eBay those that lend theirs.
 * @param lent host names, with any port
 */
export function linkableHosts(lent: readonly string[] = []): RegExp {
  const quoted = (names: readonly string[]) => names.map((name) => name.replace(/[.[\]]/g, '\\$&')).join('|');
  return new RegExp(
    `^(?:(?:[a-z0-9-]+\\.)*(?:${quoted(DOMAINS)})|(?:${quoted(lent) || '(?!)'})(?::\\d+)?)$`,
    'i',
  );
}

/** The address of a listing's page, in the form that eBay itself uses. */
export function listingUrl(marketplace: MarketplaceId, legacyItemId: string): string {
  return `https://${SITES[marketplace]}/itm/${encodeURIComponent(legacyItemId)}`;
}

/** The marketplace that an address of a listing's page belongs to; undefined for an id and for another host. */
export function marketplaceOf(address: string): MarketplaceId | undefined {
  const [, domain] =
    /^(?:https?:\/\/)?(?:[a-z0-9-]+\.)*(ebay\.[a-z.]+)(?:[/?#:]|$)/i.exec(address.trim()) ?? [];
  return MARKETPLACE_IDS.find((id) => SITES[id].endsWith(`.${domain?.toLowerCase()}`));
}

export function isMarketplace(id: string): id is MarketplaceId {
  return Object.hasOwn(MARKETPLACES, id);
}

/** `eBay DE`. */
export function siteName(id: string): string {
  return id.replace('EBAY_', 'eBay ');
}
