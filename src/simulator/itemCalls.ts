import { type Answer, browseError, json, refuse } from './answers.ts';
import { type BuyerContext, catalogueProduct, describe, groupHref, variationsOf } from './catalogue/items.ts';
import type { Listing } from './catalogue/listing.ts';
import { siteFor } from './catalogue/marketplaces.ts';
import { fraction } from './random.ts';
import { VEHICLE } from './search/filters.ts';
import type { World } from './world.ts';

/** One call for items by their ids. */
export interface ItemCall extends Pick<World, 'catalogue' | 'origin'> {
  readonly query: URLSearchParams;
  /** The marketplace header as it came. */
  readonly marketplace: string | null;
  readonly buyer: BuyerContext;
  /** The id in the path, decoded. */
  readonly itemId: string;
  readonly body: string;
}

const GROUP_FIELDS = 'ADDITIONAL_SELLER_DETAILS CHARITY_DETAILS';
/** All that `COMPACT` answers. */
const COMPACT =
  'itemId bidCount currentBidPrice eligibleForInlineCheckout estimatedAvailabilities gtin immediatePay ' +
  'itemAffiliateWebUrl itemCreationDate itemWebUrl legacyItemId minimumPriceToBid price priorityListing reservePriceMet ' +
  'sellerItemRevision shippingOptions taxes topRatedBuyingExperience uniqueBidderCount';
/** All that the bulk call answers. */
const BULK = `${COMPACT} enabledForGuestCheckout itemEndDate`;
type Reader = (call: ItemCall) => Answer;
/** Each call by what the log calls it: the fieldgroups that it knows, and its answer. */
const CALLS: Readonly<Record<string, readonly [fieldgroups: string, read: Reader]>> = {
  item: [`PRODUCT COMPACT ${GROUP_FIELDS}`, itemAnswer],
  'legacy-item': [`PRODUCT ${GROUP_FIELDS}`, legacyAnswer],
  'item-group': [GROUP_FIELDS, groupAnswer],
  'bulk-items': ['', bulkAnswer],
  compatibility: ['', compatibilityAnswer],
};

export function answerItemCall(kind: string, call: ItemCall): Answer {
  const [fieldgroups, read] = CALLS[kind] as readonly [string, Reader];
  const { marketplace, query } = call;
  if (siteFor(marketplace) === null) return refuse(11011, { marketplaceId: marketplace ?? '' });
  const groups = (query.get('fieldgroups') ?? '').split(',').filter((group) => group !== '');
  const unknown = groups.find((group) => !fieldgroups.split(' ').includes(group));
  if (unknown !== undefined) return refuse(11501, { fieldgroups: unknown });
  if (groups.includes('COMPACT') && groups.length > 1) return refuse(11018);
  const quantity = query.get('quantity_for_shipping_estimate') ?? '1';
  return /^0*[1-9]\d{0,5}$/.test(quantity)
    ? read(call)
    : refuse(11019, { quantityForShippingEstimate: quantity });
}

/** GET item/{item_id}: `v1|LISTING|VARIATION`. */
function itemAnswer(call: ItemCall): Answer {
  const item = find(call);
  return 'status' in item ? item : json(200, show(item, call));
}

/** GET item/get_item_by_legacy_id. A listing with variations needs the variation's id; none here has a SKU. */
function legacyAnswer(call: ItemCall): Answer {
  const legacyItemId = call.query.get('legacy_item_id') ?? '';
  const variation = call.query.get('legacy_variation_id');
  const sku = call.query.get('legacy_variation_sku');
  if (variation !== null && sku !== null) return refuse(11010);
  const listing = call.catalogue.find(legacyItemId);
  if (listing === null) return refuse(11003, { legacyItemId });
  if (sku !== null) return refuse(11009, { legacyVariationSku: sku });
  if (listing.grouped && variation === null)
    return refuse(11006, { itemGroupHref: groupHref(listing, call.origin) });
  const itemId = `v1|${legacyItemId}|${variation ?? 0}`;
  const item = variationsOf(listing).find((each) => each.itemId === itemId);
  return item === undefined ? refuse(11003, { legacyItemId }) : json(200, show(item, call));
}

/** GET item/get_items_by_item_group: every variation of a listing. */
function groupAnswer(call: ItemCall): Answer {
  const itemGroupId = call.query.get('item_group_id') ?? '';
  const listing = call.catalogue.find(itemGroupId);
  if (listing === null) return refuse(11002, { itemGroupId });
  if (!listing.grouped)
    return refuse(11005, {
      itemHref: `${call.origin}/buy/browse/v1/item/${encodeURIComponent(listing.itemId)}`,
    });
  const shown = variationsOf(listing).map((item) => show(item, call));
  const items = shown.map((item) => ({ ...item, description: undefined }));
  const itemIds = shown.map(({ itemId }) => itemId);
  return json(200, { items, commonDescriptions: [{ description: shown[0]?.description, itemIds }] });
}

