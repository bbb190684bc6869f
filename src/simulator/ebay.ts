import type { IncomingHttpHeaders } from 'node:http';
import type { Catalogue } from './catalogue/catalogue.ts';
import { siteFor } from './catalogue/marketplaces.ts';
import { type BuyerContext, describe, escapeHtml } from './catalogue/summary.ts';
import {
  type Answer,
  accessDenied,
  browseError,
  empty,
  invalidToken,
  json,
  refuse,
  text,
  tooManyRequests,
} from './errors.ts';
import type { LogEntry, RequestKind } from './log.ts';
import type { QuotaState } from './quota.ts';
import { hash } from './random.ts';
import { BASE_SCOPE, grantToken, type Token } from './tokens.ts';
import type { World } from './world.ts';

export interface Call {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly entry: LogEntry;
}

/** The token that a call carries, working or not. */
export function presentedToken(world: World, headers: IncomingHttpHeaders): Token | undefined {
  const value = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  return value === undefined ? undefined : world.tokens.find(value);
}

/** What eBay answers. Tokens, permission and quota come first, as they do there. */
export function ebayAnswer(world: World, call: Call): Answer {
  const { route, headers, entry } = call;
  switch (route.kind) {
    case 'token': {
      const { authorization, 'content-type': contentType } = headers;
      const { answer, minted } = grantToken(world.tokens, {
        authorization,
        contentType,
        body: call.body,
      });
      entry.token = minted?.id ?? null;
      return answer;
    }
    case 'search':
    case 'item':
    case 'rate-limit':
      return authorised(world, call);
    case 'picture':
      return picture(world.catalogue, route.parts[0] ?? '', Number(route.parts[1]));
    case 'page':
      return itemPage(world.catalogue, route.parts[0] ?? '');
    default:
      return refuse(404, {
        errorId: 2002,
        domain: 'ACCESS',
        category: 'REQUEST',
        message: 'Resource not found',
      });
  }
}

/** Charges a Browse call with a working token to its credential's day; false when the day is used up. */
export function charge(world: World, { route, headers }: Call): boolean {
  if (route.kind !== 'search' && route.kind !== 'item') return true;
  const token = presentedToken(world, headers);
  return token === undefined || !world.tokens.works(token) || token.account.quota.charge();
}

function authorised(world: World, call: Call): Answer {
  const { headers, query, route } = call;
  if (headers.authorization === undefined) return accessDenied();
  const token = presentedToken(world, headers);
  if (token === undefined || !world.tokens.works(token)) return invalidToken();
  if (!token.scopes.includes(BASE_SCOPE)) return accessDenied();
  if (route.kind === 'rate-limit') return rateLimits(token.account.quota.state(), query);
  if (!charge(world, call)) return tooManyRequests();

  const marketplace = first(headers['x-ebay-c-marketplace-id']);
  const buyer = readBuyer(first(headers['x-ebay-c-enduserctx']));
  if (route.kind === 'item') {
    const encodedId = route.parts[0] ?? '';
    return itemAnswer(world.catalogue, world.origin, { encodedId, query, marketplace, buyer });
  }
  const origin = headers.host === undefined ? world.origin : `http://${headers.host}`;
  return world.search.answer({ query, marketplace, buyer, origin });
}

export function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** For a request that no rule of eBay's covers. */
export function badRequest(reason: string): Answer {
  return text(400, reason, 'text/plain');
}

export interface Route {
  readonly kind: RequestKind;
  /** The path's variable parts, still encoded. */
  readonly parts: readonly string[];
}

/** eBay's own paths, and the simulator's pictures and pages. */
const ROUTES: readonly [method: string, kind: RequestKind, path: RegExp][] = [
  ['POST', 'token', /^\/identity\/v1\/oauth2\/token$/],
  ['GET', 'search', /^\/buy\/browse\/v1\/item_summary\/search$/],
  ['GET', 'item', /^\/buy\/browse\/v1\/item\/((?!get_)[^/]+)$/],
  ['GET', 'rate-limit', /^\/developer\/analytics\/v1_beta\/rate_limit\/?$/],
  ['GET', 'picture', /^\/pictures\/(\d+)\/(\d+)\.svg$/],
  ['GET', 'page', /^\/itm\/(\d+)$/],
];

export function route(method: string, path: string): Route {
  for (const [verb, kind, form] of ROUTES) {
    const parts = verb === method ? form.exec(path) : null;
    if (parts !== null) return { kind, parts: parts.slice(1) };
  }
  return { kind: 'other', parts: [] };
}

/**
 * Reads `X-EBAY-C-ENDUSERCTX`: parts divided by commas, of which `contextualLocation` holds a URL-encoded
 * list of its own (`country%3DUS%2Czip%3D19406`).
 */
export function readBuyer(header: string | undefined): BuyerContext {
  const parts = pairs(header ?? '');
  const place = pairs(decode(parts.get('contextualLocation') ?? ''));
  return {
    country: place.get('country') ?? null,
    postalCode: place.get('zip') ?? null,
    affiliateCampaignId: parts.get('affiliateCampaignId') ?? null,
  };
}

