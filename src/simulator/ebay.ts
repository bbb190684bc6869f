import type { IncomingHttpHeaders } from 'node:http';
import {
  type Answer,
  accessDenied,
  empty,
  invalidToken,
  json,
  refuse,
  tooManyRequests,
  unknownResource,
} from './answers.ts';
import { type BuyerContext, describe } from './catalogue/items.ts';
import { siteFor } from './catalogue/marketplaces.ts';
import type { LogEntry, RequestKind } from './log.ts';
import { itemPage, picture } from './pictures.ts';
import type { QuotaState } from './quota.ts';
import { BASE_SCOPE, grantToken, type Token } from './tokens.ts';
import type { World } from './world.ts';

export interface Call {
  readonly route: ReturnType<typeof findRoute>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The token that it carries, working or not. */
  readonly token: Token | undefined;
  readonly entry: LogEntry;
}

/** eBay's own paths, and the simulator's pictures and pages. */
const ROUTES: readonly [method: string, kind: RequestKind, path: RegExp][] = [
  ['POST', 'token', /^\/identity\/v1\/oauth2\/token$/],
  ['GET', 'search', /^\/buy\/browse\/v1\/item_summary\/search$/],
  ['GET', 'item', /^\/buy\/browse\/v1\/item\/((?!get_)[^/]+)$/],
  ['GET', 'rate-limit', /^\/developer\/analytics\/v1_beta\/rate_limit\/?$/],
  ['GET', 'picture', /^\/pictures\/(\d+)\/(\d+)\/s-l\d+\.svg$/],
  ['GET', 'page', /^\/itm\/(\d+)$/],
];

/** `parts` are the path's variable parts, still encoded. */
export function findRoute(method: string, path: string): { kind: RequestKind; parts: string[] } {
  for (const [verb, kind, form] of ROUTES) {
    const parts = verb === method ? form.exec(path) : null;
    if (parts !== null) return { kind, parts: parts.slice(1) };
  }
  return { kind: 'other', parts: [] };
}

/** What eBay answers. It checks token, permission and quota first, and so does this. */
export function ebayAnswer(world: World, call: Call, body: string): Answer {
  const { route, headers, query, token, entry } = call;
  const [first = '', second = ''] = route.parts;
  if (route.kind === 'token') {
    const { answer, minted } = grantToken(world.tokens, headers, body, world.settings);
    entry.token = minted?.id ?? null;
    return answer;
  }
  if (route.kind === 'picture') return picture(world.catalogue, first, Number(second));
  if (route.kind === 'page') return itemPage(world.catalogue, first);
  if (route.kind === 'other') return unknownResource();

  if (headers.authorization === undefined) return accessDenied();
  if (token === undefined || !world.tokens.works(token)) return invalidToken();
  if (!token.scopes.includes(BASE_SCOPE)) return accessDenied();
  if (route.kind === 'rate-limit') return rateLimits(token.account.quota.state(), query);
  if (!charge(world, call)) return tooManyRequests();
  return route.kind === 'item' ? itemAnswer(world, call, first) : searchAnswer(world, call);
}

/** Charges a Browse call with a working token to its credential's day. Returns false when the day is used up. */
export function charge(world: World, { route, token }: Call): boolean {
  if (route.kind !== 'search' && route.kind !== 'item') return true;
  return token === undefined || !world.tokens.works(token) || token.account.quota.charge();
}

function searchAnswer({ search, origin, settings }: World, { query, headers, entry }: Call): Answer {
  return search({
    query,
    marketplace: entry.marketplace,
    buyer: readBuyer(entry.context),
    origin: headers.host === undefined ? origin : `http://${headers.host}`,
    unsteady: settings.unsteady,
  });
}

const FIELDGROUPS = ['PRODUCT', 'COMPACT', 'ADDITIONAL_SELLER_DETAILS', 'CHARITY_DETAILS'];

/** GET item/{item_id}: `v1|LISTING|VARIATION`, its pipes encoded in the path. */
function itemAnswer({ catalogue, origin }: World, { query, entry }: Call, encodedId: string): Answer {
  const { marketplace, context } = entry;
  if (siteFor(marketplace) === null) return refuse(12019, { marketplaceId: marketplace ?? '' });
  const groups = (query.get('fieldgroups') ?? '').split(',').filter((group) => group !== '');
  const unknown = groups.find((group) => !FIELDGROUPS.includes(group));
  if (unknown !== undefined) return refuse(11501, { fieldgroups: unknown });
  if (groups.includes('COMPACT') && groups.length > 1) return refuse(11018);

  const itemId = decode(encodedId);
  const [, legacyId] = /^v1\|(\d+)\|(\d+)$/.exec(itemId) ?? [];
  if (legacyId === undefined) return refuse(11012, { itemId });
  const listing = catalogue.find(legacyId);
  if (listing?.itemId !== itemId) return refuse(11001, { itemId });
  return json(200, describe(listing, origin, readBuyer(context)));
}

/**
 * GET /developer/analytics/v1_beta/rate_limit/ for the credential whose quota this is. eBay spells the API
 * "Browse" here although its filter is `browse`; a filter that matches nothing gives 204.
 */
function rateLimits(
  { limit, used, remaining, reset, timeWindow }: QuotaState,
  query: URLSearchParams,
): Answer {
  const context = query.get('api_context')?.toLowerCase() ?? 'buy';
  const name = query.get('api_name')?.toLowerCase() ?? 'browse';
  if (context !== 'buy' || name !== 'browse') return empty(204);
  const browse = { count: used, limit, remaining, reset, timeWindow };
  const bulk = { count: 0, limit: 5000, remaining: 5000, reset, timeWindow };
  const resources = [
    { name: 'buy.browse', rates: [browse] },
    { name: 'buy.browse.item.bulk', rates: [bulk] },
  ];
  return json(200, { rateLimits: [{ apiContext: 'buy', apiName: 'Browse', apiVersion: 'v1', resources }] });
}

/**
 * Reads `X-EBAY-C-ENDUSERCTX`: parts divided by commas, of which `contextualLocation` holds a URL-encoded
 * list of its own (`country%3DUS%2Czip%3D19406`).
 */
function readBuyer(header: string | null): BuyerContext {
  const { contextualLocation, affiliateCampaignId } = pairs(header ?? '');
  const { country, zip: postalCode } = pairs(decode(contextualLocation ?? ''));
  return { country, postalCode, affiliateCampaignId };
}

function pairs(text: string): Record<string, string | undefined> {
  const found = text.split(',').map((part) => part.trim().split('='));
  return Object.fromEntries(found.map(([name = '', ...value]) => [name, value.join('=')]));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
