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
import type { BuyerContext } from './catalogue/items.ts';
import { siteFor } from './catalogue/marketplaces.ts';
import { answerItemCall, parseObject } from './itemCalls.ts';
import { isBrowse, type LogEntry, type RequestKind } from './log.ts';
import { isPicture, itemPage, picture, shownIn } from './pictures.ts';
import { BULK_LIMIT, type QuotaState } from './quota.ts';
import { taxonomyAnswer } from './taxonomy.ts';
import { BASE_SCOPE, BULK_SCOPE, grantToken, type Token } from './tokens.ts';
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
  ['POST', 'image-search', /^\/buy\/browse\/v1\/item_summary\/search_by_image$/],
  ['GET', 'legacy-item', /^\/buy\/browse\/v1\/item\/get_item_by_legacy_id$/],
  ['GET', 'item-group', /^\/buy\/browse\/v1\/item\/get_items_by_item_group$/],
  ['POST', 'compatibility', /^\/buy\/browse\/v1\/item\/([^/]+)\/check_compatibility$/],
  ['GET', 'item', /^\/buy\/browse\/v1\/item\/((?!get_)[^/]+)$/],
  ['GET', 'bulk-items', /^\/buy\/browse\/v1\/item\/$/],
  ['GET', 'rate-limit', /^\/developer\/analytics\/v1_beta\/rate_limit\/?$/],
  ['GET', 'taxonomy', /^\/commerce\/taxonomy\/v1\/(get_default_category_tree_id)$/],
  [
    'GET',
    'taxonomy',
    /^\/commerce\/taxonomy\/v1\/category_tree\/([^/]+)\/(get_category_subtree|get_category_suggestions)$/,
  ],
  ['GET', 'public-key', /^\/commerce\/notification\/v1\/public_key\/([^/]+)$/],
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
  if (!token.scopes.includes(route.kind === 'bulk-items' ? BULK_SCOPE : BASE_SCOPE)) return accessDenied();
  if (route.kind === 'rate-limit') return rateLimits(token.account.quota.state(), query);
  if (!charge(world, call)) return tooManyRequests();
  if (route.kind === 'taxonomy') return taxonomyAnswer(route.parts, call);
  if (route.kind === 'public-key') return world.notices.publicKey(decode(first));
  if (route.kind === 'search') return searchAnswer(world, call);
  if (route.kind === 'image-search') return imageAnswer(world, call, body);
  const { marketplace, context } = entry;
  const asked = { query, marketplace, buyer: readBuyer(context), itemId: decode(first), body };
  return answerItemCall(route.kind, { ...world, ...asked });
}

/** Charges a call with a working token to its credential's day of this API. Returns false when the day is used up. */
export function charge(world: World, { route, token }: Call): boolean {
  if (!isBrowse(route.kind) && route.kind !== 'taxonomy' && route.kind !== 'public-key') return true;
  if (token === undefined || !world.tokens.works(token)) return true;
  const { quota } = token.account;
  if (route.kind === 'taxonomy') return quota.chargeTaxonomy();
  if (route.kind === 'public-key') return quota.chargeNotification();
  return route.kind === 'bulk-items' ? quota.chargeBulk() : quota.charge();
}

function searchAnswer(world: World, { query, headers, entry }: Call, shown?: string): Answer {
  const { search, origin, settings } = world;
  return search({
    path: entry.path,
    query,
    shown,
    marketplace: entry.marketplace,
    buyer: readBuyer(entry.context),
    origin: headers.host === undefined ? origin : `http://${headers.host}`,
    unsteady: settings.unsteady,
  });
}

/** Sites with a search by image. */
const IMAGE_SITES = ['EBAY_US', 'EBAY_DE', 'EBAY_GB', 'EBAY_AU'];

/** POST item_summary/search_by_image with `{"image": "<base64>"}`. */
function imageAnswer(world: World, call: Call, body: string): Answer {
  const { marketplace } = call.entry;
  const id = siteFor(marketplace)?.id ?? '';
  if (!IMAGE_SITES.includes(id)) return refuse(12019, { marketplaceId: marketplace ?? '' });
  const image = parseObject(body)?.image;
  if (typeof image !== 'string' || !isPicture(image)) return refuse(12501);
  return searchAnswer(world, call, shownIn(image));
}

/**
 * GET /developer/analytics/v1_beta/rate_limit/ for the credential whose quota this is. eBay spells the API
 * "Browse" here although its filter is `browse`; a filter that matches nothing gives 204.
 */
function rateLimits(
  { limit, used, remaining, bulkUsed, reset, timeWindow }: QuotaState,
  query: URLSearchParams,
): Answer {
  const context = query.get('api_context')?.toLowerCase() ?? 'buy';
  const name = query.get('api_name')?.toLowerCase() ?? 'browse';
  if (context !== 'buy' || name !== 'browse') return empty(204);
  const browse = { count: used, limit, remaining, reset, timeWindow };
  const bulk = { count: bulkUsed, limit: BULK_LIMIT, remaining: BULK_LIMIT - bulkUsed, reset, timeWindow };
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
