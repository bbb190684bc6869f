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
export interface ErrorDetail {
  readonly errorId: number;
  readonly domain: string;
  readonly category: 'REQUEST' | 'BUSINESS' | 'APPLICATION';
  readonly message: string;
  readonly longMessage?: string;
  readonly parameters?: readonly { readonly name: string; readonly value: string }[];
}

/** Error ids of the Browse API. The texts are the simulator's own. */
const MESSAGES: Readonly<Record<number, string>> = {
  11000: 'An internal problem at eBay kept the item from being read.',
  11001: 'No item has the given id.',
  11012: 'The item id is malformed.',
  11018: 'COMPACT excludes every other fieldgroup.',
  11501: 'A fieldgroups value is unknown.',
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
  12010: 'Local pickup needs all four pickup filters.',
  12011: "'deliveryPostalCode' needs 'deliveryCountry'.",
  12012: "'price' and 'priceCurrency' need each other.",
  12013: 'A top-level category needs keywords or filters.',
  12014: "'sellerAccountTypes' is not offered on this marketplace.",
  12016: "A 'fieldgroups' value is unknown.",
  12017: "'aspect_filter' lacks its categoryId.",
  12018: "An 'aspect_filter' value is invalid.",
  12019: 'This marketplace has no Browse search.',
  12021: "The 'epid' value is invalid.",
  12022: "The 'gtin' value is invalid.",
  12027: "The 'auto_correct' value is unknown.",
  12028: "'auto_correct' is not offered on this marketplace.",
  12029: 'Only the first 10,000 listings of a search can be reached; offset must be below 10,000.',
  12030: 'Too many category ids.',
  12032: 'More than 250 sellers in a filter.',
  12515: "'offset' must be zero or a multiple of 'limit'.",
  12516: "'searchInDescription' needs a 'q' longer than one character.",
  12517: 'Only one item location filter can be used at a time.',
};

const BUSINESS = new Set([12013, 12014, 12019]);
const APPLICATION = new Set([11000, 12000]);

/** An error or warning of the Browse API. */
export function browseError(errorId: number, parameters: Readonly<Record<string, string>> = {}): ErrorDetail {
  const named = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  return {
    errorId,
    domain: 'API_BROWSE',
    category: BUSINESS.has(errorId) ? 'BUSINESS' : APPLICATION.has(errorId) ? 'APPLICATION' : 'REQUEST',
    message: MESSAGES[errorId] ?? 'The request is invalid.',
    ...(named.length > 0 && { parameters: named }),
  };
}

export function refuse(status: number, detail: ErrorDetail, headers: Headers = {}): Answer {
  return json(status, { errors: [detail] }, headers);
}

export function marketplaceWithoutSearch(marketplaceId: string | null): Answer {
  return refuse(409, browseError(12019, { marketplaceId: marketplaceId ?? '' }));
}

/** An error of eBay's gateway, which stands before all REST APIs. */
function gatewayError(
  [status, errorId, domain]: [status: number, errorId: number, domain: string],
  message: string,
  longMessage?: string,
  headers?: Headers,
): Answer {
  const detail: ErrorDetail = { errorId, domain, category: 'REQUEST', message };
  return refuse(status, longMessage === undefined ? detail : { ...detail, longMessage }, headers);
}

export function invalidToken(): Answer {
  const reason = 'The access token in the Authorization header is unknown, expired or revoked.';
  return gatewayError([401, 1001, 'OAuth'], 'Invalid access token', reason);
}

/** No Authorization header, or a scope that the token lacks. */
export function accessDenied(): Answer {
  return gatewayError(
    [403, 1100, 'ACCESS'],
    'Access denied',
    'The request carries no sufficient permission.',
  );
}

export function tooManyRequests(headers: Headers = {}): Answer {
  const reason = 'The limit of calls to this resource is used up.';
  return gatewayError([429, 2001, 'ACCESS'], 'Too many requests.', reason, headers);
}

export function unknownResource(): Answer {
  return gatewayError([404, 2002, 'ACCESS'], 'Resource not found');
}

/** The token endpoint's own error shape. */
export function oauthError(status: number, error: string, description: string): Answer {
  return json(status, { error, error_description: description });
}
