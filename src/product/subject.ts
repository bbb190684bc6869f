import type { NormalRequest } from './requestSchema.ts';

export type Subject = Pick<
  NormalRequest,
  'query' | 'items' | 'gtin' | 'epid' | 'image' | 'categoryIds' | 'filters'
>;

/** What a search looks for, for people: its keywords, else its listings, its product, its picture or its categories. */
export function searchTitle({
  query,
  items,
  gtin,
  epid,
  image,
  categoryIds,
  filters,
}: Partial<Subject>): string {
  if (query !== undefined) return query;
  if (items !== undefined)
    return items.length === 1 ? `listing ${listingName(items[0])}` : `${items.length} listings`;
  if (gtin !== undefined) return `product code ${gtin}`;
  if (epid !== undefined) return `product ${epid} of eBay’s catalogue`;
  if (image !== undefined) return 'a picture';
  if (categoryIds !== undefined) return `category ${categoryIds.join(', ')}`;
  const { charityIds = [] } = filters ?? {};
  return charityIds.length === 1 ? `charity ${charityIds[0]}` : `${charityIds.length} charities`;
}

/** The number in an address or an id of a listing; without one, its beginning. */
function listingName(item = ''): string {
  return /(?:^|\D)(\d{9,19})(?:\D|$)/.exec(item)?.[1] ?? item.slice(0, 60);
}
