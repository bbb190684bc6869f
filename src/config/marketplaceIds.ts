/**
 * Sites whose Browse search eBay offers (its "Buy API marketplace support" page). An unknown id is not an error at eBay:
 * it answers for EBAY_US instead, which is why ours are checked before the first call.
 */
export const MARKETPLACE_IDS: readonly string[] = [
  'EBAY_AT',
  'EBAY_AU',
  'EBAY_BE',
  'EBAY_CA',
  'EBAY_CH',
  'EBAY_DE',
  'EBAY_ES',
  'EBAY_FR',
  'EBAY_GB',
  'EBAY_HK',
  'EBAY_IE',
  'EBAY_IT',
  'EBAY_NL',
  'EBAY_PL',
  'EBAY_SG',
  'EBAY_US',
];
