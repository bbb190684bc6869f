/** What is sent back. It is complete before anything leaves, so that a fault can replace or change it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Headers = Readonly<Record<string, string>>;

export function json(status: number, value: unknown, headers: Headers = {}): Answer {
  return text(status, JSON.stringify(value), 'application/json', headers);
}

export function text(status: number, body: string, contentType: string, headers: Headers = {}): Answer {
  return { status, headers: { 'content-type': contentType, ...headers }, body: Buffer.from(body) };
}

export function empty(status: number): Answer {
  return { status, headers: {}, body: Buffer.alloc(0) };
}

/** One entry of eBay's `errors` and `warnings` arrays. */
export type ErrorDetail = ReturnType<typeof browseError>;

/** Error ids of the Browse API. The texts are the simulator's own. */
const MESSAGES: Readonly<Record<number, string>> = {
  11000: 'An internal problem at eBay kept the item from being read.',
  11001: 'No item has the given id.',
  11002: 'No item group has the given id.',
  11003: 'No listing has the given number.',
  11005: 'The id is that of an item, not of a group.',
  11006: 'The number is that of an item group.',
  11009: 'The SKU of the variation is unknown.',
  11010: 'The id and the SKU of a variation exclude each other.',
  11011: 'This marketplace is not supported.',
  11012: 'The item id is malformed.',
  11014: "'item_ids' and 'item_group_ids' exclude each other.",
  11015: 'Too many item ids.',
  11016: 'Too many item group ids.',
  11017: "One of 'item_ids' and 'item_group_ids' is needed.",
  11018: 'COMPACT excludes every other fieldgroup.',
  11019: "'quantity_for_shipping_estimate' is no positive number.",
  11501: 'A fieldgroups value is unknown.',
  11503: 'The request is empty or incomplete.',
  11504: 'Attributes of the vehicle are missing.',
  11505: 'Compatibility cannot be checked for this item.',
  11506: 'A name appears more than once.',
  11507: 'A name is not supported.',
  12000: 'An internal problem at eBay kept the search from being answered.',
  12001: "One of 'q', 'category_ids', 'epid' or 'gtin' is needed.",
  12002: 'A filter is unknown or has an invalid value.',
  12003: 'A seller named in a filter does not exist.',
  12004: "'offset' is negative.",
  12005: "'offset' is no integer.",
  12006: "'limit' lies outside 1 to 200.",
  12007: "'limit' is no integer.",
  12008: "The 'sort' value is unknown.",
  12009: "'category_ids' names no known category.",
  12010: 'Local pickup needs all four pickup filters, each with a valid value.',
  12011: "'deliveryPostalCode' needs 'deliveryCountry'.",
  12012: "'price' and 'priceCurrency' need each other.",
  12013: 'A top-level category needs keywords or filters.',
  12014: "'sellerAccountTypes' is not offered on this marketplace.",
  12015: "'deliveryPostalCode' is invalid for its country and was ignored.",
  12016: "A 'fieldgroups' value is unknown.",
  12017: "'aspect_filter' lacks its categoryId.",
  12018: "An 'aspect_filter' value is invalid.",
  12019: 'This marketplace has no Browse search.',
  12021: "The 'epid' value is invalid.",
  12022: "The 'gtin' value is invalid.",
  12024: "A 'charity_ids' value is invalid.",
  12025: "More than 20 values in 'charity_ids'.",
  12026: "'charity_ids' is not offered on this marketplace.",
  12027: "The 'auto_correct' value is unknown.",
  12028: "'auto_correct' is not offered on this marketplace.",
  12029: 'Only the first 10,000 listings of a search can be reached; offset must be below 10,000.',
  12030: 'Too many category ids.',
  12032: 'More than 250 sellers in a filter.',
  12033: "'qualifiedPrograms' needs 'deliveryCountry' and 'deliveryPostalCode' for this programme.",
  12034: "'buyingOptions' does not go with this 'sort'.",
  12501: 'The image is empty, no Base64 or invalid.',
  12502: "The 'compatibility_filter' is malformed.",
  12503: "The 'compatibility_filter' says too little of the vehicle.",
  12504: "'compatibility_filter' needs a category.",
  12505: "'compatibility_filter' has an unknown property of vehicles.",
  12506: 'Nothing of this category is made for vehicles.',
  12512: "'qualifiedPrograms' names a programme that this marketplace lacks.",
  12514: "'priorityListing' goes with no other order than Best Match.",
  12515: "'offset' must be zero or a multiple of 'limit'.",
  12516: "'searchInDescription' needs a 'q' longer than one character.",
  12517: 'Only one item location filter can be used at a time.',
  12518: "'itemLocationRegion' names a region that this marketplace does not know.",
};

const APPLICATION = [11000, 12000];
const BUSINESS = [12013, 12014, 12019, 12514];
/** 400 for all others. */
const STATUSES: Record<number, number> = {
  11001: 404,
  11002: 404,
  11003: 404,
  12013: 409,
  12019: 409,
  12514: 409,
};

type ErrorParameters = Readonly<Record<string, string>>;

/** An error or warning of the Browse API. */
export function browseError(errorId: number, parameters: ErrorParameters = {}) {
  const named = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  return {
    errorId,
    domain: 'API_BROWSE',
    category: APPLICATION.includes(errorId)
      ? 'APPLICATION'
      : BUSINESS.includes(errorId)
        ? 'BUSINESS'
        : 'REQUEST',
    message: MESSAGES[errorId] ?? 'The request is invalid.',
    parameters: named.length > 0 ? named : undefined,
  };
}

/** The Browse API's answer with one error, under the error's own status. */
export function refuse(errorId: number, parameters?: ErrorParameters): Answer {
  return refused(browseError(errorId, parameters));
}

export function refused(detail: ErrorDetail): Answer {
  return json(STATUSES[detail.errorId] ?? 400, { errors: [detail] });
}

/** An error of eBay's gateway, which stands before all REST APIs. */
function gatewayError(status: number, detail: object, headers?: Headers): Answer {
  return json(status, { errors: [{ domain: 'ACCESS', category: 'REQUEST', ...detail }] }, headers);
}

export function invalidToken(): Answer {
  const longMessage = 'The access token in the Authorization header is unknown, expired or revoked.';
  return gatewayError(401, { errorId: 1001, domain: 'OAuth', message: 'Invalid access token', longMessage });
}

/** No Authorization header, or a scope that the token lacks. */
export function accessDenied(): Answer {
  const longMessage = 'The request carries no sufficient permission.';
  return gatewayError(403, { errorId: 1100, message: 'Access denied', longMessage });
}

export function tooManyRequests(headers: Headers = {}): Answer {
  const longMessage = 'The limit of calls to this resource is used up.';
  return gatewayError(429, { errorId: 2001, message: 'Too many requests.', longMessage }, headers);
}

export function unknownResource(): Answer {
  return gatewayError(404, { errorId: 2002, message: 'Resource not found' });
}

/** The token endpoint's own error shape. */
export function oauthError(status: number, error: string, description: string): Answer {
  return json(status, { error, error_description: description });
}
