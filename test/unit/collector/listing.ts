import { mapItemAnswer } from '../../../src/collector/mapDetails.ts';
import { mapItem, type Rejection } from '../../../src/collector/mapItem.ts';
import type { WireItemSummary } from '../../../src/ebay/wire.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import type { Product } from '../../../src/product/product.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';

/** An invented listing in the shape of a search answer, with fields changed or, by `undefined`, left out. */
export function listing(change: Record<string, unknown> = {}): Record<string, unknown> {
  const plain: WireItemSummary = {
    itemId: 'v1|1001|0',
    legacyItemId: '1001',
    title: 'USB hub, 4 ports',
    itemWebUrl: 'https://www.ebay.com/itm/1001',
    image: { imageUrl: 'https://i.ebayimg.com/main.jpg' },
    additionalImages: [{ imageUrl: 'https://i.ebayimg.com/side.jpg' }],
    price: { value: '12.50', currency: 'USD' },
    shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: { value: '3.00', currency: 'USD' } }],
    buyingOptions: ['FIXED_PRICE'],
    condition: 'New',
    conditionId: '1000',
    seller: { feedbackPercentage: '99.5', feedbackScore: 1200 },
    topRatedBuyingExperience: true,
    itemLocation: { country: 'US', postalCode: '432**' },
    leafCategoryIds: ['3709'],
    categories: [{ categoryId: '3709' }, { categoryId: '58058' }],
    itemCreationDate: '2026-01-02T03:04:05.000Z',
    listingMarketplaceId: 'EBAY_AU',
    priorityListing: false,
  };
  return JSON.parse(JSON.stringify({ ...plain, ...change }));
}

export const SIGHTING = { marketplace: 'EBAY_US', observedAt: '2026-02-03T04:05:06.000Z', rank: 1 } as const;

/** The product that a listing becomes. */
export function productOf(change: Record<string, unknown> = {}): Product {
  const mapped = mapItem(listing(change), SIGHTING);
  if ('rejected' in mapped) throw new Error(`rejected: ${mapped.rejected}`);
  return mapped.product;
}

/** A variation of the listing 1001, by its own answer. */
export function variation(id: number, change: Record<string, unknown> = {}): Product {
  const item = { ...listing(), itemId: `v1|1001|${id}`, ...change };
  return mapItemAnswer(item, SIGHTING)?.product as Product;
}

/** Aspects of an item, as its own answer has them. */
export const aspects = (values: Record<string, string>) => ({
  localizedAspects: Object.entries(values).map(([name, value]) => ({ type: 'STRING', name, value })),
});

export function rejectionOf(json: unknown): Rejection | null {
  const mapped = mapItem(json, SIGHTING);
  return 'rejected' in mapped ? mapped.rejected : null;
}

export function request(input: object = {}): NormalRequest {
  const result = parseSearchRequest({ query: 'usb hub', ...input }, { marketplace: 'EBAY_US' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.request;
}
