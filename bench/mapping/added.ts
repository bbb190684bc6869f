type Fields = Record<string, unknown>;

/** Fields of item summaries that release 0.2 did not pass on. */
const ADDED = new Set([
  'marketingPrice',
  'priceDisplayCondition',
  'unitPrice',
  'unitPricingMeasure',
  'qualifiedPrograms',
  'shortDescription',
  'adultOnly',
  'energyEfficiencyClass',
  'tyreLabelImageUrl',
  'watchCount',
  'distanceFromPickupLocation',
  'availableCoupons',
  'compatibilityMatch',
  'compatibilityProperties',
  'itemAffiliateWebUrl',
  // Of the objects below an item.
  'categoryName',
  'sellerAccountType',
  'stateOrProvince',
  'pickupLocationType',
]);

/** A search answer with the fields alone that release 0.2 read. */
export function withoutAdded<Value>(json: Value): Value {
  if (Array.isArray(json)) return json.map(withoutAdded) as Value;
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json)
    .filter(([name]) => !ADDED.has(name) && !(name === 'itemCreationDate' && 'itemOriginDate' in json))
    .map(([name, value]) => [name, withoutAdded(value)]);
  return Object.fromEntries(kept) as Fields as Value;
}