function pairs(text: string): Map<string, string> {
  const found = text.split(',').map((part) => part.trim().split('='));
  return new Map(
    found.filter(([name]) => name !== '').map(([name = '', ...value]) => [name, value.join('=')]),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

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

/**
 * GET /developer/analytics/v1_beta/rate_limit/ for the credential whose quota this is. eBay spells the API
 * "Browse" here although its filter is `browse`; a filter that matches nothing gives 204.
 */
export function rateLimits(quota: QuotaState, query: URLSearchParams): Answer {
  const context = query.get('api_context')?.toLowerCase() ?? 'buy';
  const name = query.get('api_name')?.toLowerCase() ?? 'browse';
  if (context !== 'buy' || name !== 'browse') return empty(204);
  const { limit, used, remaining, reset, timeWindow } = quota;
  const bulk = { count: 0, limit: 5000, remaining: 5000, reset, timeWindow };
  return json(200, {
    rateLimits: [
      {
        apiContext: 'buy',
        apiName: 'Browse',
        apiVersion: 'v1',
        resources: [
          { name: 'buy.browse', rates: [{ count: used, limit, remaining, reset, timeWindow }] },
          { name: 'buy.browse.item.bulk', rates: [bulk] },
        ],
      },
    ],
  });
}

/** Silhouettes in a 200 × 200 box, one chosen by the product's family. */
const SHAPES: readonly string[] = [
  '<rect x="62" y="28" width="76" height="144" rx="14"/><rect x="70" y="44" width="60" height="104" rx="4" class="l"/>',
  '<rect x="56" y="56" width="88" height="88" rx="16"/><rect x="80" y="34" width="8" height="26" class="d"/><rect x="112" y="34" width="8" height="26" class="d"/>',
  '<ellipse cx="100" cy="104" rx="48" ry="66"/><rect x="95" y="52" width="10" height="30" rx="5" class="l"/>',
  '<circle cx="100" cy="100" r="64"/><circle cx="100" cy="100" r="38" class="l"/><circle cx="100" cy="100" r="14" class="d"/>',
  '<path d="M50 160V76l50-36 50 36v84z"/><rect x="84" y="112" width="32" height="48" class="l"/>',
  '<path d="M40 132q0-70 60-70t60 70z"/><rect x="34" y="132" width="132" height="16" rx="8" class="d"/>',
  '<rect x="34" y="66" width="132" height="78" rx="18"/><circle cx="70" cy="105" r="20" class="l"/><circle cx="130" cy="105" r="20" class="l"/>',
  '<path d="M80 30h40v28q22 12 22 40v62q0 14-14 14H72q-14 0-14-14V98q0-28 22-40z"/><rect x="64" y="108" width="72" height="34" class="l"/>',
  '<path d="M30 150c30-90 60-90 70-40s40 50 70-40" fill="none" stroke-width="20" stroke-linecap="round" class="s"/>',
  '<circle cx="100" cy="82" r="42"/><path d="M56 176q0-52 44-52t44 52z"/>',
  '<path d="M100 30l20 44 48 5-36 32 10 48-42-25-42 25 10-48-36-32 48-5z"/>',
  '<rect x="36" y="46" width="128" height="100" rx="10"/><rect x="46" y="56" width="108" height="80" class="l"/><rect x="76" y="152" width="48" height="12" rx="6" class="d"/>',
];

const COLOURS: Readonly<Record<string, readonly [saturation: number, lightness: number]>> = {
  Black: [8, 26],
  White: [12, 88],
  Grey: [5, 55],
  Silver: [8, 72],
};
const HUES: Readonly<Record<string, number>> = {
  Blue: 215,
  Red: 2,
  Green: 135,
  Pink: 335,
  Gold: 44,
  Purple: 275,
};

/** GET /pictures/LISTING/VIEW.svg: the listing's shape in its colour on its department's background. */
export function picture(catalogue: Catalogue, legacyId: string, view: number): Answer {
  const listing = catalogue.find(legacyId);
  if (listing === null) return empty(404);
  const { department } = listing.family.leaf;
  const hue = HUES[listing.wording.colour] ?? department.hue;
  const [saturation, lightness] = COLOURS[listing.wording.colour] ?? [58, 52];
  const shape = SHAPES[hash(listing.family.noun) % SHAPES.length];
  const tilt = view === 0 ? 0 : ((hash(listing.dice, view) % 31) - 15) * (view % 2 === 0 ? 1 : -1);
  const fill = `hsl(${hue} ${saturation}% ${lightness}%)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="400" height="400">
<defs><linearGradient id="b" x2="0" y2="1"><stop stop-color="hsl(${department.hue} 45% 96%)"/><stop offset="1" stop-color="hsl(${department.hue} 40% 86%)"/></linearGradient></defs>
<style>.l{fill:#ffffffb0}.d{fill:#00000038}.s{stroke:${fill}}</style>
<title>${escapeHtml(listing.wording.title)}</title>
<rect width="200" height="200" fill="url(#b)"/><ellipse cx="100" cy="180" rx="60" ry="7" fill="#0000001c"/>
<g fill="${fill}" transform="rotate(${tilt} 100 100)">${shape}</g></svg>`;
  return text(200, svg, 'image/svg+xml', { 'cache-control': 'public, max-age=86400' });
}

/** GET /itm/LISTING: a small page that stands where eBay's own would be. */
export function itemPage(catalogue: Catalogue, legacyId: string): Answer {
  const listing = catalogue.find(legacyId);
  const title = listing === null ? 'This listing has ended' : listing.wording.title;
  const image =
    listing === null ? '' : `<img src="/pictures/${legacyId}/0.svg" width="400" height="400" alt="">`;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<body style="font:16px system-ui;margin:3rem auto;max-width:40rem"><h1>${escapeHtml(title)}</h1>${image}
<p>Simulated listing ${escapeHtml(legacyId)}. Nothing is for sale here.</p></body></html>`;
  return text(listing === null ? 404 : 200, html, 'text/html; charset=utf-8');
}
