import { type Answer, json } from './answer.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { describe } from './catalogue/details.ts';
import { siteFor } from './catalogue/marketplaces.ts';
import type { BuyerContext } from './catalogue/summary.ts';
import { browseError, refuse } from './errors.ts';

const FIELDGROUPS = new Set(['PRODUCT', 'COMPACT', 'ADDITIONAL_SELLER_DETAILS', 'CHARITY_DETAILS']);

export interface ItemRequest {
  /** Still percent-encoded, as it stood in the path. */
  readonly encodedId: string;
  readonly query: URLSearchParams;
  readonly marketplace: string | undefined;
  readonly buyer: BuyerContext;
}

/** GET item/{item_id}: `v1|LISTING|VARIATION`, its pipes encoded in the path. */
export function itemAnswer(catalogue: Catalogue, origin: string, request: ItemRequest): Answer {
  const site = siteFor(request.marketplace);
  if (site === null) return refuse(409, browseError(12019, { marketplaceId: request.marketplace ?? '' }));
  const groups = (request.query.get('fieldgroups') ?? '').split(',').filter((group) => group !== '');
  const unknown = groups.find((group) => !FIELDGROUPS.has(group));
  if (unknown !== undefined) return refuse(400, browseError(11501, { fieldgroups: unknown }));
  if (groups.includes('COMPACT') && groups.length > 1) return refuse(400, browseError(11018));

  const id = decode(request.encodedId);
  const [, legacyId] = /^v1\|(\d+)\|(\d+)$/.exec(id) ?? [];
  if (legacyId === undefined) return refuse(400, browseError(11012, { itemId: id }));
  const listing = catalogue.find(legacyId);
  if (listing === null || listing.itemId !== id) return refuse(404, browseError(11001, { itemId: id }));
  return json(200, describe(listing, catalogue, origin, request.buyer));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