/** Ids that one bulk call takes at most. */
const MOST_ITEMS = 20;
const MOST_GROUPS = 10;

/** GET item/: several items, or every variation of several groups, by their ids. One bad id refuses the call. */
function bulkAnswer(call: ItemCall): Answer {
  const [itemIds, groupIds] = ['item_ids', 'item_group_ids'].map((name) => call.query.get(name)?.split(','));
  if (itemIds && groupIds) return refuse(11014);
  if (itemIds === undefined && groupIds === undefined) return refuse(11017);
  if ((itemIds?.length ?? 0) > MOST_ITEMS) return refuse(11015, { maxAllowedItemIds: String(MOST_ITEMS) });
  if ((groupIds?.length ?? 0) > MOST_GROUPS)
    return refuse(11016, { maxAllowedItemGroupIds: String(MOST_GROUPS) });
  const found = itemIds
    ? itemIds.map((itemId) => find({ ...call, itemId }))
    : (groupIds ?? []).flatMap((itemGroupId): Array<Listing | Answer> => {
        const listing = call.catalogue.find(itemGroupId);
        return listing?.grouped ? variationsOf(listing) : [refuse(11002, { itemGroupId })];
      });
  const refused = found.find((item) => 'status' in item);
  if (refused !== undefined) return refused as Answer;
  // eBay documents no title, seller, category or picture, and how an item is sent only to a buyer whose place is known.
  const { country, affiliateCampaignId } = call.buyer;
  const isSent = country !== undefined || affiliateCampaignId !== undefined;
  const known = BULK.split(' ').filter((name) => isSent || name !== 'shippingOptions');
  const items = (found as Listing[]).map((item) => {
    const whole = show(item, call);
    return Object.fromEntries(known.map((name) => [name, whole[name]]));
  });
  return json(200, { items, total: items.length });
}

/** POST item/{item_id}/check_compatibility: whether a part fits the vehicle of `compatibilityProperties`. */
function compatibilityAnswer(call: ItemCall): Answer {
  const properties = parseObject(call.body)?.compatibilityProperties;
  const stated: { name?: string; value?: string }[] = Array.isArray(properties) ? properties : [];
  const names = stated.map((property) => (property?.value ? (property.name ?? '') : ''));
  if (names.length === 0 || names.includes('')) return refuse(11503);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return refuse(11506, { compatibilityNames: twice });
  const unknown = names.filter((name) => !VEHICLE.includes(name));
  if (unknown.length > 0) return refuse(11507, { attributes: unknown.join(', ') });
  const item = find(call);
  if ('status' in item) return item;
  if (!item.family.leaf.department.name.startsWith('Vehicle Parts')) return refuse(11505);
  const missing = VEHICLE.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    const warnings = [browseError(11504, { attributes: missing.join(', ') })];
    return json(200, { compatibilityStatus: 'UNDETERMINED', warnings });
  }
  const vehicle = stated.map(({ name, value }) => `${name}:${value}`).sort();
  const fits = fraction(item.dice, vehicle.join(';')) < 0.4;
  return json(200, { compatibilityStatus: fits ? 'COMPATIBLE' : 'NOT_COMPATIBLE' });
}

/** The item whose id is in the path, or the refusal. */
function find({ catalogue, itemId }: ItemCall): Listing | Answer {
  const [, legacyId] = /^v1\|(\d+)\|\d+$/.exec(itemId) ?? [];
  if (legacyId === undefined) return refuse(11012, { itemId });
  const listing = catalogue.find(legacyId);
  const item = listing && variationsOf(listing).find((each) => each.itemId === itemId);
  return item ?? refuse(11001, { itemId });
}

/** The item as the call wants it. */
function show(item: Listing, { buyer, query, origin }: ItemCall): Record<string, unknown> {
  const whole = describe(item, origin, buyer, Number(query.get('quantity_for_shipping_estimate') ?? 1));
  const groups = (query.get('fieldgroups') ?? '').split(',');
  if (groups.includes('PRODUCT')) return { ...whole, product: catalogueProduct(item, origin) };
  if (!groups.includes('COMPACT')) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([name]) => COMPACT.split(' ').includes(name)));
}

/** The body as a JSON object, or undefined when it is none. */
export function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(body));
  } catch {
    return undefined;
  }
}
